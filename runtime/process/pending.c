/* SPDX-License-Identifier: BSD-3-Clause */
/* pending.c - signals that wait for the program while it is captured */
#define _GNU_SOURCE
#define LOG_PREFIX "signals: "
#include "runtime/process/pending.h"

#include "runtime/base/fmt.h"
#include "runtime/base/log.h"
#include "runtime/process/private.h"
#include "runtime/process/signals.h"
#include "runtime/process/tasks.h"

#include <errno.h>
#include <string.h>

/*
 * DESIGN
 *
 * A signal that waits (blocked by the program, or come while its threads were
 * parked) is state of the kernel, which no image holds.  So it is taken out
 * before the capture, with its siginfo, and given back after it: by the process
 * that goes on, and by each one that is made from the image.
 *
 * A thread can only take its own signals and those of the process, its own
 * first; only it itself may give a signal back that says it comes from the
 * kernel or from kill().  So each parked thread does its own (park_each), and
 * the main thread the process's.  /proc says which wait for whom.
 *
 * Between taking and giving, later signals of the same kind may arrive.  They
 * are taken, too, before the old ones are given, so that the order is kept.
 */
struct pending {
	struct pending *next;
	/* The program had not blocked it, and the default action would end or
	 * stop it: whoever sent it meant the process that then was. */
	bool meant_to_end;
	siginfo_t info;
};

/* Of the process.  A thread's hang on its record. */
static struct pending *shared;
static int taken_in; /* this process, while they are out of the kernel */
static bool other_life;

static uint64_t bit(int sig)
{
	return 1ULL << (sig - 1);
}

/* Real-time signals queue up; of the others one can wait. */
static bool is_double(const struct pending *list, int sig)
{
	for (; sig < SIGNAL_CANCEL && list; list = list->next)
		if (list->info.si_signo == sig)
			return true;
	return false;
}

/* For the program: TERM that it does not handle has a handler of ours. */
static bool is_default(int sig)
{
	uint64_t action[4] = { 0 };

	sys_call(SYS_rt_sigaction, sig, 0, action, 8);
	return action[0] == (uint64_t)SIG_DFL ||
	       action[0] == (uint64_t)(uintptr_t)terminate_enter;
}

static bool is_blocked(const struct thread *owner, int sig)
{
	if (owner)
		return owner->program_mask & bit(sig);
	thread_each(t) if (!(t->program_mask & bit(sig))) return false;
	return true;
}

/* One signal from the kernel to the end of the list; false: there is none. */
static bool take(struct pending **list, struct thread *owner, int sig)
{
	const struct timespec now = { 0 };
	struct pending *p = upper_alloc(sizeof(*p));
	uint64_t set = bit(sig);

	if (!p) {
		log_warn("no memory for a waiting signal %d; a restart from "
			 "this checkpoint will not see it",
			 sig);
		return false;
	}
	if (sys_call(SYS_rt_sigtimedwait, &set, &p->info, &now, 8) != sig ||
	    is_double(*list, sig)) {
		upper_free(p);
		return false;
	}
	p->meant_to_end = is_default(sig) && !is_blocked(owner, sig);
	while (*list)
		list = &(*list)->next;
	*list = p;
	return true;
}

static uint64_t waiting(void)
{
	uint64_t set = 0;

	sys_call(SYS_rt_sigpending, &set, 8);
	return set & ~CONTROL_BIT;
}

static void take_own(struct thread *t)
{
	struct task task;
	uint64_t set = waiting();

	while (set && !task_read(tid_here(), &task)) {
		set = task.pending & ~CONTROL_BIT;
		if (set && !take(&t->pending, t, __builtin_ctzll(set) + 1))
			return;
	}
}

static void take_shared(void)
{
	struct task task;
	uint64_t set = waiting();

	while (set && !task_read(tid_here(), &task)) {
		set = task.pending_shared & ~CONTROL_BIT;
		if (set && !take(&shared, NULL, __builtin_ctzll(set) + 1))
			return;
	}
}

void pending_take(struct thread *leader)
{
	taken_in = process_link.pid;
	park_each(leader, take_own);
	take_shared();
}

bool pending_more(void)
{
	return waiting() != 0;
}

/* A number of this process in it is the one it has now. */
static void info_renew(siginfo_t *info)
{
	bool from_process = info->si_code == SI_USER ||
			    info->si_code == SI_TKILL ||
			    info->si_code == SI_QUEUE;

	if (from_process && info->si_pid == taken_in)
		info->si_pid = process_link.pid;
}

static void give(struct pending **list, const struct thread *owner)
{
	int pid = process_link.pid;
	struct pending *p;
	long rc;

	while ((p = *list)) {
		siginfo_t info = p->info;
		int sig = info.si_signo;

		*list = p->next;
		if (p->meant_to_end && other_life) {
			upper_free(p);
			continue;
		}
		upper_free(p);
		info_renew(&info);
		/* Only the main thread may say so to the process. */
		if (!owner && tid_here() != pid &&
		    (info.si_code >= 0 || info.si_code == SI_TKILL))
			info.si_code = SI_QUEUE;
		rc = owner ? sys_call(SYS_rt_tgsigqueueinfo, pid, tid_here(),
				      sig, &info) :
			     sys_call(SYS_rt_sigqueueinfo, pid, sig, &info);
		if (rc)
			log_err("signal %d, which waited for the program, is "
				"lost: %s; raise the limit of pending signals "
				"(ulimit -i)",
				sig, fmt_error((int)rc));
	}
}

static void give_own(struct thread *t)
{
	if (t->pending) {
		take_own(t);
		give(&t->pending, t);
	}
	if (shared && t->is_main) {
		take_shared();
		give(&shared, NULL);
	}
}

void pending_give(struct thread *leader, bool restarted)
{
	bool any = shared != NULL;

	other_life = restarted;
	thread_each(t) any = any || t->pending;
	if (!any)
		return;
	park_each(leader, give_own);
	give(&shared, NULL); /* the main thread has ended */
}
