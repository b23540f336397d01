/* SPDX-License-Identifier: BSD-3-Clause */
/* frames.h - where the functions of a library begin and end */
#ifndef CAIRN_LOWER_FRAMES_H
#define CAIRN_LOWER_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* From .eh_frame_hdr and .eh_frame of the file, for one executable segment.
 * Addresses are those in memory. */
struct frames {
	uintptr_t text, text_end; /* the part that comes from the file */
	/* private */
	uintptr_t map; /* the segment that holds the tables */
	size_t map_size;
	uint64_t vaddr; /* where the file says that it lies */
	uint64_t bias;	/* memory less file */
	uint64_t header;
	const uint8_t *table;
	size_t count;
};

/*
 * frames_open - for the segment at `offset` of fd that is mapped at start
 *
 * false if the file is no ELF, or has no table that we can read.  No TLS, no
 * libc, general registers only.
 */
bool frames_open(struct frames *f, int fd, uintptr_t start, uint64_t offset);
void frames_close(struct frames *f);
/* frames_find - the function that address lies in. */
bool frames_find(const struct frames *f, uintptr_t address, uintptr_t *start,
		 uintptr_t *end);

#endif
