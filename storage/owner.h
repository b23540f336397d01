/* SPDX-License-Identifier: BSD-3-Clause */
/* owner.h - is this file or folder ours, and ours alone to change? (I9) */
#ifndef CAIRN_STORAGE_OWNER_H
#define CAIRN_STORAGE_OWNER_H

#include "runtime/base/err.h"

/* owner_check_file/dir - fd belongs to the effective user, is a regular file
 * (a folder), and neither group nor others may write to it.  -EPERM if not;
 * name is for the sentence. */
int owner_check_file(int fd, const char *name, struct err *err) must_check;
int owner_check_dir(int fd, const char *name, struct err *err) must_check;

#endif
