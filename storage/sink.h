/* SPDX-License-Identifier: BSD-3-Clause */
/* sink.h - large sequential writes behind the compressing threads */
#ifndef CAIRN_STORAGE_SINK_H
#define CAIRN_STORAGE_SINK_H

#include "storage/codec.h"
#include "storage/image.h"

/*
 * DESIGN
 *
 * Compressing threads fill pieces of a few MiB; a thread of the sink writes
 * them, direct to the disk where the file system can (twice as fast here as
 * through the page cache, and it takes no memory from the program).  A piece
 *gets its place in the file when it is full, so the file has no holes: pieces
 *end at multiples of a page, as direct I/O wants, the rest filled with zeros.
 *
 *	begin -> (fill) -> place -> (note where the chunks are) -> submit
 *
 * When no piece is free the disk is what everybody waits for, and compressing
 * harder costs nothing: sink_load says how far it is from that.
 */
#define PIECE_LEN    (4U << 20)
#define PIECE_CHUNKS 1024
#define SINK_SPARE   6U /* pieces queued for the disk, beside one a writer */

struct piece {
	char *buf; /* PIECE_LEN bytes, aligned for direct I/O */
	size_t used;
	size_t nchunks;
	struct image_chunk chunks[PIECE_CHUNKS]; /* the writer's notes */
	uint64_t offset;
	struct piece *next;
};

struct sink;

/* sink_create - fd stays the caller's; the first piece goes to `start`. */
int sink_create(int fd, const char *name, uint64_t start, unsigned int writers,
		struct sink **sink, struct err *err) must_check;
/* sink_begin - an empty piece; waits for one. */
struct piece *sink_begin(struct sink *s);
/* sink_load - what a thread that compresses for it should know. */
void sink_load(struct sink *s, struct codec_load *load);
void sink_place(struct sink *s, struct piece *p);  /* sets p->offset */
void sink_submit(struct sink *s, struct piece *p); /* p is the sink's again */
/* sink_finish - all submitted pieces are written; *end is the file's end.
 * The first error of any write, if there was one. */
int sink_finish(struct sink *s, uint64_t *end, struct err *err) must_check;
int sink_error(struct sink *s, struct err *err) must_check; /* so far */
void sink_destroy(struct sink *s); /* NULL allowed; stops its thread */

#endif
