/* SPDX-License-Identifier: BSD-3-Clause */
/* capture.h - read the memory of this node's ranks into one image */
#ifndef CAIRN_AGENT_CAPTURE_H
#define CAIRN_AGENT_CAPTURE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "runtime/agent/loop.h"
#include "runtime/base/err.h"
#include "storage/codec.h"
#include "storage/image.h"

struct capture;

/* Called in the loop's thread, each at most once, in this order; none after
 * `failed`. */
struct capture_ops {
	/* What must be read before the ranks may go on has been read. */
	void (*taken)(void *arg);
	/* The image is durable under its name; members for `done durable`;
	 * the callee takes the reference. */
	void (*durable)(void *arg, json_t *members);
	/* It cannot be; everything is being undone. */
	void (*failed)(void *arg, int rank, int code, const struct err *why);
};

/* capture_create - make the epoch's folder in that of parent_fd, which is taken
 * over, also if it fails; the image's writer is made in the background.  base:
 * what the image can be based on, or NULL; it must outlive the capture. */
int capture_create(struct loop *loop, int parent_fd, uint32_t epoch,
		   const char *node, const struct codec_wish *compress,
		   const struct image_base *base, const struct capture_ops *ops,
		   void *arg, struct capture **capture,
		   struct err *err) must_check;
/* capture_rank - read this rank; takes all descriptors of CONTROL_CAPTURED,
 * three to seven (control.h), also if it fails; delta: where the sheet's file
 * has its list of changes, or 0.  *why says why the rank cannot tell what it
 * changes; valid as long as the capture, "" if it can. */
int capture_rank(struct capture *c, uint32_t rank, const int *fds,
		 unsigned int nfds, uint64_t delta, const char **why,
		 struct err *err) must_check;
/* capture_close - all ranks of this node are in. */
void capture_close(struct capture *c);
/* capture_bytes - of memory read so far. */
uint64_t capture_bytes(const struct capture *c);
/* capture_abort - stop soon, and undo; nothing is called any more. */
void capture_abort(struct capture *c);
/* capture_commit - the epoch is committed: its image stays.  capture_base -
 * then gives what the next image can be based on, the caller's; NULL: nothing.
 */
void capture_commit(struct capture *c);
struct image_base *capture_base(struct capture *c);
/* capture_destroy - waits for the threads (milliseconds after an abort).  What
 * was not committed is removed.  NULL allowed. */
void capture_destroy(struct capture *c);

#endif
