/* SPDX-License-Identifier: BSD-3-Clause */
/* changes.h - what a rank says has changed since an epoch, as the agent has it
 */
#ifndef CAIRN_AGENT_CHANGES_H
#define CAIRN_AGENT_CHANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/delta.h"
#include "runtime/base/err.h"

/* Zeroed: nothing is known, all may have changed. */
struct changes {
	uint32_t since;			      /* epoch; 0: nothing is known */
	char why[104];			      /* the rank cannot track; or "" */
	struct delta_record *tracked, *dirty; /* each ascending */
	size_t ntracked, ndirty;
};

/* changes_read - the struct delta at this offset of the file (0: there is none,
 * and nothing is known); checked. */
int changes_read(struct changes *c, int fd, uint64_t at, uint64_t file_len,
		 struct err *err) must_check;
void changes_fini(struct changes *c);

/* changes_clean - is memory at addr vouched for to be unchanged?  *end, an
 * upper bound when it comes in, is how far the answer holds. */
bool changes_clean(const struct changes *c, uint64_t addr, uint64_t *end);

#endif
