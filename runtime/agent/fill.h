/* SPDX-License-Identifier: BSD-3-Clause */
/* fill.h - write one rank's chunks back into its memory */
#ifndef CAIRN_AGENT_FILL_H
#define CAIRN_AGENT_FILL_H

#include <stdint.h>

#include "runtime/agent/loop.h"
#include "runtime/base/err.h"
#include "storage/image.h"

struct fill;

/* Called once in the loop's thread; code 0 or -Exxx with a sentence. */
typedef void (*fill_done)(void *arg, uint32_t rank, int code,
			  const struct err *err);

/* fill_start - write all chunks of a rank of im to mem (/proc/PID/mem; taken
 * over, also on failure) with nthreads threads.  im must stay open. */
int fill_start(struct loop *loop, const struct image *im, uint32_t rank,
	       int mem, unsigned int nthreads, fill_done done, void *arg,
	       struct fill **fill, struct err *err) must_check;
/* fill_destroy - waits for its threads; NULL allowed.  May be called in done,
 * whose err ends with it. */
void fill_destroy(struct fill *f);

#endif
