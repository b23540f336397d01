/* SPDX-License-Identifier: BSD-3-Clause */
/* terminate.c - TERM from Slurm ends no rank that can still be checkpointed */
#define _GNU_SOURCE
#define LOG_PREFIX "terminate: "
#include "runtime/process/signals.h"

#include "runtime/base/comm.h"
#include "runtime/process/private.h"

/*
 * DESIGN
 *
 * Before Slurm ends a job it sends TERM to the tasks of its steps, and KILL
 * later: after the partition's GraceTime (preemption), after KillWait (scancel,
 * the end of its time).  A rank that died of the first would take the job with
 * it, and the time would be of no use.  So a rank without a handler of its own
 * lives on and tells its agent, and cairnrun makes use of the time.
 *
 * Only where it is Slurm who says so, and somebody listens: otherwise TERM does
 * what it does by default.  The program sees SIG_DFL throughout; a handler of
 * its own gets every TERM as ever.
 */
static bool agent_knows(void)
{
	struct control_page *page = process_page();
	struct control_msg msg = { .type = CONTROL_TERM };

	/* A child of the program is no rank. */
	if (!page || process_link.pid != (int)sys_call(SYS_getpid))
		return false;
	msg.peer = (int32_t)page->world_rank;
	return !process_send(&msg);
}

/* In either half: no TLS here; every signal is blocked. */
void terminate_enter(int sig, siginfo_t *info, void *context)
{
	uint64_t entered = now_ns();
	struct thread *t = thread_here();

	if (info->si_code == SI_USER && comm_is(info->si_pid, "slurmstepd") &&
	    agent_knows()) {
		if (t)
			rewind_after(t, context, entered);
		return;
	}
	/* It waits until we return, and finds what it always did. */
	signals_default(sig);
	sys_call(SYS_tgkill, sys_call(SYS_getpid), sys_call(SYS_gettid), sig);
}
