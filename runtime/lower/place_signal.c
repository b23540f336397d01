/* SPDX-License-Identifier: BSD-3-Clause */
/* place_signal.c - the guest neither handles signals nor sends timers' */
#include <asm/prctl.h>
#include <errno.h>
#include <signal.h>

#include "runtime/base/sys.h"
#include "runtime/lower/futex.h"
#include "runtime/lower/place_private.h"

/* Recorded, so that the library reads back what it set, and never applied:
 * the actions are the program's. */
int place_sigaction(struct place_call *c)
{
	const struct kernel_sigaction *set = (void *)c->arg[1];
	struct kernel_sigaction *get = (void *)c->arg[2];
	struct kernel_sigaction *action, old;
	long sig = c->arg[0];

	if (place_in_child())
		return PLACE_NATIVE;
	if (sig < 1 || sig > PLACE_SIGNALS ||
	    (set && (sig == SIGKILL || sig == SIGSTOP)))
		return place_done(c, -EINVAL);
	action = &place.action[sig];
	futex_lock(&place.lock);
	old = *action;
	if (set)
		*action = *set;
	futex_unlock(&place.lock);
	if (get)
		*get = old;
	return place_done(c, 0);
}

/*
 * A thread that the library makes starts with its maker's GS base and, when the
 * maker is a thread of the program, is about to take over its signal mask.
 * libc sets the mask of a new thread by this very call: here the thread becomes
 * one of the lower half's, and blocks every signal for good.  (Where TLS is
 * reached by GS, it has a GS of its own already: place_clone.)
 */
int place_sigprocmask(struct place_call *c)
{
	uint64_t all = ~0UL;
	const struct thread_ctx *ctx = place_context();

	if (place_is_program() || place_in_child())
		return PLACE_NATIVE;
	if (ctx && ctx != &place_guest_ctx)
		sys_call(SYS_arch_prctl, ARCH_SET_GS, &place_guest_ctx);
	return place_done(c, sys_call(SYS_rt_sigprocmask, SIG_SETMASK, &all,
				      c->arg[2], sizeof(all)));
}

/* On a thread of the program the alternate stack is the program's. */
int place_sigaltstack(struct place_call *c)
{
	if (!c->arg[0] || !place_is_program() || place_in_child())
		return PLACE_NATIVE;
	return place_done(c, sys_call(SYS_sigaltstack, 0, c->arg[1]));
}

/* Timers that tell a thread of their own, or nobody, are harmless. */
int place_timer_create(struct place_call *c)
{
	const struct sigevent *event = (void *)c->arg[1];

	if (!event || event->sigev_notify == SIGEV_SIGNAL)
		return place_refuse(c);
	return PLACE_NATIVE;
}
