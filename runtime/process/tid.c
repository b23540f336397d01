/* SPDX-License-Identifier: BSD-3-Clause */
/* tid.c - thread numbers: the program's and the kernel's, after a restart */
#define _GNU_SOURCE
#include "runtime/process/private.h"

#include "runtime/base/fmt.h"
#include "runtime/process/pid.h"
#include "runtime/process/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/*
 * libc caches each thread's number and writes it into the mutexes that the
 * thread holds, so it cannot be changed under it (TRAPS, Process 5).  After a
 * restart a thread has two: app_tid, which libc believes in, and tid.  Calls
 * that hand such a number to the kernel are translated here; before the first
 * restart they go straight to libc.
 */

REAL_SLOT(pthread_kill);
REAL_SLOT(pthread_sigqueue);
REAL_SLOT(pthread_setname_np);
REAL_SLOT(pthread_getname_np);
REAL_SLOT(pthread_setaffinity_np);
REAL_SLOT(pthread_getaffinity_np);
REAL_SLOT(pthread_setschedparam);
REAL_SLOT(pthread_getschedparam);
REAL_SLOT(sched_setaffinity);
REAL_SLOT(sched_getaffinity);

static bool translating(void)
{
	return process_restarts() != 0;
}

/* A pthread_t is the thread's FS base.  0: it has ended. */
static int tid_of(pthread_t thread)
{
	uint64_t mask = mask_all();
	int tid = 0;

	thread_lock();
	thread_each(t)
	{
		if (t->ctx.upper_fs == (uint64_t)thread &&
		    t->state == THREAD_LIVE)
			tid = t->ctx.tid;
	}
	thread_unlock();
	mask_restore(mask);
	return tid;
}

int tid_to_kernel(int app_tid)
{
	uint64_t mask;
	int tid = app_tid;

	if (!app_tid || !translating())
		return app_tid;
	mask = mask_all();
	thread_lock();
	thread_each(t)
	{
		if (t->ctx.app_tid == app_tid)
			tid = t->ctx.tid;
	}
	thread_unlock();
	mask_restore(mask);
	/* In a child it is the parent's. */
	return tid == app_tid ? pid_to_kernel(tid) : tid;
}

uint64_t thread_cpu_before(int app_tid)
{
	uint64_t mask = mask_all(), before = 0;

	thread_lock();
	thread_each(t)
	{
		if (t->ctx.app_tid == app_tid)
			before = t->cpu_before;
	}
	thread_unlock();
	mask_restore(mask);
	return before;
}

static int as_error(long result)
{
	return result < 0 ? (int)-result : 0;
}

EXPORT pid_t gettid(void)
{
	struct thread_ctx *ctx = ctx_here();
	int tid = tid_here();

	return ctx->tid == tid ? ctx->app_tid : tid;
}

EXPORT int tgkill(pid_t pid, pid_t tid, int sig)
{
	long result;

	result = sys_call(SYS_tgkill, pid_to_kernel(pid), tid_to_kernel(tid),
			  sig);
	if (result) {
		errno = (int)-result;
		return -1;
	}
	return 0;
}

EXPORT int pthread_kill(pthread_t thread, int sig)
{
	int tid;

	if (!translating())
		return REAL(pthread_kill)(thread, sig);
	if (sig == 32 || sig == 33 || sig == CONTROL_SIGNAL)
		return EINVAL;
	tid = tid_of(thread);
	return tid ? as_error(
			     sys_call(SYS_tgkill, process_link.pid, tid, sig)) :
		     0; /* ended, not joined yet */
}

EXPORT int pthread_sigqueue(pthread_t thread, int sig, const union sigval value)
{
	siginfo_t info = { .si_signo = sig, .si_code = SI_QUEUE };
	int tid;

	if (!translating())
		return REAL(pthread_sigqueue)(thread, sig, value);
	info.si_pid = process_link.pid;
	info.si_uid = (uid_t)sys_call(SYS_getuid);
	info.si_value = value;
	tid = tid_of(thread);
	return tid ? as_error(sys_call(SYS_rt_tgsigqueueinfo, process_link.pid,
				       tid, sig, &info)) :
		     ESRCH;
}

EXPORT int pthread_setaffinity_np(pthread_t thread, size_t size,
				  const cpu_set_t *set)
{
	int tid;

	if (!translating())
		return REAL(pthread_setaffinity_np)(thread, size, set);
	tid = tid_of(thread);
	return tid ? as_error(sys_call(SYS_sched_setaffinity, tid, size, set)) :
		     ESRCH;
}

EXPORT int pthread_getaffinity_np(pthread_t thread, size_t size, cpu_set_t *set)
{
	int tid;
	long n;

	if (!translating())
		return REAL(pthread_getaffinity_np)(thread, size, set);
	tid = tid_of(thread);
	if (!tid)
		return ESRCH;
	n = sys_call(SYS_sched_getaffinity, tid, size, set);
	if (n < 0)
		return (int)-n;
	memset((char *)set + n, 0, size - (size_t)n);
	return 0;
}

EXPORT int pthread_setschedparam(pthread_t thread, int policy,
				 const struct sched_param *param)
{
	int tid;

	if (!translating())
		return REAL(pthread_setschedparam)(thread, policy, param);
	tid = tid_of(thread);
	return tid ? as_error(sys_call(SYS_sched_setscheduler, tid, policy,
				       param)) :
		     ESRCH;
}

EXPORT int pthread_getschedparam(pthread_t thread, int *policy,
				 struct sched_param *param)
{
	int tid;

	if (!translating())
		return REAL(pthread_getschedparam)(thread, policy, param);
	tid = tid_of(thread);
	if (!tid)
		return ESRCH;
	*policy = (int)sys_call(SYS_sched_getscheduler, tid);
	return as_error(sys_call(SYS_sched_getparam, tid, param));
}

EXPORT int sched_setaffinity(pid_t tid, size_t size, const cpu_set_t *set)
{
	return REAL(sched_setaffinity)(tid_to_kernel(tid), size, set);
}

EXPORT int sched_getaffinity(pid_t tid, size_t size, cpu_set_t *set)
{
	return REAL(sched_getaffinity)(tid_to_kernel(tid), size, set);
}

/* libc has marked the thread, but signalled the cached number. */
bool tid_cancel(pthread_t thread)
{
	int tid = translating() ? tid_of(thread) : 0;

	return tid &&
	       !sys_call(SYS_tgkill, process_link.pid, tid, SIGNAL_CANCEL);
}

static long name_file(pthread_t thread, int flags)
{
	char path[64];

	fmt_print(path, sizeof(path), "/proc/self/task/%d/comm",
		  tid_of(thread));
	return sys_call(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC);
}

EXPORT int pthread_setname_np(pthread_t thread, const char *name)
{
	size_t len = strlen(name);
	long fd, n;

	if (!translating())
		return REAL(pthread_setname_np)(thread, name);
	if (len > 15)
		return ERANGE;
	fd = name_file(thread, O_RDWR);
	if (fd < 0)
		return (int)-fd;
	n = sys_call(SYS_write, fd, name, len);
	sys_call(SYS_close, fd);
	return as_error(n);
}

EXPORT int pthread_getname_np(pthread_t thread, char *name, size_t size)
{
	long fd, n;

	if (!translating())
		return REAL(pthread_getname_np)(thread, name, size);
	if (size < 16)
		return ERANGE;
	fd = name_file(thread, O_RDONLY);
	if (fd < 0)
		return (int)-fd;
	n = sys_call(SYS_read, fd, name, size - 1);
	sys_call(SYS_close, fd);
	if (n < 0)
		return (int)-n;
	/* the file ends in a newline */
	name[n && name[n - 1] == '\n' ? n - 1 : n] = '\0';
	return 0;
}
