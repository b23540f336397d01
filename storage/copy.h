/* SPDX-License-Identifier: BSD-3-Clause */
/* copy.h - copy an image into another tier */
#ifndef CAIRN_STORAGE_COPY_H
#define CAIRN_STORAGE_COPY_H

#include <jansson.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/err.h"

/* How fast a copy may go, and whether at all: may be changed by other threads
 * while it goes on. */
struct copy_control {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	uint64_t rate; /* bytes a second; 0: as fast as it goes */
	bool canceled;
};

void copy_control_init(struct copy_control *c, uint64_t rate);
void copy_control_fini(struct copy_control *c);
void copy_rate(struct copy_control *c, uint64_t rate);
void copy_cancel(struct copy_control *c);

/*
 * copy_image - from the folder of one tier (as tier_open wants it) to another's
 *
 * image is the manifest's entry; older images that it needs go with it, unless
 * they are there already.  The source must be that image, and what is
 * written is looked at again.  Written in large sequential pieces under a
 * temporary name, fsync, rename (commit.h); replaces what is there under the
 * name.  -ECANCELED after copy_cancel.
 */
int copy_image(const char *from, uint32_t epoch, const json_t *image,
	       int to_dirfd, struct copy_control *control,
	       struct err *err) must_check;

#endif
