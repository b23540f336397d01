/* SPDX-License-Identifier: BSD-3-Clause */
/* gids.c - what the agent knows of each counted group in an epoch */
#include "runtime/agent/gids.h"

#include "runtime/base/control.h"

#include <errno.h>
#include <stdlib.h>

/* gids are hashes, but of whatever quality: mix them once more. */
static size_t home(const struct gids *g, uint64_t gid)
{
	return (size_t)((gid * 0x9e3779b97f4a7c15ULL) >> 20) & (g->cap - 1);
}

static struct gid_entry *probe(const struct gids *g, uint64_t gid)
{
	size_t i = home(g, gid);

	while (g->v[i].gid && g->v[i].gid != gid)
		i = (i + 1) & (g->cap - 1);
	return &g->v[i];
}

struct gid_entry *gids_get(const struct gids *g, uint64_t gid)
{
	struct gid_entry *e = g->cap ? probe(g, gid) : NULL;

	return e && e->gid ? e : NULL;
}

static int grow(struct gids *g)
{
	struct gids bigger = { .cap = g->cap ? g->cap * 2 : 64, .n = g->n };

	bigger.v = calloc(bigger.cap, sizeof(*bigger.v));
	if (!bigger.v)
		return -ENOMEM;
	for (size_t i = 0; i < g->cap; i++)
		if (g->v[i].gid)
			*probe(&bigger, g->v[i].gid) = g->v[i];
	free(g->v);
	*g = bigger;
	return 0;
}

struct gid_entry *gids_put(struct gids *g, uint64_t gid)
{
	struct gid_entry *e;

	if (2 * (g->n + 1) > g->cap && grow(g))
		return NULL;
	e = probe(g, gid);
	if (!e->gid) {
		e->gid = gid;
		g->n++;
	}
	return e;
}

void gids_fini(struct gids *g)
{
	free(g->v);
	*g = (struct gids){ 0 };
}

int gids_count(struct gids *g, uint64_t gid, uint64_t word, uint32_t members,
	       uint32_t flags)
{
	struct gid_entry *e = gids_put(g, gid);
	uint64_t count = slot_count(word);
	uint64_t floor = count - slot_steps(word);

	if (!e)
		return -ENOMEM;
	if (floor > count)
		return -EPROTO; /* a broken rank */
	if (!e->entries || count > e->max)
		e->max = count;
	if (!e->entries || floor > e->floor)
		e->floor = floor;
	if (!e->entries || count < e->min)
		e->min = count;
	e->entries++;
	e->members = members;
	e->flags |= flags;
	return 0;
}
