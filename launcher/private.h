/* SPDX-License-Identifier: BSD-3-Clause */
/* private.h - a folder under $TMPDIR for this job's sockets */
#ifndef CAIRN_LAUNCHER_PRIVATE_H
#define CAIRN_LAUNCHER_PRIVATE_H

#include "runtime/base/err.h"

/*
 * private_make - a new folder (0700) whose name is short enough for sockets in
 * it
 *
 * *lock is a descriptor of the folder with a shared lock, which marks it as in
 * use: the caller closes it after private_remove.  Folders that another job of
 * this user has left behind, because it was killed, are removed first.
 */
#define PRIVATE_PATH 80
int private_make(char path[PRIVATE_PATH], int *lock,
		 struct err *err) must_check;
/* private_sweep - remove the folders in tmp that look like ours, are this
 * user's and hold nothing but an agent's socket and lock, if nobody lives in
 * them. */
void private_sweep(const char *tmp);
/* private_remove - with all plain files and sockets in it. */
void private_remove(const char *path);

#endif
