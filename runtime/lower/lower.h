/* SPDX-License-Identifier: BSD-3-Clause */
/* lower.h - the lower half, seen from the upper half */
#ifndef CAIRN_LOWER_LOWER_H
#define CAIRN_LOWER_LOWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/ctx.h"
#include "runtime/base/err.h"

/*
 * The lower half is a guest: a second ld.so, libc and the real MPI library, in
 * an arena of their own (DESIGN 2).  This library (liblower.a) is linked into
 * libmpi.so.12; it knows nothing of MPI but names of symbols.  It finds the
 * current thread's context through the GS base.
 */

struct lower_options {
	const char *guest;   /* path of the program cairn-lower */
	const char *mpi_lib; /* path or soname for dlopen; NULL: search
				libmpich.so.12, then libmpi.so.12 */
	char **envp;	     /* environment of the guest; LD_PRELOAD and our own
				variables are left out, UCX's memory hooks turned
				off, by the callee */
	const char *const *symbols; /* NULL-terminated names to look up in the
				       real library ("PMPI_Send", ...) */
	void **table; /* filled with their addresses, NULL where absent;
			 as long as symbols */
	int fd_min;   /* descriptors of the guest lie at or above this, or
			 the soft limit less 64, if that is lower */
	bool yield;   /* more local ranks than cores: progress loops give
			 up the core when they found nothing */
};

/*
 * lower_start - load the guest and fill the table
 *
 * Call on a thread with a context.  0, or -Exxx with a sentence (no such
 * library, wrong ABI, a libc whose system calls we cannot place, ...).
 * After a restart it is called again: everything is made anew, at other
 * addresses.
 */
int lower_start(const struct lower_options *options, struct err *err)
	__attribute__((warn_unused_result));

/* lower_donor - lend this thread (context by GS) a donor's TLS if it has none;
 * sets ctx->lower_fs.  Called by the crossing itself when lower_fs is 0. */
int lower_donor(struct thread_ctx *ctx);
/* lower_donor_return - the thread ends: its donor serves another.  */
void lower_donor_return(struct thread_ctx *ctx);
/* lower_forget - after a restart: no guest, no donors (ctx->lower_fs = 0 and
 * a GS base that is the context are the caller's part for each thread). */
void lower_forget(void);

/* lower_fd_min - the guest's descriptors lie at or above this.
 * lower_owns_fd - is this one the guest's?  A signal handler may ask. */
int lower_fd_min(void);
bool lower_owns_fd(int fd);
/* lower_context - what a GS base that lower_owns() leads to; NULL in a forked
 * child, which has no lower half.  For signal handlers. */
struct thread_ctx *lower_context(uint64_t gs_base);

/*
 * The arena.  Upper = every mapping outside it.
 */
bool lower_owns(uintptr_t address); /* does it lie in the arena? */
struct lower_range {
	uintptr_t start, end;
};
/* lower_ranges - the arena's pieces; gives their number, at most max. */
size_t lower_ranges(struct lower_range *ranges, size_t max);

/*
 * Crossing (lower.md).  cross_call(fn, a1 ... a6): calls fn in the lower half
 * with this thread's donor's TLS.  cross_call7 does so with seven; cross_call_stack with
 * nargs of them, copied from args.
 * Callees take and give integers and pointers only, but for MPI_Wtime and
 * MPI_Wtick: cross_call_double returns what is in xmm0.
 */
long cross_call(void *fn, ...);
long cross_call7(void *fn, long a1, long a2, long a3, long a4, long a5, long a6,
		 long a7);
long cross_call_stack(void *fn, const long args[], size_t nargs);
double cross_call_double(void *fn);

/* clang-format off */
/* CROSS(fn, args...) - as cross_call with every argument made a long. */
#define CROSS_N_(_0, _1, _2, _3, _4, _5, _6, n, ...) n
#define CROSS(fn, ...) CROSS_PICK_(CROSS_N_(0, ##__VA_ARGS__, 6, 5, 4, 3, 2, 1, 0), fn, ##__VA_ARGS__)
#define CROSS_PICK_(n, fn, ...) CROSS_PICK2_(n, fn, ##__VA_ARGS__)
#define CROSS_PICK2_(n, fn, ...) CROSS_##n##_(fn, ##__VA_ARGS__)
#define CROSS_0_(fn) cross_call((void *)(fn))
#define CROSS_1_(fn, a) cross_call((void *)(fn), (long)(a))
#define CROSS_2_(fn, a, b) cross_call((void *)(fn), (long)(a), (long)(b))
#define CROSS_3_(fn, a, b, c) cross_call((void *)(fn), (long)(a), (long)(b), (long)(c))
#define CROSS_4_(fn, a, b, c, d) cross_call((void *)(fn), (long)(a), (long)(b), (long)(c), (long)(d))
#define CROSS_5_(fn, a, b, c, d, e) cross_call((void *)(fn), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e))
#define CROSS_6_(fn, a, b, c, d, e, f) cross_call((void *)(fn), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
/* clang-format on */

/*
 * Callbacks.  lower_callback(fn): an address that code of the lower half can
 * call; it puts the program's TLS back, calls fn(a1 ... a6, closure) in the
 * upper half (closure as the seventh argument's place in R10 is not visible to
 * C: fn gets it through lower_closure()), and crosses back.  Thunks live in the
 * upper half, are never freed before the process ends unless
 * lower_callback_free is called, and stay valid over a restart.
 */
void *lower_callback(void *fn, void *closure);
void lower_callback_free(void *thunk);
void *lower_closure(void); /* inside such an fn, first thing */

/*
 * Loops inside the lower half (guest code; DESIGN 2, stop flags).  Each tests
 * until done or until *stop is not 0 after at least one test; gives the MPI
 * error code of the real library, and *done.  They yield as lower_options.yield
 * says.  statuses may be the real MPI_STATUS(ES)_IGNORE.  Addresses are of the
 * guest: call them by CROSS(lower_loops()->wait, ...).
 */
struct lower_loops {
	/* PMPI_Test; see lower_loops_early */
	void *test;
	/* int (MPI_Request *req, MPI_Status *, volatile uint32_t *stop,
	 *      int *done) */
	void *wait;
	/* int (int n, MPI_Request reqs[], MPI_Status[], stop, int *done):
	 * done when all are; completed requests become null as in Testall */
	void *waitall;
	/* The same for a few requests whose statuses nobody wants: of those that
	 * became null MPI_Status[].MPI_ERROR is set, and nothing else, also
	 * when it is stopped. */
	void *waiteach;
	/* int (int n, reqs, int *index, MPI_Status *, stop, int *done) */
	void *waitany;
	/* int (int n, reqs, int *outcount, int *indices, MPI_Status[], stop):
	 * as Waitsome; *outcount 0 if stopped */
	void *waitsome;
	/* int (int source, int tag, MPI_Comm, MPI_Status *, stop, int *done) */
	void *probe;
	/* int (int source, int tag, MPI_Comm, MPI_Message *, MPI_Status *,
	 *      struct lower_flags *): stop and done in one argument, so that
	 * there are no more than six */
	void *mprobe;
	/* int (void *buf, long count, type, int peer, int tag, comm, struct
	 *      lower_call *): posts by what the last one names and waits as
	 *      `wait`.  By cross_call7. */
	void *send_recv;
	void *barrier; /* int (MPI_Comm, stop, int *done, MPI_Request *req):
			  Ibarrier, then waits; *req as above */
};
struct lower_flags { /* for lower_loops.mprobe */
	volatile uint32_t *stop;
	int done;
};
struct lower_call { /* the rest of lower_loops.send_recv */
	void *post; /* real PMPI_Isend, PMPI_Irecv, ... (table entry); takes
		       count as an int or an MPI_Count */
	void *status;
	volatile void *stop; /* 32 bits */
	int done;
	int req; /* the pending request if done is 0 */
};
const struct lower_loops *lower_loops(void);
/* lower_loops_early - from now on lower_loops() are those that poll the network
 * only for what is not complete: a program with a session alone may have none.
 * false, as after lower_start: the fast ones. */
void lower_loops_early(bool early);

#endif
