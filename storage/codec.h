/* SPDX-License-Identifier: BSD-3-Clause */
/* codec.h - how the bytes of one chunk are stored */
#ifndef CAIRN_STORAGE_CODEC_H
#define CAIRN_STORAGE_CODEC_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/base/err.h"

/* On disk: never renumber (FORMAT.md). */
enum codec {
	CODEC_ZERO = 0, /* nothing is stored */
	CODEC_RAW = 1,
	CODEC_ZSTD = 2,	    /* one zstd frame */
	CODEC_SHUFFLE4 = 3, /* one of the bytes, shuffled by 4 (shuffle.h) */
	CODEC_SHUFFLE8 = 4, /* by 8 */
	CODEC_COUNT,
};

/* What the user wants (--compress). */
enum codec_mode {
	CODEC_AUTO, /* what takes the least time, judged chunk by chunk */
	CODEC_NONE, /* only zeros are left out */
	CODEC_FAST, /* a fast level where it gains anything */
	CODEC_SMALL, /* as small as `level` makes it, however long it takes */
};

struct codec_wish {
	enum codec_mode mode;
	int level; /* zstd's, of CODEC_SMALL: 1 to 19 */
};

/* codec_wish_parse - auto, none, fast, small or a level; -EINVAL without a
 * sentence.  NULL and "" are auto. */
int codec_wish_parse(const char *text, struct codec_wish *wish) must_check;

/* What the chunks wait for now: decides what compressing one is worth. */
struct codec_load {
	double sink_ns;	      /* the sink's time for a byte */
	double pressure;      /* 0: only compressing takes time; 1: only the
				 sink does */
	unsigned int threads; /* that compress */
};

/* Working memory of one compressing or decompressing thread. */
struct codec_ctx;

struct codec_ctx *codec_create(void); /* NULL: out of memory */
void codec_destroy(struct codec_ctx *ctx);

/* codec_room - how much dst must hold for len bytes. */
size_t codec_room(size_t len);

/*
 * codec_encode - store len bytes (whole pages, at most FORMAT_CHUNK_MAX)
 *
 * Gives the codec; for CODEC_RAW dst is untouched and src is what is to be
 * stored, else *stored bytes are in dst.  *stored is never more than len.
 */
enum codec codec_encode(struct codec_ctx *ctx, const struct codec_wish *wish,
			const struct codec_load *load, const void *src,
			size_t len, void *dst, size_t *stored);

/* codec_decode - exactly len bytes into dst, or -EBADMSG; -ENOMEM. */
int codec_decode(struct codec_ctx *ctx, enum codec codec, const void *src,
		 size_t stored, void *dst, size_t len);

#endif
