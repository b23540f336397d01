/* SPDX-License-Identifier: BSD-3-Clause */
/* interpose.c - functions of ours that the MPI library's calls find first */
#include <dlfcn.h>
#include <poll.h>
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
static void (*worker_destroy)(void *worker);
static void *(*disconnect_nb)(void *endpoint);
static int yields;

/* MPI_Finalize has begun to disconnect, and this worker is still there. */
static int disconnects;
static void *worker_left;
static int manager_fd = -1; /* the process manager's socket */

/* glibc's other name of read(). */
ssize_t __read(int fd, void *buf, size_t len);
unsigned int ucp_worker_progress(void *worker);
void ucp_worker_destroy(void *worker);
void *ucp_disconnect_nb(void *endpoint);

/*
 * UCX's progress function.  An idle rank of MPICH calls it in a tight loop and
 * never gives up its core; where ranks share cores, the one that it waits for
 * may be waiting for that core.
 */
EXPORTED unsigned int ucp_worker_progress(void *worker)
{
	unsigned int events = worker_progress(worker);

	worker_left = worker;
	if (!events && yields)
		sched_yield();
	return events;
}

/*
 * MPI_Finalize of ch4:ucx disconnects from all ranks, which over TCP needs
 * their help, and then waits in the process manager's barrier, where it helps
 * nobody: the last to disconnect hang there natively, in one run of four.  Here
 * a rank that waits for the process manager goes on helping.
 */
EXPORTED void *ucp_disconnect_nb(void *endpoint)
{
	disconnects = 1;
	return disconnect_nb(endpoint);
}

EXPORTED void ucp_worker_destroy(void *worker)
{
	worker_left = NULL;
	worker_destroy(worker);
}

EXPORTED ssize_t read(int fd, void *buf, size_t len)
{
	struct pollfd answer = { .fd = fd, .events = POLLIN };

	if (fd == manager_fd && disconnects)
		while (worker_left && !poll(&answer, 1, 0))
			ucp_worker_progress(worker_left);
	return __read(fd, buf, len);
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
	const char *fd = getenv("PMI_FD");

	*(void **)&worker_progress = dlsym(library, "ucp_worker_progress");
	*(void **)&worker_destroy = dlsym(library, "ucp_worker_destroy");
	*(void **)&disconnect_nb = dlsym(library, "ucp_disconnect_nb");
	if (fd)
		manager_fd = atoi(fd);
	yields = boot->yield;
	exit_program = boot->exit_program;
}
