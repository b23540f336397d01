/* SPDX-License-Identifier: BSD-3-Clause */
/* thread.c - the list of the program's threads, and how they get on it */
#define _GNU_SOURCE
#include "runtime/process/private.h"

#include "runtime/base/log.h"
#include "runtime/process/epoch.h"
#include "runtime/process/signals.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define RUNTIME_STACK (512UL << 10)

__thread struct thread_ctx *cairn_ctx
	__attribute__((tls_model("initial-exec")));

/* One list for the process, with the contexts of all its threads. */
struct thread *thread_head;
static _Atomic uint32_t list_lock;
/* Its destructor says that a thread ends. */
static pthread_key_t exit_key;
static bool exit_key_made;

/* The lock is only held with every signal blocked and for a few instructions;
 * callers see to the signals. */
void thread_lock(void)
{
	uint32_t c = 0;

	if (atomic_compare_exchange_strong(&list_lock, &c, 1))
		return;
	if (c != 2)
		c = atomic_exchange(&list_lock, 2);
	while (c) {
		sys_call(SYS_futex, &list_lock, FUTEX_WAIT_PRIVATE, 2, 0);
		c = atomic_exchange(&list_lock, 2);
	}
}

void thread_unlock(void)
{
	if (atomic_exchange(&list_lock, 0) == 2)
		sys_call(SYS_futex, &list_lock, FUTEX_WAKE_PRIVATE, 1);
}

static void *page_alloc(size_t len)
{
	long p = sys_call(SYS_mmap, 0, len, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return sys_is_error(p) ? NULL : (void *)p;
}

/* Records come from pages of their own and are used again: no allocator lock,
 * so that a handler may make one.  Under the list's lock. */
static struct thread *record_free;

static struct thread *record_alloc(void)
{
	size_t size = (sizeof(struct thread) + 63) & ~63UL;
	struct thread *t;

	if (!record_free) {
		size_t len = 16 * 4096;
		char *pages = page_alloc(len);

		for (size_t i = 0; pages && i + size <= len; i += size) {
			t = (struct thread *)(pages + i);
			t->next = record_free;
			record_free = t;
		}
	}
	t = record_free;
	if (!t)
		return NULL;
	record_free = t->next;
	/* A stack once made stays with the record. */
	void *stack = t->stack;
	size_t stack_len = t->stack_len;

	memset(t, 0, sizeof(*t));
	t->stack = stack;
	t->stack_len = stack_len;
	t->ctx.gs.self = &t->ctx;
	t->ctx.process = t;
	t->call_nr = -1;
	t->ctx.stop = epoch_pending();
	return t;
}

/* A record on the list, of no kernel thread yet; signals are blocked. */
static struct thread *record_add(uint32_t state)
{
	struct thread *t;

	thread_lock();
	t = record_alloc();
	if (t) {
		t->state = state;
		t->next = thread_head;
		thread_head = t;
	}
	thread_unlock();
	return t;
}

/* Takes *link off the list; under the lock. */
static void unlink_record(struct thread **link)
{
	struct thread *t = *link;

	*link = t->next;
	t->ctx.gs.self = NULL;
	t->next = record_free;
	record_free = t;
}

void thread_drop(struct thread *t)
{
	struct thread **p;

	thread_lock();
	for (p = &thread_head; *p && *p != t; p = &(*p)->next)
		;
	if (*p)
		unlink_record(p);
	thread_unlock();
}

void thread_reap(bool all)
{
	struct thread **p = &thread_head;
	int pid = (int)sys_call(SYS_getpid);

	thread_lock();
	while (*p) {
		struct thread *t = *p;

		if ((all ? t->state != THREAD_STARTING :
			   t->state == THREAD_LEAVING) &&
		    sys_call(SYS_tgkill, pid, t->ctx.tid, 0) == -ESRCH)
			unlink_record(p);
		else
			p = &t->next;
	}
	thread_unlock();
}

struct thread *thread_here(void)
{
	const struct process_lower *lower = process_lower;
	struct thread_ctx *ctx;
	uint64_t gs = gs_get();

	if (!gs)
		return NULL;
	if (lower && lower->context && lower->owns(gs))
		ctx = lower->context(gs);
	else
		ctx = thread_gs(gs)->self;
	if (!ctx || ctx->gs.self != ctx || ctx->tid != tid_here())
		return NULL;
	return thread_of(ctx);
}

bool thread_is_below(const struct thread *t)
{
	return thread_gs(gs_get())->inside || fs_get() != t->ctx.upper_fs;
}

struct thread *thread_of_app_tid(int tid)
{
	thread_each(t) if (t->ctx.app_tid == tid) return t;
	return NULL;
}

/* The calling thread takes a record for itself. */
static void record_claim(struct thread *t)
{
	t->ctx.tid = tid_here();
	t->ctx.app_tid = t->ctx.tid;
	t->is_main = t->ctx.tid == (int)sys_call(SYS_getpid);
	t->ctx.upper_fs = fs_get();
	t->state = THREAD_LIVE;
	gs_set((uint64_t)&t->ctx);
}

/* A record of a thread that died unseen may have the number that the kernel
 * gave to us. */
static void drop_stale(int tid)
{
	struct thread *stale = NULL;

	thread_lock();
	thread_each(t)
	{
		if (t->ctx.tid == tid)
			stale = t;
	}
	thread_unlock();
	if (stale)
		thread_drop(stale);
}

struct thread *thread_adopt_raw(void)
{
	uint64_t mask = mask_all();
	struct thread *t = thread_here();

	if (!t) {
		drop_stale(tid_here());
		t = record_add(THREAD_STARTING);
		if (t)
			record_claim(t);
	}
	mask_restore(mask);
	return t;
}

struct thread_ctx *thread_adopt(void)
{
	struct thread *t = thread_adopt_raw();

	if (!t) {
		log_err("no memory for one more thread's context; ending");
		sys_call(SYS_exit_group, 1);
		__builtin_unreachable();
	}
	t->state = THREAD_LIVE;
	cairn_ctx = &t->ctx;
	if (exit_key_made)
		pthread_setspecific(exit_key, t);
	return &t->ctx;
}

void *thread_stack_top(struct thread *t)
{
	if (!t->stack) {
		char *stack = page_alloc(RUNTIME_STACK);

		if (!stack)
			return NULL;
		sys_call(SYS_mprotect, stack, 4096, PROT_NONE);
		t->stack_len = RUNTIME_STACK;
		t->stack = stack;
	}
	return (char *)t->stack + t->stack_len;
}

void thread_run_apart(struct thread *t, void (*fn)(void *), void *arg,
		      void *top)
{
	unsigned int before = process_restarts();

	t->on_stack = true;
	stack_call(fn, arg, top);
	t->on_stack = false;
	if (process_restarts() != before)
		sys_call(SYS_madvise, t->stack, t->stack_len, MADV_DONTNEED);
}

/* Last destructor of a thread.  Others may still follow; if one of them calls
 * MPI, thread_adopt() makes the thread live again and sets the key again. */
static void thread_ends(void *arg)
{
	struct thread *t = arg;
	const struct process_lower *lower = process_lower;

	if (lower && lower->donor_return && t->ctx.lower_fs)
		lower->donor_return(&t->ctx);
	epoch_leader_leaves(t);
	cairn_ctx = NULL;
	t->state = THREAD_LEAVING;
}

/* --- pthread_create ------------------------------------------------------- */

struct start {
	void *(*fn)(void *);
	void *arg;
	struct thread *t;
	uint64_t mask;
	bool own_mask; /* the attributes say which signals it blocks */
};

static bool is_taken(const struct thread *claimed)
{
	bool taken = false;

	thread_lock();
	thread_each(t)
		taken |= t != claimed && t->ctx.app_tid == claimed->ctx.app_tid;
	thread_unlock();
	return taken;
}

/* After a restart the kernel may give a new thread the number that another one
 * had before, and keeps for its libc, which tells the owners of mutexes by it.
 * Then the new one's is none that the kernel ever gives. */
static void number_make_unique(struct thread *t)
{
	static _Atomic int others = 1 << 28;
	int *cached;

	if (!process_restarts() || !is_taken(t))
		return;
	cached = thread_tid_address(t);
	if (!cached || *cached != t->ctx.tid)
		return;
	t->ctx.app_tid = atomic_fetch_add(&others, 1);
	*cached = t->ctx.app_tid;
}

static void *trampoline(void *arg)
{
	struct start start = *(struct start *)arg;
	uint64_t mask = mask_all();

	if (thread_here()) {
		/* A signal was faster (own_mask) and made a record. */
		thread_drop(start.t);
	} else {
		drop_stale(tid_here());
		record_claim(start.t);
		number_make_unique(start.t);
		epoch_leader_needed(start.t);
	}
	thread_adopt();
	/* libc has installed it by now (signals.c). */
	signals_wrap(SIGNAL_SETXID);
	upper_free(arg);
	mask_restore(start.own_mask ? mask : start.mask);
	return start.fn(start.arg);
}

REAL_SLOT(pthread_create);

EXPORT int pthread_create(pthread_t *thread, const pthread_attr_t *attr,
			  void *(*fn)(void *), void *arg)
{
	struct start *start = upper_alloc(sizeof(*start));
	sigset_t own;
	uint64_t mask;
	int ret;

	if (!start)
		return EAGAIN;
	ctx_here();
	start->fn = fn;
	start->arg = arg;
	start->own_mask = attr && !pthread_attr_getsigmask_np(attr, &own);
	/* The new thread has our GS until the trampoline sets it: no signal
	 * may come before (TRAPS, Process 18). */
	mask = mask_all();
	start->mask = mask;
	thread_reap(false);
	start->t = record_add(THREAD_STARTING);
	ret = start->t ? REAL(pthread_create)(thread, attr, trampoline, start) :
			 EAGAIN;
	if (ret && start->t)
		thread_drop(start->t);
	mask_restore(mask);
	if (ret)
		upper_free(start);
	return ret;
}

/* --- start and fork --------------------------------------------------------
 */

void thread_init(void)
{
	exit_key_made = !pthread_key_create(&exit_key, thread_ends);
	thread_adopt();
}

/* Only the calling thread lives on; its tid is new. */
void thread_after_fork(void)
{
	struct thread_ctx *ctx = cairn_ctx;

	atomic_store(&list_lock, 0);
	thread_head = ctx ? thread_of(ctx) : NULL;
	if (!ctx)
		return;
	thread_of(ctx)->next = NULL;
	epoch_after_fork();
	ctx->tid = tid_here();
	ctx->app_tid = ctx->tid;
	thread_of(ctx)->is_main = true;
	/* GS may be a donor's, whose memory is not here. */
	gs_set((uint64_t)ctx);
	ctx->lower_fs = 0;
	ctx->donor = NULL;
	ctx->stop = 0;
}
