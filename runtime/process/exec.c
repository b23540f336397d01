/* SPDX-License-Identifier: BSD-3-Clause */
/* exec.c - the rank turns into another program */
#define _GNU_SOURCE
#include "runtime/process/private.h"
#include "runtime/process/signals.h"

#include <alloca.h>
#include <stdarg.h>
#include <unistd.h>

/*
 * Between the exec and the new program's first constructor nobody catches
 * CONTROL_SIGNAL, which would end the process.  A blocked signal stays blocked,
 * and pending, over an exec: signals_init() of the new program lets it in.
 */
static bool exec_begin(void)
{
	uint64_t bit = CONTROL_BIT;

	if (!process_page() || process_link.pid != (int)sys_call(SYS_getpid))
		return false;
	sys_call(SYS_rt_sigprocmask, SIG_BLOCK, &bit, 0, 8);
	return true;
}

/* It failed: we are still here. */
static int exec_end(bool blocked, int result)
{
	uint64_t bit = CONTROL_BIT;

	if (blocked)
		sys_call(SYS_rt_sigprocmask, SIG_UNBLOCK, &bit, 0, 8);
	return result;
}

REAL_SLOT(execve);
REAL_SLOT(execv);
REAL_SLOT(execvp);
REAL_SLOT(execvpe);
REAL_SLOT(fexecve);

EXPORT int execve(const char *path, char *const argv[], char *const envp[])
{
	bool blocked = exec_begin();

	return exec_end(blocked, REAL(execve)(path, argv, envp));
}

EXPORT int execv(const char *path, char *const argv[])
{
	bool blocked = exec_begin();

	return exec_end(blocked, REAL(execv)(path, argv));
}

EXPORT int execvp(const char *file, char *const argv[])
{
	bool blocked = exec_begin();

	return exec_end(blocked, REAL(execvp)(file, argv));
}

EXPORT int execvpe(const char *file, char *const argv[], char *const envp[])
{
	bool blocked = exec_begin();

	return exec_end(blocked, REAL(execvpe)(file, argv, envp));
}

EXPORT int fexecve(int fd, char *const argv[], char *const envp[])
{
	bool blocked = exec_begin();

	return exec_end(blocked, REAL(fexecve)(fd, argv, envp));
}

static size_t count_args(va_list ap)
{
	size_t n = 1;
	va_list copy;

	va_copy(copy, ap);
	while (va_arg(copy, char *))
		n++;
	va_end(copy);
	return n + 1;
}

static void collect_args(char **argv, const char *first, va_list *ap, size_t n)
{
	argv[0] = (char *)first;
	for (size_t i = 1; i < n; i++)
		argv[i] = va_arg(*ap, char *);
}

/* The list forms; alloca, because a child of vfork must not allocate. */
EXPORT int execl(const char *path, const char *arg, ...)
{
	va_list ap;
	size_t n;
	char **argv;

	va_start(ap, arg);
	n = count_args(ap);
	/* execl() may be called where the heap may not. */
	/* cppcheck-suppress allocaCalled */
	argv = alloca(n * sizeof(*argv));
	collect_args(argv, arg, &ap, n);
	va_end(ap);
	return execv(path, argv);
}

EXPORT int execlp(const char *file, const char *arg, ...)
{
	va_list ap;
	size_t n;
	char **argv;

	va_start(ap, arg);
	n = count_args(ap);
	/* execl() may be called where the heap may not. */
	/* cppcheck-suppress allocaCalled */
	argv = alloca(n * sizeof(*argv));
	collect_args(argv, arg, &ap, n);
	va_end(ap);
	return execvp(file, argv);
}

EXPORT int execle(const char *path, const char *arg, ...)
{
	va_list ap;
	size_t n;
	char **argv, **envp;

	va_start(ap, arg);
	n = count_args(ap);
	/* execl() may be called where the heap may not. */
	/* cppcheck-suppress allocaCalled */
	argv = alloca(n * sizeof(*argv));
	collect_args(argv, arg, &ap, n);
	envp = va_arg(ap, char **);
	va_end(ap);
	return execve(path, argv, envp);
}
