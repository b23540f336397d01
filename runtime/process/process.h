/* SPDX-License-Identifier: BSD-3-Clause */
/* process.h - what libcairn.so offers to libmpi.so.12 */
#ifndef CAIRN_PROCESS_PROCESS_H
#define CAIRN_PROCESS_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/control.h"
#include "runtime/base/ctx.h"

#define PROCESS_API __attribute__((visibility("default")))

/* This thread's context where FS is the program's; NULL before adoption. */
extern PROCESS_API __thread struct thread_ctx *cairn_ctx
	__attribute__((tls_model("initial-exec")));

/* thread_adopt - make this thread known (slow path of ctx_here); never NULL:
 * without memory the process ends with a sentence. */
PROCESS_API struct thread_ctx *thread_adopt(void);

struct thread;

static inline struct thread_ctx *ctx_here(void)
{
	struct thread_ctx *ctx = cairn_ctx;

	return __builtin_expect(ctx != NULL, 1) ? ctx : thread_adopt();
}

/*
 * Safe points (TRAPS, MPI 10).  A wrapper is enclosed in ctx_enter/ctx_leave;
 * between them the signal handler never stops the thread, it only sets
 * ctx->stop.  Where a wrapper's own state is whole (nothing half-done in C
 * locals that a restart would lose: they live on this stack, which is saved, so
 * only *real* MPI handles and pointers into the lower half are lost) it may
 * call safepoint() while ctx->stop is set: the thread may park there for the
 * whole epoch, and may come back in another process after a restart, with every
 * real handle renewed.
 */
static inline struct thread_ctx *ctx_enter(void)
{
	struct thread_ctx *ctx = ctx_here();

	ctx->depth++;
	__asm__ volatile("" ::: "memory");
	return ctx;
}

/* safepoint - take part in the pending epoch; returns when this thread may go
 * on.  Call at depth 1 inside a wrapper; false if nothing was done. */
PROCESS_API bool safepoint(struct thread_ctx *ctx);

/* process_page - this rank's control page; NULL when not under cairnrun. */
PROCESS_API struct control_page *process_page(void);

/* process_agent_lost - is the agent gone?  Then the page says so, too: the
 * pending epoch is aborted.  For loops that wait for the agent or for ranks
 * that may wait for it.  Any thread, any half. */
PROCESS_API bool process_agent_lost(void);

/* process_send - one message to the agent: 0 or -Exxx.  Any thread, any half
 * (raw system call). */
PROCESS_API int process_send(const struct control_msg *msg);

static inline void ctx_leave(struct thread_ctx *ctx)
{
	__asm__ volatile("" ::: "memory");
	if (__builtin_expect(ctx->depth == 1 &&
				     atomic_load_explicit(&ctx->stop,
							  memory_order_relaxed),
			     0))
		safepoint(ctx);
	ctx->depth--;
}

/*
 * process_callback - call a function of the program's inside a wrapper, with up
 * to five arguments; gives what it returns.  It may leave the wrapper by
 * longjmp() or by an exception: then this does not return, the wrapper's
 * ctx_leave() is not reached, and the depth is put right.
 */
PROCESS_API long process_callback(void *fn, long a1, long a2, long a3, long a4,
				  long a5);

/* process_restarts - how often this process was restarted (changes exactly when
 * all real MPI handles have changed). */
PROCESS_API unsigned int process_restarts(void);

/* Memory of the upper half that is not the program's malloc: for use in
 * handlers and wrappers.  upper_alloc gives zeroed memory aligned to 16, or
 * NULL; thread-safe; async-signal-safe at depth 0 only. */
PROCESS_API void *upper_alloc(size_t size);
PROCESS_API void *upper_realloc(void *p, size_t size);
PROCESS_API void upper_free(void *p);

/* process_private_memory - shared memory at this address that no other process
 * of the program can reach there (it is shared with the MPI library only): an
 * image has it as private memory.  Whole pages; len 0: not any more.  0 or
 * -ENOMEM. */
PROCESS_API int process_private_memory(void *at, size_t len);

/* process_fd_reserve - move fd to a number the program cannot collide with
 * (>= CONTROL_FD_MIN, close-on-exec), remember it as Cairn's; gives the new
 * number or -Exxx; fd is closed. */
PROCESS_API int process_fd_reserve(int fd);

/* process_mpi_begin - call first thing in MPI_Init: if a wrapper (a shell, env)
 * was taken for the rank so far, this process is it from now on; its calling
 * thread becomes the leader. */
PROCESS_API void process_mpi_begin(void);

/*
 * The lower half as far as libcairn must know it (libcairn is not linked to
 * it).  Registered by libmpi.so.12 after lower_start(); the struct must stay.
 */
struct lower_range;
struct process_lower {
	bool (*owns)(uintptr_t address);
	size_t (*ranges)(struct lower_range *ranges, size_t max);
	void (*donor_return)(struct thread_ctx *ctx); /* the thread ends */
	bool (*owns_fd)(int fd);
	/* what a GS base that it owns leads to; NULL in a child */
	struct thread_ctx *(*context)(uint64_t gs_base);
};
PROCESS_API void process_lower_set(const struct process_lower *lower);

/* process_reserved_fd - does this descriptor belong to Cairn or to the lower
 * half (so that the program and its image know nothing of it)? */
PROCESS_API bool process_reserved_fd(int fd);

#endif
