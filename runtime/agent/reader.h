/* SPDX-License-Identifier: BSD-3-Clause */
/* reader.h - one rank's memory, from outside, into an image */
#ifndef CAIRN_AGENT_READER_H
#define CAIRN_AGENT_READER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "runtime/agent/changes.h"
#include "runtime/base/err.h"
#include "runtime/base/sheet.h"
#include "storage/image.h"

/* Where a pass reads: descriptors of /proc/PID/mem and /proc/PID/pagemap; the
 * latter may be -1. */
struct reader_source {
	int mem, pagemap;
};

/* One rank that is captured. */
struct reader {
	uint32_t rank;
	struct sheet *sheet; /* a checked copy of our own */
	size_t sheet_len;
	struct reader_source twin; /* -1: there is none */
	struct reader_source own;  /* of the rank, while it stands still */
	int lifeline;		   /* of the twin */
	int smaps;		   /* of the twin; -1: not needed */
	struct changes changes;	   /* what it says has changed */
	uint32_t base;		   /* epoch of the image's base; 0: none */
	_Atomic uint64_t *bytes;   /* counts what was read */
	const atomic_bool *cancel;
};

/* reader_init - take what CONTROL_CAPTURED brought: three to seven
 * descriptors (control.h), all of which belong to the reader now, also if this
 * fails, and where the list of changes is.  The sheet is copied and checked. */
int reader_init(struct reader *r, uint32_t rank, const int *fds,
		unsigned int nfds, uint64_t delta, struct err *err) must_check;
/* reader_first - what must be read before the rank may go on; _rest - all other
 * regions.  -ECANCELED soon after *cancel is set. */
int reader_first(struct reader *r, struct image_writer *w,
		 struct err *err) must_check;
int reader_rest(struct reader *r, struct image_writer *w,
		struct err *err) must_check;
/* reader_flags - add to the sheet what the twin's smaps tells, if the rank had
 * no time for its own. */
int reader_flags(struct reader *r, struct err *err) must_check;
/* Close the rank's own descriptors; close everything: the twin exits. */
void reader_release_rank(struct reader *r);
void reader_fini(struct reader *r);

#endif
