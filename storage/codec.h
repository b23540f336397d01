/* SPDX-License-Identifier: BSD-3-Clause */
/* codec.h - how the bytes of one chunk are stored */
#ifndef CAIRN_STORAGE_CODEC_H
#define CAIRN_STORAGE_CODEC_H

#include <stddef.h>
#include <stdint.h>

/* On disk: never renumber (FORMAT.md). */
enum codec {
	CODEC_ZERO = 0, /* nothing is stored */
	CODEC_RAW = 1,
	CODEC_ZSTD = 2, /* one zstd frame */
	CODEC_COUNT,
};

/* Who is short: the processor or the disk?  Decides what a chunk is worth. */
enum codec_effort { EFFORT_CPU_BOUND, EFFORT_DISK_BOUND };

/* Working memory of one compressing or decompressing thread. */
struct codec_ctx;

struct codec_ctx *codec_create(void); /* NULL: out of memory */
void codec_destroy(struct codec_ctx *ctx);

/* codec_room - how much dst must hold for len bytes. */
size_t codec_room(size_t len);

/*
 * codec_encode - store len bytes as seems best
 *
 * level 0 chooses by compressing a sample; another is zstd's.  Gives the codec;
 * for CODEC_ZSTD *stored bytes are in dst; for CODEC_RAW dst is untouched and
 * src is what is to be stored.  *stored is never more than len.
 */
enum codec codec_encode(struct codec_ctx *ctx, int level,
			enum codec_effort effort, const void *src, size_t len,
			void *dst, size_t *stored);

/* codec_decode - exactly len bytes into dst, or -EBADMSG. */
int codec_decode(struct codec_ctx *ctx, enum codec codec, const void *src,
		 size_t stored, void *dst, size_t len);

#endif
