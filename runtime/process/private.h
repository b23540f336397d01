/* SPDX-License-Identifier: BSD-3-Clause */
/* private.h - what the files of libcairn.so share among themselves */
#ifndef CAIRN_PROCESS_PRIVATE_H
#define CAIRN_PROCESS_PRIVATE_H

#include <dlfcn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "runtime/base/sys.h"
#include "runtime/process/hooks.h"
#include "runtime/process/process.h"
#include "runtime/process/thread.h"

#define EXPORT __attribute__((visibility("default")))

/*
 * real(name) - libc's own function behind one that we interpose.  Looked up
 * once; wrappers that may run before our constructor call it too.
 */
#define REAL(name)	((__typeof__(&name))real_find(#name, &real_##name))
#define REAL_SLOT(name) static void *_Atomic real_##name
void *real_find(const char *name, void *_Atomic *slot);

/* The MPI side's hooks, NULL without MPI. */
extern const struct epoch_hooks *_Atomic process_hooks;
extern const struct process_lower *_Atomic process_lower;

/* process_mpi_begin() was called. */
extern bool process_uses_mpi;

/* Clocks (clock.c).  now_ns - CLOCK_MONOTONIC of the kernel; program_now_ns -
 * as the program sees it, which never runs back; clock_to_kernel - an absolute
 * time of the program for a system call.  All safe in handlers. */
uint64_t now_ns(void);
uint64_t program_now_ns(void);
struct timespec clock_to_kernel(clockid_t clock, const struct timespec *t);
void clock_init(void);

/* Around calls with a relative time limit, which may be NULL (calls.c,
 * rewind.c). */
struct thread *call_begin(const struct timespec *limit);
struct thread *call_begin_ms(int limit_ms);
void call_end(struct thread *t);

/* This process's link to its agent (agent.c). */
struct process_link {
	struct control_page *_Atomic page; /* NULL: not a rank */
	int agent_fd;
	int control_fd;
	int pid; /* of the process that this was set up in */
};
extern struct process_link process_link;
/* link_set - use these descriptors from now on (start, and after a restart:
 * the page is mapped where it was, if it had been mapped). */
int link_set(int agent_fd, int control_fd, struct err *err);
/* link_inherit - at start: take what cairn-rank left, if we are the rank;
 * the descriptors' numbers may change;
 * link_take_over - at MPI_Init: become it, if it was a mere wrapper so far. */
int link_inherit(int *agent_fd, int *control_fd, struct err *err);
void link_take_over(void);
/* link_ready - tell the agent that this process is the rank. */
void link_ready(void);
/* link_forget - in a forked child. */
void link_forget(void);

/* Descriptors that belong to Cairn (reserve.c). */
bool fd_is_reserved(int fd);
int fd_mark(void);
void fd_unreserve(int fd); /* its number is free again; -1 allowed */

#endif
