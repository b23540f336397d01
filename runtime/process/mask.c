/* SPDX-License-Identifier: BSD-3-Clause */
/* mask.c - the program's signal masks and sets never hold CONTROL_SIGNAL */
#define _GNU_SOURCE
#include "runtime/process/pid.h"
#include "runtime/process/private.h"
#include "runtime/process/signals.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/signalfd.h>

/* What libc keeps out of masks, and what we do. */
#define LIBC_BITS (3ULL << (SIGNAL_CANCEL - 1))

/* A copy of the program's set without our signal; NULL stays NULL. */
static const sigset_t *without(const sigset_t *set, sigset_t *copy)
{
	uint64_t bits;

	if (!set)
		return NULL;
	*copy = *set;
	memcpy(&bits, set, sizeof(bits));
	bits &= ~CONTROL_BIT;
	memcpy(copy, &bits, sizeof(bits));
	return copy;
}

/* As the kernel's call, but the program sees CONTROL_SIGNAL blocked exactly
 * when it believes to have blocked it. */
static int mask_change(int how, const sigset_t *set, sigset_t *old)
{
	struct thread *t = thread_of(ctx_here());
	bool hidden = t->hides_control;
	uint64_t new = 0, before = 0;
	long result;

	if (set) {
		memcpy(&new, set, sizeof(new));
		if (how == SIG_SETMASK)
			t->hides_control = new &CONTROL_BIT;
		else if (how == SIG_BLOCK && (new &CONTROL_BIT))
			t->hides_control = true;
		else if (how == SIG_UNBLOCK && (new &CONTROL_BIT))
			t->hides_control = false;
		new &= ~(CONTROL_BIT | LIBC_BITS);
	}
	result = sys_call(SYS_rt_sigprocmask, how, set ? &new : NULL, &before,
			  8);
	if (result)
		return (int)-result;
	if (hidden)
		before |= CONTROL_BIT;
	if (old)
		memcpy(old, &before, sizeof(before));
	return 0;
}

EXPORT int pthread_sigmask(int how, const sigset_t *set, sigset_t *old)
{
	return mask_change(how, set, old);
}

EXPORT int sigprocmask(int how, const sigset_t *set, sigset_t *old)
{
	int error = mask_change(how, set, old);

	if (!error)
		return 0;
	errno = error;
	return -1;
}

static int mask_int(int how, int mask)
{
	sigset_t set, old;
	int before;

	sigemptyset(&set);
	sigemptyset(&old);
	memcpy(&set, &mask, sizeof(mask));
	mask_change(how, &set, &old);
	memcpy(&before, &old, sizeof(before));
	return before;
}

/* BSD's calls know 32 signals only. */
EXPORT int sigblock(int mask)
{
	return mask_int(SIG_BLOCK, mask);
}

EXPORT int sigsetmask(int mask)
{
	return mask_int(SIG_SETMASK, mask);
}

static int mask_one(int how, int sig)
{
	sigset_t set;

	sigemptyset(&set);
	if (sigaddset(&set, sig))
		return -1;
	return sigprocmask(how, &set, NULL);
}

EXPORT int sighold(int sig)
{
	return mask_one(SIG_BLOCK, sig);
}

EXPORT int sigrelse(int sig)
{
	return mask_one(SIG_UNBLOCK, sig);
}

/* --- sets that calls take ---------------------------------------------------
 * libc's own functions do the work: they are points of cancellation.
 */
REAL_SLOT(sigsuspend);
REAL_SLOT(sigwait);
REAL_SLOT(sigwaitinfo);
REAL_SLOT(sigtimedwait);
REAL_SLOT(signalfd);
REAL_SLOT(ppoll);
REAL_SLOT(pselect);
REAL_SLOT(epoll_pwait);
REAL_SLOT(epoll_pwait2);
REAL_SLOT(pthread_attr_setsigmask_np);

EXPORT int sigsuspend(const sigset_t *set)
{
	sigset_t copy;

	return REAL(sigsuspend)(without(set, &copy));
}

EXPORT int sigwait(const sigset_t *set, int *sig)
{
	sigset_t copy;

	return REAL(sigwait)(without(set, &copy), sig);
}

EXPORT int sigwaitinfo(const sigset_t *set, siginfo_t *info)
{
	sigset_t copy;
	int result = REAL(sigwaitinfo)(without(set, &copy), info);

	if (result > 0)
		pid_info(info);
	return result;
}

EXPORT int sigtimedwait(const sigset_t *set, siginfo_t *info,
			const struct timespec *limit)
{
	struct thread *t = call_begin(limit);
	sigset_t copy;
	int result = REAL(sigtimedwait)(without(set, &copy), info, limit);

	call_end(t);
	if (result > 0)
		pid_info(info);
	return result;
}

EXPORT int signalfd(int fd, const sigset_t *set, int flags)
{
	sigset_t copy;

	return REAL(signalfd)(fd, without(set, &copy), flags);
}

EXPORT int ppoll(struct pollfd *fds, nfds_t n, const struct timespec *limit,
		 const sigset_t *set)
{
	sigset_t copy;

	return REAL(ppoll)(fds, n, limit, without(set, &copy));
}

EXPORT int pselect(int n, fd_set *in, fd_set *out, fd_set *except,
		   const struct timespec *limit, const sigset_t *set)
{
	sigset_t copy;

	return REAL(pselect)(n, in, out, except, limit, without(set, &copy));
}

EXPORT int epoll_pwait(int fd, struct epoll_event *events, int max,
		       int limit_ms, const sigset_t *set)
{
	struct thread *t = call_begin_ms(limit_ms);
	sigset_t copy;
	int result = REAL(epoll_pwait)(fd, events, max, limit_ms,
				       without(set, &copy));

	call_end(t);
	return result;
}

EXPORT int epoll_pwait2(int fd, struct epoll_event *events, int max,
			const struct timespec *limit, const sigset_t *set)
{
	struct thread *t = call_begin(limit);
	sigset_t copy;
	int result = REAL(epoll_pwait2)(fd, events, max, limit,
					without(set, &copy));

	call_end(t);
	return result;
}

EXPORT int pthread_attr_setsigmask_np(pthread_attr_t *attr, const sigset_t *set)
{
	sigset_t copy;

	return REAL(pthread_attr_setsigmask_np)(attr, without(set, &copy));
}
