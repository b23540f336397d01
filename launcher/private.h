/* SPDX-License-Identifier: BSD-3-Clause */
/* private.h - a folder under $TMPDIR for this job's sockets */
#ifndef CAIRN_LAUNCHER_PRIVATE_H
#define CAIRN_LAUNCHER_PRIVATE_H

#include "runtime/base/err.h"

/* private_make - a new folder (0700) whose name is short enough for sockets in
 * it; path has 80 bytes. */
#define PRIVATE_PATH 80
int private_make(char path[PRIVATE_PATH], struct err *err) must_check;
/* private_remove - with all plain files and sockets in it. */
void private_remove(const char *path);

#endif
