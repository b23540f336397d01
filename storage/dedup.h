/* SPDX-License-Identifier: BSD-3-Clause */
/* dedup.h - where memory with this content is stored already */
#ifndef CAIRN_STORAGE_DEDUP_H
#define CAIRN_STORAGE_DEDUP_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/base/err.h"

/*
 * A table from the 128-bit hash of a chunk's memory to its place.  The hash
 * (XXH3, no seed) is good against chance, not against somebody who makes two
 * contents with the same one on purpose; he could only harm his own image.
 */
struct place {
	uint64_t hash[2];
	uint64_t offset, digest;
	uint32_t raw;	 /* bytes of memory */
	uint32_t stored; /* 0: somebody is about to store it */
	uint32_t codec;
	uint32_t source;
};

struct dedup;

struct dedup *dedup_create(void);    /* NULL: out of memory */
void dedup_destroy(struct dedup *d); /* NULL allowed */
/* dedup_find - NULL: not known.  Valid until the next dedup_add. */
struct place *dedup_find(struct dedup *d, const uint64_t hash[2], uint32_t raw);
/* dedup_add - one that was not found; copied.  0 or -ENOMEM. */
int dedup_add(struct dedup *d, const struct place *place) must_check;

#endif
