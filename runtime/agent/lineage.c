/* SPDX-License-Identifier: BSD-3-Clause */
/* lineage.c - which image of this node the next one can be based on */
#include "runtime/agent/lineage.h"

#include "runtime/base/log.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/*
 * DESIGN
 *
 * The base is what the last *committed* image of this agent left in memory: an
 * epoch that came to nothing changes nothing here.  Each rank says of its list
 * of changed pages since which epoch it is (base/delta.h), and the reader
 * believes it only if that is the base's.  So everything that may go wrong, an
 * epoch that was given up, a rank that is another process now, an agent that is
 * new, ends the same way: that memory is read and compared by its hash.
 */
struct lineage {
	enum incremental mode;
	struct image_base *base;
	char path[PATH_MAX]; /* of its tier; "": the checkpoint folder */
	char next[PATH_MAX]; /* of the image that was begun */
	bool said;
};

static enum incremental mode_of(const char *option)
{
	static const char *const names[] = { "auto", "scan", "hash", "off" };

	for (int i = 0; option && i < 4; i++)
		if (!strcmp(names[i], option))
			return (enum incremental)i;
	return INCREMENTAL_AUTO;
}

struct lineage *lineage_create(const char *option)
{
	struct lineage *l = calloc(1, sizeof(*l));

	if (l)
		l->mode = mode_of(option);
	return l;
}

void lineage_destroy(struct lineage *l)
{
	if (!l)
		return;
	image_base_destroy(l->base);
	free(l);
}

static void drop(struct lineage *l)
{
	image_base_destroy(l->base);
	l->base = NULL;
}

const struct image_base *lineage_begin(struct lineage *l, int dirfd,
				       const char *path)
{
	struct err err;

	if (l->mode == INCREMENTAL_OFF)
		return NULL;
	strncpy(l->next, path ? path : "", sizeof(l->next) - 1);
	if (l->base && strcmp(l->next, l->path) != 0)
		drop(l);
	if (l->base && image_base_probe(l->base, dirfd, &err)) {
		log_warn("%s; the next checkpoint is written in full",
			 err.text);
		drop(l);
	}
	return l->base;
}

void lineage_committed(struct lineage *l, struct image_base *base)
{
	drop(l);
	if (l->mode == INCREMENTAL_OFF) {
		image_base_destroy(base);
		return;
	}
	l->base = base;
	memcpy(l->path, l->next, sizeof(l->path));
}

bool lineage_tracks(const struct lineage *l)
{
	return l->mode == INCREMENTAL_AUTO || l->mode == INCREMENTAL_SCAN;
}

void lineage_untracked(struct lineage *l, uint32_t rank, const char *why)
{
	if (l->mode != INCREMENTAL_SCAN || l->said)
		return;
	l->said = true;
	log_warn("rank %u: which pages it changes cannot be tracked: %s; they "
		 "are found by their hashes",
		 rank, why);
}
