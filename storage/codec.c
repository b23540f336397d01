/* SPDX-License-Identifier: BSD-3-Clause */
/* codec.c - how the bytes of one chunk are stored */
#define _GNU_SOURCE
#include "storage/codec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zstd.h>

#include "storage/format.h"
#include "storage/probe.h"
#include "storage/shuffle.h"

#define LEVEL_SMALL 3 /* 4 to 9: 5 times the time, no byte less of floats */
#define LEVEL_MAX   19 /* above, a thread takes more than 100 MiB */

struct codec_ctx {
	ZSTD_CCtx *c;
	ZSTD_DCtx *d;
	char *planes; /* FORMAT_CHUNK_MAX bytes; NULL: not needed yet */
	struct probe probe;
};

int codec_wish_parse(const char *text, struct codec_wish *wish)
{
	static const char *const names[] = { "auto", "none", "fast", "small" };
	char *end;
	long level;

	*wish = (struct codec_wish){ CODEC_AUTO, LEVEL_SMALL };
	if (!text || !*text)
		return 0;
	for (int i = 0; i < 4; i++) {
		if (!strcmp(text, names[i])) {
			wish->mode = (enum codec_mode)i;
			return 0;
		}
	}
	level = strtol(text, &end, 10);
	if (*end || level < 1 || level > LEVEL_MAX)
		return -EINVAL;
	*wish = (struct codec_wish){ CODEC_SMALL, (int)level };
	return 0;
}

struct codec_ctx *codec_create(void)
{
	struct codec_ctx *ctx = calloc(1, sizeof(*ctx));

	if (!ctx)
		return NULL;
	probe_init(&ctx->probe);
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
	free(ctx->planes);
	free(ctx);
}

size_t codec_room(size_t len)
{
	return ZSTD_compressBound(len);
}

static char *planes_get(struct codec_ctx *ctx)
{
	if (!ctx->planes)
		ctx->planes = malloc(FORMAT_CHUNK_MAX);
	return ctx->planes;
}

static unsigned int width_of(enum codec codec)
{
	return codec == CODEC_SHUFFLE4 ? 4 : codec == CODEC_SHUFFLE8 ? 8 : 0;
}

static double cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Bytes in dst, or 0: no gain. */
static size_t pack(struct codec_ctx *ctx, enum codec codec, int level,
		   const void *src, size_t len, void *dst)
{
	unsigned int width = width_of(codec);
	size_t n;

	if (width) {
		if (!planes_get(ctx) || len > FORMAT_CHUNK_MAX)
			return 0;
		shuffle(ctx->planes, src, len, width);
		src = ctx->planes;
	}
	n = ZSTD_compressCCtx(ctx->c, dst, codec_room(len), src, len, level);
	/* Reading a stored chunk back is faster: insist on a real gain. */
	return ZSTD_isError(n) || n > len - len / 16 ? 0 : n;
}

enum codec codec_encode(struct codec_ctx *ctx, const struct codec_wish *wish,
			const struct codec_load *load, const void *src,
			size_t len, void *dst, size_t *stored)
{
	enum way way = probe_choose(&ctx->probe, ctx->c, wish, load, src, len);
	double start;
	size_t n;

	*stored = len;
	if (way == WAY_RAW)
		return CODEC_RAW;
	start = cpu_ns();
	n = pack(ctx, way_codec(way),
		 wish->mode == CODEC_SMALL ? wish->level : way_level(way), src,
		 len, dst);
	if (wish->mode == CODEC_AUTO)
		probe_learn(&ctx->probe, way, cpu_ns() - start, len, n > 0);
	if (!n)
		return CODEC_RAW;
	*stored = n;
	return way_codec(way);
}

/* The frame must give exactly len: less would leave old bytes of dst in the
 * program's memory. */
static int unpack(struct codec_ctx *ctx, const void *src, size_t stored,
		  void *dst, size_t len)
{
	return ZSTD_decompressDCtx(ctx->d, dst, len, src, stored) == len ?
		       0 :
		       -EBADMSG;
}

static int unpack_planes(struct codec_ctx *ctx, unsigned int width,
			 const void *src, size_t stored, void *dst, size_t len)
{
	int rc;

	if (len % width || len > FORMAT_CHUNK_MAX)
		return -EBADMSG;
	if (!planes_get(ctx))
		return -ENOMEM;
	rc = unpack(ctx, src, stored, ctx->planes, len);
	if (!rc)
		unshuffle(dst, ctx->planes, len, width);
	return rc;
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
		return unpack(ctx, src, stored, dst, len);
	case CODEC_SHUFFLE4:
	case CODEC_SHUFFLE8:
		return unpack_planes(ctx, width_of(codec), src, stored, dst,
				     len);
	case CODEC_COUNT:
		break;
	}
	return -EBADMSG;
}
