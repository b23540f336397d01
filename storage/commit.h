/* SPDX-License-Identifier: BSD-3-Clause */
/* commit.h - the one way in which a file of Cairn comes to be */
#ifndef CAIRN_STORAGE_COMMIT_H
#define CAIRN_STORAGE_COMMIT_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/base/err.h"

/*
 * STEPS
 *
 * commit_begin makes ".NAME.tmp" (0600); the caller writes to fd; commit_end
 * does fsync of the file, rename to NAME, fsync of the folder.  The rename is
 * the moment: before it NAME is what it was, after commit_end NAME is the new
 * file even if the machine loses power.
 */
struct commit {
	int dirfd; /* the caller's; not closed */
	int fd;	   /* -1: nothing under way */
	int only_new;
	char name[200];
	char tmp[208];
};

/* commit_begin - name is a plain file name in dirfd.  only_new: NAME must not
 * exist (-EEXIST).  On failure there is nothing to undo. */
int commit_begin(struct commit *c, int dirfd, const char *name, int only_new,
		 struct err *err) must_check;
/* commit_end - make it durable and visible.  On failure nothing stays but,
 * where a file was replaced and only the folder's fsync failed, the new one. */
int commit_end(struct commit *c, struct err *err) must_check;
void commit_abort(struct commit *c); /* also after a failed commit_begin */

/* commit_pwrite - all of it at this offset, or a sentence naming what. */
int commit_pwrite(int fd, const void *data, size_t len, uint64_t offset,
		  const char *what, struct err *err) must_check;

/* commit_file - the whole dance for a small file that is in memory. */
int commit_file(int dirfd, const char *name, const void *data, size_t len,
		int only_new, struct err *err) must_check;

/* commit_sync_dir - fsync a folder: names made or removed in it are durable. */
int commit_sync_dir(int dirfd, const char *what, struct err *err) must_check;

#endif
