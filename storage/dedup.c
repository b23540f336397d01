/* SPDX-License-Identifier: BSD-3-Clause */
/* dedup.c - where memory with this content is stored already */
#include "storage/dedup.h"

#include <errno.h>
#include <stdlib.h>

/* Open addressing; at most half full, so that a search is short. */
struct dedup {
	struct place *slots; /* raw 0: empty */
	size_t nslots;	     /* a power of two */
	size_t used;
};

#define SLOTS_MIN 1024

struct dedup *dedup_create(void)
{
	struct dedup *d = calloc(1, sizeof(*d));

	if (d)
		d->slots = calloc(SLOTS_MIN, sizeof(*d->slots));
	if (!d || !d->slots) {
		free(d);
		return NULL;
	}
	d->nslots = SLOTS_MIN;
	return d;
}

void dedup_destroy(struct dedup *d)
{
	if (!d)
		return;
	free(d->slots);
	free(d);
}

/* The slot that has it, or the empty one where it would go. */
static struct place *look(struct place *slots, size_t nslots,
			  const uint64_t hash[2], uint32_t raw)
{
	size_t i = hash[0] & (nslots - 1);

	while (slots[i].raw &&
	       (slots[i].hash[0] != hash[0] || slots[i].hash[1] != hash[1] ||
		slots[i].raw != raw))
		i = (i + 1) & (nslots - 1);
	return &slots[i];
}

struct place *dedup_find(struct dedup *d, const uint64_t hash[2], uint32_t raw)
{
	struct place *p = look(d->slots, d->nslots, hash, raw);

	return p->raw ? p : NULL;
}

static int grow(struct dedup *d)
{
	size_t n = 2 * d->nslots;
	struct place *slots = calloc(n, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	for (size_t i = 0; i < d->nslots; i++) {
		const struct place *p = &d->slots[i];

		if (p->raw)
			*look(slots, n, p->hash, p->raw) = *p;
	}
	free(d->slots);
	d->slots = slots;
	d->nslots = n;
	return 0;
}

int dedup_add(struct dedup *d, const struct place *place)
{
	if (2 * (d->used + 1) > d->nslots) {
		int rc = grow(d);

		if (rc)
			return rc;
	}
	*look(d->slots, d->nslots, place->hash, place->raw) = *place;
	d->used++;
	return 0;
}
