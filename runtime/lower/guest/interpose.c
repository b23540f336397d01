/* SPDX-License-Identifier: BSD-3-Clause */
/* interpose.c - functions of ours that the MPI library's calls find first */
#include <dlfcn.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/lower/guest/guest.h"

/*
 * The guest is the main program of its link map, linked with -rdynamic: what it
 * exports comes before the libraries' own.
 */
#define EXPORTED __attribute__((visibility("default")))

static void (*exit_program)(int code);
static unsigned int (*worker_progress)(void *worker);
static int yields;

unsigned int ucp_worker_progress(void *worker);

/*
 * UCX's progress function.  An idle rank of MPICH calls it in a tight loop and
 * never gives up its core; where ranks share cores, the one that it waits for
 * may be waiting for that core.
 */
EXPORTED unsigned int ucp_worker_progress(void *worker)
{
	unsigned int events = worker_progress(worker);

	if (!events && yields)
		sched_yield();
	return events;
}

/*
 * MPI_Abort ends in exit(): it must be the program's, whose buffers are to be
 * written and whose functions are to run.  The lower half's own are not.
 */
EXPORTED void exit(int code)
{
	if (exit_program)
		exit_program(code);
	for (;;)
		syscall(SYS_exit_group, code);
}

void guest_interpose(struct guest_boot *boot, void *library)
{
	*(void **)&worker_progress = dlsym(library, "ucp_worker_progress");
	yields = boot->yield;
	exit_program = boot->exit_program;
}
