/* SPDX-License-Identifier: BSD-3-Clause */
/* probe.h - choose how to store a chunk, by a sample and by who is short */
#ifndef CAIRN_STORAGE_PROBE_H
#define CAIRN_STORAGE_PROBE_H

#include <stddef.h>
#include <zstd.h>

#include "storage/codec.h"

/* What can be done with a chunk; the cheaper ones first. */
enum way {
	WAY_RAW,
	WAY_FAST,     /* zstd at a negative level: no entropy coding */
	WAY_GOOD,     /* zstd at level 1 */
	WAY_SHUFFLE4, /* the same, of the bytes shuffled */
	WAY_SHUFFLE8,
	WAY_COUNT,
};

enum codec way_codec(enum way way);
int way_level(enum way way);

#define SAMPLE_LEN (16U << 10)

/* One thread's memory of what it has tried.  Zeros: nothing yet. */
struct probe {
	double ratio[WAY_COUNT]; /* stored / memory, of the last full probe */
	double cost[WAY_COUNT];	 /* CPU time, ns a byte; 0: not measured */
	unsigned int age;	 /* chunks since then */
	int stale;		 /* there was none, or it was wrong */
	char sample[SAMPLE_LEN], planes[SAMPLE_LEN];
	char out[ZSTD_COMPRESSBOUND(SAMPLE_LEN)];
};

void probe_init(struct probe *p);
/* probe_choose - the way that takes the least time; for CODEC_FAST and _SMALL
 * the one of theirs, or WAY_RAW if nothing would be gained. */
enum way probe_choose(struct probe *p, ZSTD_CCtx *c,
		      const struct codec_wish *wish,
		      const struct codec_load *load, const void *src,
		      size_t len);
/* probe_learn - the way took ns of CPU time for len bytes; gained: the chunk
 * became smaller by it. */
void probe_learn(struct probe *p, enum way way, double ns, size_t len,
		 int gained);

#endif
