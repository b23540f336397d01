/* SPDX-License-Identifier: BSD-3-Clause */
/* calls.c - note when calls with a time limit begin (rewind.c needs it) */
#define _GNU_SOURCE
#include "runtime/process/pid.h"
#include "runtime/process/private.h"
#include "runtime/process/signals.h"

#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <stdarg.h>
#include <sys/epoll.h>
#include <sys/sem.h>
#include <time.h>
#include <unistd.h>

/*
 * Only calls whose limit the kernel does not count down in the caller's memory
 * need this.  The note is taken back when the call returns; a thread that is
 * cancelled inside takes it along.
 */
struct thread *call_begin(const struct timespec *limit)
{
	struct thread *t = thread_of(ctx_here());

	t->call_deadline = 0;
	/* A bad limit is the kernel's to refuse, a long one never ends. */
	if (limit && limit->tv_sec >= 0 && limit->tv_sec < 1L << 30 &&
	    limit->tv_nsec >= 0 && limit->tv_nsec < 1000000000)
		t->call_deadline = program_now_ns() +
				   (uint64_t)limit->tv_sec * 1000000000 +
				   (uint64_t)limit->tv_nsec;
	return t;
}

struct thread *call_begin_ms(int limit_ms)
{
	struct timespec limit = { .tv_sec = limit_ms / 1000,
				  .tv_nsec = limit_ms % 1000 * 1000000L };

	return call_begin(limit_ms > 0 ? &limit : NULL);
}

void call_end(struct thread *t)
{
	t->call_deadline = 0;
}

REAL_SLOT(poll);
REAL_SLOT(epoll_wait);
REAL_SLOT(nanosleep);
REAL_SLOT(clock_nanosleep);
REAL_SLOT(semtimedop);

EXPORT int poll(struct pollfd *fds, nfds_t n, int limit_ms)
{
	struct thread *t;
	int result;

	if (limit_ms <= 0)
		return REAL(poll)(fds, n, limit_ms);
	t = call_begin_ms(limit_ms);
	result = REAL(poll)(fds, n, limit_ms);
	call_end(t);
	return result;
}

EXPORT int epoll_wait(int fd, struct epoll_event *events, int max, int limit_ms)
{
	struct thread *t;
	int result;

	if (limit_ms <= 0)
		return REAL(epoll_wait)(fd, events, max, limit_ms);
	t = call_begin_ms(limit_ms);
	result = REAL(epoll_wait)(fd, events, max, limit_ms);
	call_end(t);
	return result;
}

EXPORT int nanosleep(const struct timespec *limit, struct timespec *rest)
{
	struct thread *t = call_begin(limit);
	int result = REAL(nanosleep)(limit, rest);

	call_end(t);
	return result;
}

EXPORT int clock_nanosleep(clockid_t clock, int flags,
			   const struct timespec *limit, struct timespec *rest)
{
	struct timespec deadline;
	struct thread *t;
	int result;

	if (flags & TIMER_ABSTIME && limit) {
		deadline = clock_to_kernel(clock, limit);
		return REAL(clock_nanosleep)(clock, flags, &deadline, rest);
	}
	t = call_begin(limit);
	result = REAL(clock_nanosleep)(clock, flags, limit, rest);
	call_end(t);
	return result;
}

EXPORT int usleep(useconds_t us)
{
	struct timespec limit = { .tv_sec = us / 1000000,
				  .tv_nsec = us % 1000000 * 1000L };

	return nanosleep(&limit, NULL);
}

EXPORT int semtimedop(int id, struct sembuf *ops, size_t n,
		      const struct timespec *limit)
{
	struct thread *t = call_begin(limit);
	int result = REAL(semtimedop)(id, ops, n, limit);

	call_end(t);
	return result;
}

/* libc's has no number in an instruction: note it.  Calls that libcairn wraps
 * go through the wrapper. */
EXPORT long syscall(long nr, ...)
{
	struct thread *t = thread_of(ctx_here());
	long a[6], result;
	uint64_t bits;
	va_list ap;

	va_start(ap, nr);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	switch (nr) {
	case SYS_gettid:
		return gettid();
	case SYS_close:
		return close((int)a[0]);
	case SYS_tgkill:
		return tgkill((int)a[0], (int)a[1], (int)a[2]);
	}
	if (nr == SYS_rt_sigprocmask && a[1]) {
		bits = *(uint64_t *)a[1] & ~CONTROL_BIT;
		a[1] = (long)&bits;
	}
	if (nr == SYS_futex && (a[1] & FUTEX_CMD_MASK) == FUTEX_WAIT)
		call_begin((const struct timespec *)a[3]);
	a[0] = pid_syscall_argument(nr, a[0]);
	t->call_nr = (int)nr;
	result = sys_call(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
	result = pid_syscall_result(nr, result);
	t->call_nr = -1;
	call_end(t);
	if (sys_is_error(result)) {
		errno = (int)-result;
		return -1;
	}
	return result;
}
