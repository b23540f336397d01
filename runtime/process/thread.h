/* SPDX-License-Identifier: BSD-3-Clause */
/* thread.h - the program's threads, as libcairn keeps them (private) */
#ifndef CAIRN_PROCESS_THREAD_H
#define CAIRN_PROCESS_THREAD_H

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "runtime/base/ctx.h"
#include "runtime/base/sys.h"
#include "runtime/process/jump.h"

/*
 * DESIGN
 *
 * Each thread of the program has one struct thread in upper memory.  It begins
 * with the context that the crossing and the handlers reach through GS.
 *
 * A thread is *parked* when it waits in park() (park.c) for the end of an
 * epoch, always with every signal blocked, always on its runtime stack or deep
 * in libcairn, always with the program's FS.  Its registers at that place are
 * in `regs`; whatever the program had in its registers lies in the signal frame
 * on the program's stack, or is dead because it called a function.  After a
 * restart respawn.c makes a kernel thread for each of them that continues in
 * park() as if the wait had just ended.
 */

/* What context_save() keeps: the registers a call preserves.  Offsets are
 * known to switch.S. */
struct thread_regs {
	uint64_t rbx, rbp, r12, r13, r14, r15;
	uint64_t rsp, rip;
	uint32_t mxcsr;
	uint16_t fcw, unused;
};

/* context_save - like setjmp: 0 now, 1 when context_jump() comes back. */
int context_save(struct thread_regs *regs)
	__attribute__((returns_twice, visibility("hidden")));
void context_jump(const struct thread_regs *regs)
	__attribute__((noreturn, visibility("hidden")));
/* stack_call - run fn(arg) on another stack (its upper end is top). */
void stack_call(void (*fn)(void *), void *arg, void *top)
	__attribute__((visibility("hidden")));

enum thread_state {
	THREAD_STARTING, /* registered by its maker; no kernel thread yet */
	THREAD_LIVE,
	THREAD_LEAVING, /* past its last destructor: gone any moment */
};

#define THREAD_CPUS 1024

struct thread {
	struct thread_ctx ctx;	 /* must be first */
	struct thread *next;	 /* threads.head; under threads.lock */
	_Atomic uint32_t state;	 /* enum thread_state */
	_Atomic uint32_t parked; /* in which generation (park.c) */
	uint32_t asked;		 /* signalled in this one */
	_Atomic uint32_t round;	 /* the last one it took part in (park_each) */
	bool is_main;		 /* the kernel's first thread of the process */

	/* at park(), for a restart */
	struct thread_regs regs;
	uint64_t fs_base, gs_base;
	stack_t altstack;
	uint64_t robust_list, robust_len;
	uint64_t tid_address; /* cleared by the kernel at its exit */
	uint64_t rseq;	      /* 0: not registered */
	uint32_t rseq_len;
	int32_t sched_policy, sched_priority, nice;
	char name[16];
	uint32_t affinity_len; /* bytes */
	unsigned char affinity[THREAD_CPUS / 8];
	uint64_t cpu_before, cpu_saved; /* ns used in earlier lives; and now */

	/* the runtime's stack of this thread, made when first needed */
	void *stack;
	size_t stack_len;
	bool on_stack;

	/* functions of the program that run below wrappers (jump.c) */
	struct boundary boundary[BOUNDARIES];
	uint32_t boundaries;

	/* signals (mask.c, rewind.c) */
	bool hides_control;    /* the program believes CONTROL_SIGNAL blocked */
	uint64_t program_mask; /* what it blocks, from before it parks */
	struct pending *pending; /* taken from the kernel (pending.c) */
	int32_t call_nr;	/* what our syscall() is about to call, or -1 */
	uint64_t call_deadline; /* program_now_ns() of its end; 0: not noted */
	struct timespec rewind_time; /* its shortened limit */
};

static inline struct thread *thread_of(struct thread_ctx *ctx)
{
	return (struct thread *)ctx;
}

/* The list of all threads; walk it under thread_lock(), or when all others are
 * parked. */
extern struct thread *thread_head;
void thread_lock(void);
void thread_unlock(void);
#define thread_each(t) for (struct thread *t = thread_head; t; t = t->next)

/* thread_here - this thread's record by GS, in either half, without TLS; NULL
 * if it has none (GS belongs to its maker, or to nobody). */
struct thread *thread_here(void);
/* thread_is_below - is the calling thread, t, in the lower half?  For signal
 * handlers. */
bool thread_is_below(const struct thread *t);
/* thread_adopt_raw - as thread_adopt, but touches no TLS: for handlers. */
struct thread *thread_adopt_raw(void);
/* thread_of_app_tid - by the number the program knows. */
struct thread *thread_of_app_tid(int tid);
/* thread_drop - forget a thread that the kernel no longer knows. */
void thread_drop(struct thread *t);
/* thread_reap - forget threads that have ended: those that said so, or all that
 * the kernel does not know.  Signals are blocked. */
void thread_reap(bool all);
/* thread_init - adopt the first thread; thread_after_fork - in a child. */
void thread_init(void);
void thread_after_fork(void);
/* thread_stack_top - the upper end of t's runtime stack (made on demand),
 * NULL without memory. */
void *thread_stack_top(struct thread *t);
/* thread_run_apart - fn(arg) on that stack.  If the process was restarted
 * meanwhile, what calls into the old lower half left there is given away. */
void thread_run_apart(struct thread *t, void (*fn)(void *), void *arg,
		      void *top);

/*
 * Parking (park.c) and coming back (respawn.c).
 *
 * thread_record - note what the kernel knows of the calling thread (altstack,
 * robust list, rseq, affinity, ...) in t.
 * resume_threads - in a restored process, on the kernel's first thread, with
 * every signal blocked: makes a kernel thread for each thread but the main one,
 * each of which continues where context_save(&t->regs) was called last, then
 * does the same for the main thread itself.  Never returns.  The thread that
 * ran capture_rank() must have called context_save(&self->regs) there.
 */
void thread_record(struct thread *t);
/* thread_tid_address - where libc keeps the calling thread's number; or NULL.
 */
int *thread_tid_address(struct thread *t);
int thread_clone(unsigned long flags, void *stack, void *tid_address,
		 uint64_t tls, void (*fn)(void *), void *arg)
	__attribute__((visibility("hidden")));
void resume_threads(void) __attribute__((noreturn));

/* FS and GS base registers: by instruction, or by system call on old kernels.
 */
extern bool has_fsgsbase;
uint64_t fs_get(void);
void fs_set(uint64_t base);
uint64_t gs_get(void);
void gs_set(uint64_t base);

static inline int tid_here(void)
{
	return (int)sys_call(SYS_gettid);
}

/* All signals off; the old mask comes back.  Raw: sees CONTROL_SIGNAL too. */
static inline uint64_t mask_all(void)
{
	uint64_t all = ~0ULL, old = 0;

	sys_call(SYS_rt_sigprocmask, SIG_SETMASK, &all, &old, 8);
	return old;
}

static inline void mask_restore(uint64_t old)
{
	sys_call(SYS_rt_sigprocmask, SIG_SETMASK, &old, 0, 8);
}

#endif
