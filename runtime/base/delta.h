/* SPDX-License-Identifier: BSD-3-Clause */
/* delta.h - what a rank knows to have changed, behind its capture sheet */
#ifndef CAIRN_BASE_DELTA_H
#define CAIRN_BASE_DELTA_H

#include <stdint.h>

#define DELTA_MAGIC 0x41544c44524941ULL /* "AIRDLTA" */

/*
 * Lies in the sheet's memory file at the offset that CONTROL_CAPTURED names, a
 * multiple of a page.  `count` records follow, in no order.  A record with
 * DELTA_TRACKED says that the kernel has noted every change to this memory
 * since the capture for epoch `since`; one without, that this memory has
 * changed since then.  Memory that no record vouches for may have changed.
 */
struct delta {
	uint64_t magic;
	uint32_t since; /* 0: nothing is known */
	uint32_t reserved;
	uint64_t count;
	char why[104]; /* nothing can be known: the reason, for people; or "" */
};

#define DELTA_TRACKED 1ULL /* in `start`, whose low bits are free */

struct delta_record {
	uint64_t start, end;
};

#endif
