/* SPDX-License-Identifier: BSD-3-Clause */
/* child.h - the real mpiexec or srun */
#ifndef CAIRN_LAUNCHER_CHILD_H
#define CAIRN_LAUNCHER_CHILD_H

#include <signal.h>
#include <sys/types.h>

#include "launcher/starter.h"
#include "runtime/base/err.h"

/* child_find - the starter's program in $PATH, never ourselves; the caller
 * frees it. */
int child_find(const struct starter *starter, char **path,
	       struct err *err) must_check;
/* child_raise_descriptors - from here on this process may have as many as it is
 * allowed; children are started with the limit that it had. */
void child_raise_descriptors(void);
/* child_start - run it with this signal mask; standard streams untouched.
 * status_fd: NULL, or it is started apart (keeper.h). */
int child_start(const char *path, const struct words *arguments,
		const sigset_t *mask, pid_t *pid, int *status_fd,
		struct err *err) must_check;
/* child_exec - become it, for command lines that Cairn has no part in. */
int child_exec(const char *path, const struct words *arguments,
	       struct err *err) must_check;
/* child_die_like - end as it ended: the same exit code or the same signal. */
void child_die_like(int status) __attribute__((noreturn));

#endif
