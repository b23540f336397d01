/* SPDX-License-Identifier: BSD-3-Clause */
/* codec.c - how the bytes of one chunk are stored */
#include "storage/codec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

/*
 * DESIGN
 *
 * zstd at level 1 is slower than a good disk on arrays of floats and gains
 * nothing there, so each chunk is judged by a sample: four pieces of it are
 * compressed at a fast level.  A chunk that would shrink too little is stored;
 * where the processor is the bottleneck "too little" is more, and the fast
 * level is used: what level 1 gains over it is less than what it costs.  The
 * sample costs 6% of compressing the chunk at the fast level.
 */
#define LEVEL_FAST    (-5)
#define LEVEL_GOOD    1
#define SAMPLE_PIECES 4
#define SAMPLE_PIECE  4096

struct codec_ctx {
	ZSTD_CCtx *c;
	ZSTD_DCtx *d;
	char sample[SAMPLE_PIECES * SAMPLE_PIECE];
	char out[ZSTD_COMPRESSBOUND(SAMPLE_PIECES * SAMPLE_PIECE)];
};

struct codec_ctx *codec_create(void)
{
	struct codec_ctx *ctx = calloc(1, sizeof(*ctx));

	if (!ctx)
		return NULL;
	ctx->c = ZSTD_createCCtx();
	ctx->d = ZSTD_createDCtx();
	if (ctx->c && ctx->d)
		return ctx;
	codec_destroy(ctx);
	return NULL;
}

void codec_destroy(struct codec_ctx *ctx)
{
	if (!ctx)
		return;
	ZSTD_freeCCtx(ctx->c);
	ZSTD_freeDCtx(ctx->d);
	free(ctx);
}

size_t codec_room(size_t len)
{
	return ZSTD_compressBound(len);
}

/* What would 1024 bytes of this chunk become at the fast level? */
static size_t sample_ratio(struct codec_ctx *ctx, const char *src, size_t len)
{
	size_t n = 0, packed;

	if (len <= sizeof(ctx->sample)) {
		memcpy(ctx->sample, src, len);
		n = len;
	} else {
		size_t step = (len - SAMPLE_PIECE) / (SAMPLE_PIECES - 1);

		for (int i = 0; i < SAMPLE_PIECES; i++, n += SAMPLE_PIECE)
			memcpy(ctx->sample + n, src + (size_t)i * step,
			       SAMPLE_PIECE);
	}
	packed = ZSTD_compressCCtx(ctx->c, ctx->out, sizeof(ctx->out),
				   ctx->sample, n, LEVEL_FAST);
	if (ZSTD_isError(packed) || !n)
		return 1024;
	return packed * 1024 / n;
}

/* The level that fits, or 0 for "store it". */
static int choose(struct codec_ctx *ctx, enum codec_effort effort,
		  const void *src, size_t len)
{
	size_t ratio = sample_ratio(ctx, src, len);

	if (effort == EFFORT_DISK_BOUND) {
		if (ratio > 960)
			return 0;
		return LEVEL_GOOD;
	}
	return ratio > 800 ? 0 : LEVEL_FAST;
}

enum codec codec_encode(struct codec_ctx *ctx, int level,
			enum codec_effort effort, const void *src, size_t len,
			void *dst, size_t *stored)
{
	size_t n;

	*stored = len;
	if (!level)
		level = choose(ctx, effort, src, len);
	if (!level)
		return CODEC_RAW;
	n = ZSTD_compressCCtx(ctx->c, dst, codec_room(len), src, len, level);
	/* Reading a stored chunk back is faster: insist on a real gain. */
	if (ZSTD_isError(n) || n > len - len / 16)
		return CODEC_RAW;
	*stored = n;
	return CODEC_ZSTD;
}

int codec_decode(struct codec_ctx *ctx, enum codec codec, const void *src,
		 size_t stored, void *dst, size_t len)
{
	switch (codec) {
	case CODEC_ZERO:
		memset(dst, 0, len);
		return stored ? -EBADMSG : 0;
	case CODEC_RAW:
		if (stored != len)
			return -EBADMSG;
		if (src != dst)
			memcpy(dst, src, len);
		return 0;
	case CODEC_ZSTD:
		/* The frame must give exactly len: less would leave old bytes
		 * of dst in the program's memory. */
		return ZSTD_decompressDCtx(ctx->d, dst, len, src, stored) ==
				       len ?
			       0 :
			       -EBADMSG;
	case CODEC_COUNT:
		break;
	}
	return -EBADMSG;
}
