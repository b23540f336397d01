/* SPDX-License-Identifier: BSD-3-Clause */
/* where.h - where Cairn's own programs and libraries lie */
#ifndef CAIRN_BASE_WHERE_H
#define CAIRN_BASE_WHERE_H

#include "runtime/base/err.h"

/*
 * where_find - the absolute path of one of Cairn's parts
 *
 * name is a file's base name: "cairn-rank", "cairnd", "libcairn.so",
 * "libmpi.so.12", ...  Looked for in $CAIRN_LIBEXEC, beside the running
 * executable, in the layout of a build tree, where `make install` put it.
 * path has size bytes.  0, or -ENOENT with a sentence.
 */
int where_find(const char *name, char *path, size_t size, struct err *err)
	must_check;

#endif
