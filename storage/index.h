/* SPDX-License-Identifier: BSD-3-Clause */
/* index.h - the table at the end of an image: what lies where */
#ifndef CAIRN_STORAGE_INDEX_H
#define CAIRN_STORAGE_INDEX_H

#include "storage/image.h"

struct index_rank {
	uint32_t rank;
	void *sheet; /* malloc'ed */
	size_t sheet_len;
	struct image_chunk *chunks; /* ascending; see index_decode for owner */
	size_t nchunks;
};

struct index {
	struct index_rank *ranks; /* ascending */
	size_t nranks;
	struct image_source *sources; /* ascending by epoch and name; NULL: none
				       */
	size_t nsources;
	struct image_chunk *all; /* one block behind all ranks' chunks; NULL
				    while writing, where each has its own */
	struct image_totals totals;
};

/*
 * index_encode - sort, merge runs of zeros, and lay out
 *
 * Fills totals but for `bytes`.  *buf is the caller's to free.  Every source
 * must be used.
 */
int index_encode(struct index *ix, void **buf, size_t *len,
		 struct err *err) must_check;

/*
 * index_decode - take apart, believing nothing
 *
 * data_end is where the index begins in the file: all chunks lie between the
 * header and it.  Checked: counts against len, order of ranks and chunks, that
 * chunks lie in regions of their rank's sheet and apart, that extents in a
 * file lie apart (or are the same one) and in this one leave no gaps but
 * alignment, that every source is used.
 */
int index_decode(const void *buf, size_t len, uint64_t data_end,
		 struct index *ix, struct err *err) must_check;
void index_fini(struct index *ix);

/* index_extents - all stored chunks by source and ascending place in its file,
 * identical ones once; *extents is the caller's to free. */
int index_extents(const struct index *ix, const struct image_chunk ***extents,
		  size_t *n, struct err *err) must_check;

#endif
