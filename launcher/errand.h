/* SPDX-License-Identifier: BSD-3-Clause */
/* errand.h - run a short command beside the loop and hear what it printed */
#ifndef CAIRN_LAUNCHER_ERRAND_H
#define CAIRN_LAUNCHER_ERRAND_H

#include <sys/types.h>

#include "launcher/loop.h"
#include "runtime/base/err.h"

#define ERRAND_OUTPUT 65536 /* bytes of its output that are kept */

/* Zero it before its first use.  One command at a time. */
struct errand {
	struct loop *loop;
	struct watch watch;
	pid_t pid; /* 0: none runs */
	size_t used;
	char output[ERRAND_OUTPUT]; /* a text */
	/* It ended; status as waitpid gives it. */
	void (*done)(struct errand *e, int status);
	void *arg;
};

/* errand_start - argv[0] is looked for in $PATH; its errors go nowhere. */
int errand_start(struct errand *e, struct loop *loop, char *const argv[],
		 struct err *err) must_check;
/* errand_stop - kill what runs; done is not called. */
void errand_stop(struct errand *e);
/* errand_run - without a loop: wait at most timeout_ms, then kill it with all
 * that it started.  Its status as waitpid gives it (0: it ended well), or a
 * negative -Exxx if it could not be started or took too long. */
int errand_run(struct errand *e, char *const argv[], int timeout_ms);

#endif
