/* SPDX-License-Identifier: BSD-3-Clause */
/* base.h - what the last image of a node holds, for the next one */
#ifndef CAIRN_STORAGE_BASE_H
#define CAIRN_STORAGE_BASE_H

#include <stdbool.h>

#include "storage/image.h"
#include "storage/index.h"

/*
 * DESIGN
 *
 * An image may leave its chunks in older images, each in the very one that
 * holds the bytes: no chain is followed at a restart, one index tells all.  So
 * a base is the list of a committed image's chunks, with its sources and the
 * image itself as places.
 *
 * What must not grow without bound is decided here, for the next image:
 *  - SOURCES.  A node's epoch that is restarted opens that many files, and
 *    each is kept on the disk.  Above BASE_SOURCES the sources of which the
 *    least is used are done without: their chunks are written anew.  That is
 *    cheap where the oldest would be dear: the first, full epoch serves on,
 *    and small ones melt into the newest.
 *  - GARBAGE.  Where files of the sources hold more than twice what is used of
 *    them, the one with most garbage is done without.  As much was written
 *    since as is now written again, so all in all no more than twice.
 *  - BITS.  Each changed page parts a chunk.  A window of memory in more than
 *    BASE_BITS pieces is written as one again.
 * No thread merges old files: the memory is there, and is read faster.
 */
#define BASE_SOURCES 8
#define BASE_BITS    32

struct base_rank {
	uint32_t rank;
	struct image_chunk *chunks; /* ascending by address */
	bool *again;		    /* of each: to be written anew */
	size_t n;
};

struct image_base {
	uint32_t epoch;
	struct image_source *sources; /* the image itself is the last */
	size_t nsources;
	bool *without;		 /* of each source */
	struct base_rank *ranks; /* ascending */
	size_t nranks;
};

/* base_create - of an image that was written: ix as index_encode left it, whose
 * chunks it takes over; self is the image. */
int base_create(struct index *ix, const struct image_source *self,
		struct image_base **base, struct err *err) must_check;

/* base_rank - NULL: it was not in it. */
const struct base_rank *base_rank(const struct image_base *base, uint32_t rank);
/* base_first - the number of the first chunk that ends behind addr; r->n: none
 * does. */
size_t base_first(const struct base_rank *r, uint64_t addr);
/* base_serves - may the next image refer to this chunk's place? */
static inline bool base_serves(const struct image_base *base,
			       const struct image_chunk *c)
{
	return !c->source || !base->without[c->source - 1];
}

#endif
