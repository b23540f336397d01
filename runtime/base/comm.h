/* SPDX-License-Identifier: BSD-3-Clause */
/* comm.h - a process's short name, as the kernel keeps it */
#ifndef CAIRN_BASE_COMM_H
#define CAIRN_BASE_COMM_H

#include <stdbool.h>

#define COMM_SIZE 16 /* the kernel's: fifteen bytes and the end */

/* Both work in signal handlers, without TLS, and in either half: no libc. */

/*
 * comm_read - the short name of process pid: that of the file it runs, a
 * script's own, or what it calls itself; cut to fifteen bytes
 *
 * "" if there is no such process, or none with a name.  Anybody may take any
 * name: it tells what a process is likely to be, never whether to trust it.
 */
void comm_read(int pid, char name[COMM_SIZE]);
/* comm_is - is this the whole of its short name? */
bool comm_is(int pid, const char *name);

#endif
