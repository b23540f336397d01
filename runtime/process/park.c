/* SPDX-License-Identifier: BSD-3-Clause */
/* park.c - bring all threads of the process to a stop, and let them go */
#define _GNU_SOURCE
#include "runtime/process/epoch.h"

#include "runtime/process/pending.h"
#include "runtime/process/tasks.h"

#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/prctl.h>

/*
 * DESIGN
 *
 * `generation` counts releases.  A thread is parked in this generation when its
 * `parked` is generation + 1, so a flag that a slow thread has not cleared yet
 * after a release never counts for the next stop.  Parked threads wait on
 * `turn`, which is bumped whenever one of them may have something to do:
 *  - the first one that arrives is the watcher: it signals the others and waits
 *    until all are there, or until the rank must go on (epoch_gather);
 *  - then the leader leads (epoch_lead) to the end of the epoch.  What only
 *    the threads themselves can do for it is done in rounds (park_each).
 * All state is in memory that is part of the image: a restarted process goes on
 * in the midst of it, with other kernel threads.
 */
static _Atomic uint32_t generation;
static _Atomic uint32_t turn;	   /* futex */
static _Atomic uint32_t arrivals;  /* futex: bumped when one parks */
static _Atomic uint32_t round_now; /* park_each: bumped for each call */
static void (*round_fn)(struct thread *t);
static struct thread *_Atomic watcher;
static struct thread *_Atomic leader; /* set once all are parked */

static void wake_all(_Atomic uint32_t *word)
{
	atomic_fetch_add(word, 1);
	sys_call(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1 << 30);
}

void park_release(void)
{
	atomic_store(&leader, NULL);
	atomic_store(&watcher, NULL);
	atomic_fetch_add(&generation, 1);
	wake_all(&turn);
}

void park_wait_arrival(unsigned int ms)
{
	struct timespec limit = { .tv_nsec = (long)ms * 1000000L };

	sys_call(SYS_futex, &arrivals, FUTEX_WAIT_PRIVATE,
		 atomic_load(&arrivals), &limit);
}

/* The thread that leads: the one that the page names, else the watcher. */
static struct thread *leader_choose(struct thread *other)
{
	struct control_page *page = process_page();
	int tid = (int)atomic_load(&page->rank.leader_tid);

	thread_each(t) if (t->ctx.tid == tid) return t;
	atomic_store(&page->rank.leader_tid, (uint32_t)other->ctx.tid);
	return other;
}

static void watch(struct thread *t)
{
	switch (epoch_gather(t)) {
	case GATHER_ALL:
		atomic_store(&leader, leader_choose(t));
		wake_all(&turn);
		break;
	case GATHER_GO_ON:
	case GATHER_OVER:
	case GATHER_REFUSED:
		park_release();
		break;
	}
}

static bool is_parked(const struct thread *t)
{
	return atomic_load(&t->parked) == atomic_load(&generation) + 1;
}

/* What the leader wants each thread to do for itself. */
static void round_join(struct thread *t)
{
	uint32_t now = atomic_load(&round_now);

	if (atomic_load(&t->round) == now)
		return;
	round_fn(t);
	atomic_store(&t->round, now);
	wake_all(&arrivals);
}

static bool round_is_over(void)
{
	thread_each(t)
	{
		if (is_parked(t) &&
		    atomic_load(&t->round) != atomic_load(&round_now))
			return false;
	}
	return true;
}

void park_each(struct thread *self, void (*fn)(struct thread *t))
{
	round_fn = fn;
	atomic_fetch_add(&round_now, 1);
	wake_all(&turn);
	round_join(self);
	for (;;) {
		uint32_t seen = atomic_load(&arrivals);

		if (round_is_over())
			return;
		sys_call(SYS_futex, &arrivals, FUTEX_WAIT_PRIVATE, seen, 0);
	}
}

bool park(struct thread *t)
{
	uint32_t here = atomic_load(&generation);

	/* From the choice of a leader on nobody else can come: all are here. */
	if (epoch_phase() != PHASE_PENDING && epoch_phase() != PHASE_GATHERING)
		return false;
	thread_record(t);
	/* In a restarted process the thread goes on from here a second time. */
	context_save(&t->regs);
	if (atomic_load(&t->parked) != here + 1)
		atomic_store(&t->round, atomic_load(&round_now));
	atomic_store(&t->parked, here + 1);
	wake_all(&arrivals);
	for (;;) {
		uint32_t now = atomic_load(&turn);
		struct thread *nobody = NULL;

		if (atomic_load(&generation) != here)
			break;
		round_join(t);
		if (atomic_load(&leader) == t)
			epoch_lead(t);
		else if (!atomic_load(&leader) &&
			 atomic_compare_exchange_strong(&watcher, &nobody, t))
			watch(t);
		else
			sys_call(SYS_futex, &turn, FUTEX_WAIT_PRIVATE, now, 0);
	}
	return true;
}

/* The first thread stays as a zombie when it ends before the others. */
static void reap_first(void)
{
	struct thread *first = NULL;
	struct task task;

	thread_lock();
	thread_each(t)
	{
		if (t->is_main && t->state == THREAD_LEAVING)
			first = t;
	}
	thread_unlock();
	if (first && !task_read(first->ctx.tid, &task) && task.dead)
		thread_drop(first);
}

unsigned int park_missing(bool again)
{
	unsigned int missing = 0;
	uint32_t mark = atomic_load(&generation) + 1;

	thread_reap(true);
	reap_first();
	thread_lock();
	thread_each(t)
	{
		if (is_parked(t))
			continue;
		missing++;
		if (t->state != THREAD_LIVE || (t->asked == mark && !again))
			continue;
		t->asked = mark;
		sys_call(SYS_tgkill, process_link.pid, t->ctx.tid,
			 CONTROL_SIGNAL);
	}
	thread_unlock();
	return missing;
}

/* A thread of ours that blocks our signal will never come (TRAPS, Process 4);
 * one inside a wrapper may just need time. */
int park_blocked(struct err *err)
{
	int result = 0;

	thread_lock();
	thread_each(t)
	{
		struct task task;

		if (is_parked(t) || t->state != THREAD_LIVE || t->ctx.depth)
			continue;
		if (task_read(t->ctx.tid, &task) || !task.blocks_control)
			continue;
		result = err_set(
			err, -EBUSY,
			"rank %u: thread %d (%s) blocks every signal and "
			"cannot be stopped; take the checkpoint when that "
			"thread has ended",
			process_page()->world_rank, t->ctx.tid, task.name);
	}
	thread_unlock();
	return result;
}

static bool is_known(int tid)
{
	thread_each(t) if (t->ctx.tid == tid) return true;
	return false;
}

/* One kernel thread that is not on our list. */
static int stranger(int tid, bool patient, struct err *err)
{
	const struct process_lower *lower = process_lower;
	struct task task;

	if (task_read(tid, &task) || task.dead)
		return 0;
	if (!task.blocks_control) {
		/* Its handler makes a record of it. */
		sys_call(SYS_tgkill, process_link.pid, tid, CONTROL_SIGNAL);
		return -EAGAIN;
	}
	if (lower && task.waits &&
	    (lower->owns(task.sp) || lower->owns(task.pc)))
		return 0;
	if (lower && !task.waits && !patient)
		return 0; /* a progress thread that never sleeps */
	if (patient)
		return -EAGAIN;
	return err_set(
		err, -EBUSY,
		"rank %u: thread %d (%s) was not made by the program and "
		"blocks every signal (aio_read, getaddrinfo_a); it cannot be restored: take the checkpoint "
		"when it has ended",
		process_page()->world_rank, tid, task.name);
}

int park_strangers(bool patient, struct err *err)
{
	struct task_list list;
	int result = task_list_open(&list);
	int tid;

	if (result)
		return err_set(err, result, "cannot read /proc/self/task");
	while (!result && (tid = task_list_next(&list)) > 0) {
		bool known;

		thread_lock();
		known = is_known(tid);
		thread_unlock();
		if (!known)
			result = stranger(tid, patient, err);
	}
	task_list_close(&list);
	return result;
}
