/* SPDX-License-Identifier: BSD-3-Clause */
/* index_private.h - what writing and reading an index have in common */
#ifndef CAIRN_STORAGE_INDEX_PRIVATE_H
#define CAIRN_STORAGE_INDEX_PRIVATE_H

#include "storage/index.h"

static inline size_t round_up8(size_t n)
{
	return (n + 7) & ~(size_t)7;
}

static inline uint64_t sheet_saved_bytes(const struct sheet *s)
{
	const void *at = (const char *)s + s->regions;
	const struct region *r = at;
	uint64_t sum = 0;

	for (uint32_t i = 0; i < s->nregions; i++)
		if (r[i].flags & REGION_SAVE)
			sum += r[i].len;
	return sum;
}

static inline int is_same_extent(const struct image_chunk *a,
				 const struct image_chunk *b)
{
	return a->source == b->source && a->offset == b->offset &&
	       a->stored == b->stored && a->digest == b->digest &&
	       a->codec == b->codec && a->raw == b->raw;
}

#endif
