/* SPDX-License-Identifier: BSD-3-Clause */
/* buffer.h - this node's burst buffer: which it is, and whether it is used */
#ifndef CAIRN_AGENT_BUFFER_H
#define CAIRN_AGENT_BUFFER_H

#include <limits.h>
#include <stdint.h>

#include "runtime/base/err.h"

struct buffer;

/*
 * Where the image of the next epoch goes: into the job's folder in the burst
 * buffer, or, where there is none or it fails, into the checkpoint folder.
 *
 * FAILURE: what cannot be used before an epoch begins (it vanished, is
 * read-only, has less space than the last image took) is said once, and that
 * epoch goes to the checkpoint folder.  What fails while it is written has the
 * epoch aborted, since the twins are half read; then the buffer is left out for
 * one epoch, after another failure for two, four ... up to BUFFER_SKIP_MAX.
 */
#define BUFFER_SKIP_MAX 16

/* buffer_create - option: a folder, "auto", or NULL: no burst buffer. */
int buffer_create(const char *option, const char *node, const char *ckpt_dir,
		  struct buffer **buffer, struct err *err) must_check;
void buffer_destroy(struct buffer *b); /* NULL allowed */

/* buffer_begin - the folder for this epoch's image: a descriptor. */
int buffer_begin(struct buffer *b, uint32_t epoch, int *dirfd,
		 struct err *err) must_check;
/* buffer_path - the job's folder in the buffer, if this epoch is there; else
 * NULL. */
const char *buffer_path(const struct buffer *b);
/* buffer_take - where a copy of another node's image goes, which has that many
 * bytes: the epoch's folder in the job's, and that one's path.  Where this node
 * has no burst buffer, beside `hint`, a job's folder in one elsewhere. */
int buffer_take(struct buffer *b, uint32_t epoch, uint64_t bytes,
		const char *hint, char path[PATH_MAX], int *epoch_dirfd,
		struct err *err) must_check;
/* buffer_name - the path that buffer_take would give; makes nothing. */
int buffer_name(const struct buffer *b, const char *hint, char path[PATH_MAX],
		struct err *err) must_check;
/* buffer_unsafe - no copy came about: the next epochs go past the buffer, as
 * after a failure of its own. */
void buffer_unsafe(struct buffer *b);
/* buffer_done - the image is durable, and has that many bytes. */
void buffer_done(struct buffer *b, uint64_t bytes);
/* buffer_failed - the epoch failed here, with that code: was it the buffer?
 * Then where is put before the sentence. */
void buffer_failed(struct buffer *b, int code, struct err *why);
/* buffer_folder - the job's folder, used now or not; NULL: none is known. */
const char *buffer_folder(const struct buffer *b);

/* buffer_find - a burst buffer's folder from the environment; NULL. */
const char *buffer_find(char *const *environment);

#endif
