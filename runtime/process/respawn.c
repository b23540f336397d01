/* SPDX-License-Identifier: BSD-3-Clause */
/* respawn.c - threads noted at a capture come back in a new process */
#define _GNU_SOURCE
#define LOG_PREFIX "respawn: "
#include "runtime/process/private.h"

#include "runtime/base/log.h"

#include <linux/futex.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/rseq.h>

#define RSEQ_LEN 32U

/* libc says where its rseq area lies, seen from FS; absent before 2.35. */
#pragma weak __rseq_offset
#pragma weak __rseq_size

/* pthread_t -> the thread's number, as libc keeps it, for kernels that do not
 * tell where they will clear it: as far from FS as in the first thread. */
static int64_t tid_distance;

static uint64_t find_tid_address(struct thread *t)
{
	uint64_t address = 0;
	const int *word = (const int *)t->ctx.upper_fs;

	if (!sys_call(SYS_prctl, PR_GET_TID_ADDRESS, &address) && address) {
		tid_distance = (int64_t)(address - t->ctx.upper_fs);
		return address;
	}
	for (int i = 64; !tid_distance && t->is_main && i < 512; i++) {
		if (word[i] == t->ctx.app_tid)
			tid_distance = i * (int64_t)sizeof(*word);
	}
	return tid_distance ? t->ctx.upper_fs + (uint64_t)tid_distance : 0;
}

int *thread_tid_address(struct thread *t)
{
	return (int *)find_tid_address(t);
}

static void record_once(struct thread *t)
{
	if (t->tid_address)
		return;
	t->tid_address = find_tid_address(t);
	sys_call(SYS_get_robust_list, 0, &t->robust_list, &t->robust_len);
	if (&__rseq_size && __rseq_size && t->ctx.upper_fs) {
		t->rseq = t->ctx.upper_fs + (uint64_t)__rseq_offset;
		t->rseq_len = __rseq_size < RSEQ_LEN ? RSEQ_LEN : __rseq_size;
		/* refused at the time, or not libc's thread */
		if ((int32_t)((struct rseq *)t->rseq)->cpu_id < 0)
			t->rseq = 0;
	}
}

void thread_record(struct thread *t)
{
	struct sched_param param = { 0 };
	struct timespec cpu = { 0 };
	long len;

	record_once(t);
	t->fs_base = t->ctx.upper_fs;
	t->gs_base = (uint64_t)&t->ctx;
	sys_call(SYS_sigaltstack, NULL, &t->altstack);
	sys_call(SYS_prctl, PR_GET_NAME, t->name);
	len = sys_call(SYS_sched_getaffinity, 0, sizeof(t->affinity),
		       t->affinity);
	t->affinity_len = len > 0 ? (uint32_t)len : 0;
	t->sched_policy = (int32_t)sys_call(SYS_sched_getscheduler, 0);
	sys_call(SYS_sched_getparam, 0, &param);
	t->sched_priority = param.sched_priority;
	t->nice = 20 - (int32_t)sys_call(SYS_getpriority, PRIO_PROCESS, 0);
	sys_call(SYS_clock_gettime, CLOCK_THREAD_CPUTIME_ID, &cpu);
	t->cpu_saved = t->cpu_before + (uint64_t)cpu.tv_sec * 1000000000 +
		       (uint64_t)cpu.tv_nsec;
}

static struct thread *main_thread(void)
{
	thread_each(t) if (t->is_main) return t;
	return NULL;
}

/* Where the program had bound this thread apart from the first one, it stays
 * bound; else the new launch's binding holds. */
static void restore_affinity(const struct thread *t)
{
	const struct thread *first = main_thread();

	if (t->affinity_len && first && first != t &&
	    memcmp(t->affinity, first->affinity, sizeof(t->affinity)) != 0)
		sys_call(SYS_sched_setaffinity, 0, t->affinity_len,
			 t->affinity);
}

/* On the new kernel thread: what the old one had told the kernel. */
static void restore_self(struct thread *t)
{
	struct sched_param param = { .sched_priority = t->sched_priority };

	gs_set(t->gs_base);
	t->ctx.tid = tid_here();
	t->ctx.lower_fs = 0;
	t->ctx.donor = NULL;
	t->cpu_before = t->cpu_saved;
	if (!(t->altstack.ss_flags & SS_DISABLE)) {
		t->altstack.ss_flags &= ~SS_ONSTACK;
		sys_call(SYS_sigaltstack, &t->altstack, NULL);
	}
	if (t->robust_list)
		sys_call(SYS_set_robust_list, t->robust_list, t->robust_len);
	if (t->rseq)
		sys_call(SYS_rseq, t->rseq, t->rseq_len, 0, RSEQ_SIG);
	sys_call(SYS_prctl, PR_SET_NAME, t->name);
	restore_affinity(t);
	/* Not every launch may; the thread runs all the same. */
	sys_call(SYS_sched_setscheduler, 0, t->sched_policy, &param);
	sys_call(SYS_setpriority, PRIO_PROCESS, 0, t->nice);
}

static void thread_continues(void *arg)
{
	struct thread *t = arg;

	restore_self(t);
	context_jump(&t->regs);
}

static void start_thread(struct thread *t)
{
	unsigned long flags = CLONE_VM | CLONE_FS | CLONE_FILES |
			      CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |
			      CLONE_SETTLS;
	/* Below its frames in park(): what was there is dead. */
	char *stack = (char *)t->regs.rsp - 4096;
	int tid;

	/* What others may ask for is true before the thread itself runs. */
	t->cpu_before = t->cpu_saved;
	if (t->tid_address)
		flags |= CLONE_CHILD_CLEARTID;
	tid = thread_clone(flags, stack, (void *)t->tid_address, t->fs_base,
			   thread_continues, t);
	if (tid > 0) {
		t->ctx.tid = tid;
		return;
	}
	log_err("cannot make thread %d (%s) again: the system allows no more "
		"processes; raise the limit and restart",
		t->ctx.app_tid, t->name);
	sys_call(SYS_exit_group, 1);
}

void resume_threads(void)
{
	struct thread *first = NULL;
	struct thread *gone = NULL, *next;

	for (struct thread *t = thread_head; t; t = next) {
		next = t->next;
		if (t->state == THREAD_STARTING || t->state == THREAD_LEAVING)
			gone = t; /* none can be there at QUIET */
		else if (t->is_main)
			first = t;
		else
			start_thread(t);
		if (gone)
			thread_drop(gone);
		gone = NULL;
	}
	if (!first) {
		/* The program's first thread had ended by pthread_exit(). */
		for (;;)
			sys_call(SYS_exit, 0);
	}
	/* cppcheck-suppress nullPointer ; the loop above does not end */
	fs_set(first->fs_base);
	/* cppcheck-suppress nullPointer */
	if (first->tid_address)
		sys_call(SYS_set_tid_address, first->tid_address);
	restore_self(first);
	context_jump(&first->regs);
}
