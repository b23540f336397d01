/* SPDX-License-Identifier: BSD-3-Clause */
/* retention.h - how many epochs are kept: by count, age and space */
#ifndef CAIRN_STORAGE_RETENTION_H
#define CAIRN_STORAGE_RETENTION_H

#include <stdint.h>
#include <time.h>

#include "runtime/base/err.h"
#include "storage/manifest.h"

/* Each bound alone is enough for an epoch to go; 0: no such bound. */
struct retention {
	unsigned int keep; /* the newest so many */
	int64_t age_ms;	   /* since its commit */
	int64_t bytes;	   /* what it and all newer ones wrote */
};

/* retention_count - how many of the newest epochs stay: never less than one.
 * An epoch whose time cannot be read is not too old. */
unsigned int retention_count(const struct catalog *catalog,
			     const struct retention *r, time_t now);
/* retention_apply - prune (manifest.h) by these bounds, which never removes the
 * newest good epoch of either tier. */
int retention_apply(const char *dir, const struct retention *r, uint32_t busy,
		    struct err *err) must_check;

#endif
