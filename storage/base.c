/* SPDX-License-Identifier: BSD-3-Clause */
/* base.c - what the last image of a node holds, for the next one */
#include "storage/base.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "storage/chunk.h"

/* --- what is done without ------------------------------------------------- */

/* How much of each source's file is used, in bytes there. */
static void count_used(const struct image_base *b, uint64_t *used)
{
	for (size_t i = 0; i < b->nranks; i++)
		for (size_t k = 0; k < b->ranks[i].n; k++) {
			const struct image_chunk *c = &b->ranks[i].chunks[k];

			if (c->stored)
				used[c->source - 1] += c->stored * c->len /
						       c->raw;
		}
}

static size_t least_used(const struct image_base *b, const uint64_t *used)
{
	size_t least = b->nsources;

	for (size_t i = 0; i < b->nsources; i++)
		if (!b->without[i] &&
		    (least == b->nsources || used[i] < used[least]))
			least = i;
	return least;
}

static uint64_t garbage(const struct image_base *b, const uint64_t *used,
			size_t i)
{
	return b->sources[i].bytes > used[i] ? b->sources[i].bytes - used[i] :
					       0;
}

/* The source with most garbage, if all together have too much; else nsources.
 */
static size_t most_garbage(const struct image_base *b, const uint64_t *used)
{
	uint64_t files = 0, good = 0;
	size_t most = b->nsources;

	for (size_t i = 0; i < b->nsources; i++) {
		if (b->without[i])
			continue;
		files += b->sources[i].bytes;
		good += used[i];
		if (most == b->nsources ||
		    garbage(b, used, i) > garbage(b, used, most))
			most = i;
	}
	return files / 2 > good ? most : b->nsources;
}

static int plan_sources(struct image_base *b)
{
	uint64_t *used = calloc(b->nsources, sizeof(*used));
	size_t n = b->nsources, i;

	if (!used)
		return -ENOMEM;
	count_used(b, used);
	for (; n > BASE_SOURCES; n--)
		b->without[least_used(b, used)] = true;
	/* Two sources at least: of one alone nothing is gained. */
	while (n-- > 1 && (i = most_garbage(b, used)) < b->nsources)
		b->without[i] = true;
	free(used);
	return 0;
}

static void plan_rank(const struct image_base *b, struct base_rank *r)
{
	for (size_t i = 0, end; i < r->n; i = end) {
		uint64_t window = r->chunks[i].addr / CHUNK_WINDOW;

		for (end = i + 1; end < r->n; end++)
			if (r->chunks[end].addr / CHUNK_WINDOW != window)
				break;
		for (size_t k = i; k < end; k++)
			r->again[k] = r->chunks[k].stored &&
				      (end - i > BASE_BITS ||
				       !base_serves(b, &r->chunks[k]));
	}
}

/* --- life ----------------------------------------------------------------- */

static int take_rank(struct image_base *b, struct index_rank *from)
{
	struct base_rank *r = &b->ranks[b->nranks];

	r->again = calloc(from->nchunks + 1, sizeof(*r->again));
	if (!r->again)
		return -ENOMEM;
	r->rank = from->rank;
	r->chunks = from->chunks;
	r->n = from->nchunks;
	from->chunks = NULL;
	from->nchunks = 0;
	b->nranks++;
	for (size_t i = 0; i < r->n; i++)
		if (r->chunks[i].stored && !r->chunks[i].source)
			r->chunks[i].source = (uint32_t)b->nsources;
	return 0;
}

int base_create(struct index *ix, const struct image_source *self,
		struct image_base **base, struct err *err)
{
	struct image_base *b = calloc(1, sizeof(*b));
	int rc = -ENOMEM;

	if (!b)
		goto failed;
	b->epoch = self->epoch;
	b->nsources = ix->nsources + 1;
	b->sources = calloc(b->nsources, sizeof(*b->sources));
	b->without = calloc(b->nsources, sizeof(*b->without));
	b->ranks = calloc(ix->nranks + 1, sizeof(*b->ranks));
	if (!b->sources || !b->without || !b->ranks)
		goto failed;
	if (ix->nsources)
		memcpy(b->sources, ix->sources,
		       ix->nsources * sizeof(*b->sources));
	b->sources[ix->nsources] = *self;
	for (size_t i = 0; i < ix->nranks; i++)
		if (take_rank(b, &ix->ranks[i]))
			goto failed;
	rc = plan_sources(b);
	if (rc)
		goto failed;
	for (size_t i = 0; i < b->nranks; i++)
		plan_rank(b, &b->ranks[i]);
	*base = b;
	return 0;
failed:
	image_base_destroy(b);
	return err_set(err, rc, "no memory to remember what %s holds",
		       self->file);
}

void image_base_destroy(struct image_base *b)
{
	if (!b)
		return;
	for (size_t i = 0; i < b->nranks; i++) {
		free(b->ranks[i].chunks);
		free(b->ranks[i].again);
	}
	free(b->ranks);
	free(b->sources);
	free(b->without);
	free(b);
}

uint32_t image_base_epoch(const struct image_base *base)
{
	return base->epoch;
}

const struct image_source *image_base_sources(const struct image_base *base,
					      size_t *n)
{
	*n = base->nsources - 1;
	return base->sources;
}

/* --- looking -------------------------------------------------------------- */

const struct base_rank *base_rank(const struct image_base *b, uint32_t rank)
{
	for (size_t i = 0; b && i < b->nranks; i++)
		if (b->ranks[i].rank == rank)
			return &b->ranks[i];
	return NULL;
}

size_t base_first(const struct base_rank *r, uint64_t addr)
{
	size_t low = 0, high = r->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (r->chunks[mid].addr + r->chunks[mid].len <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}
