/* SPDX-License-Identifier: BSD-3-Clause */
/* pid.c - the program keeps the process numbers that it has had from the start
 */
#define _GNU_SOURCE
#include "runtime/process/pid.h"

#include "runtime/process/private.h"
#include "runtime/process/restored.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <unistd.h>

/*
 * DESIGN
 *
 * Programs remember their number: in lock files, in names of temporary files,
 * to know a child from its parent.  A restarted process has another one, and
 * another parent, group and session; the program goes on seeing the old ones,
 * which are translated here on their way in and out.  Before the first restart
 * nothing is.
 *
 * All of it is a comparison with what the kernel says, so a forked child, which
 * has this memory, sees its own number, and its parent's as the parent does.  A
 * parent that has died is not hidden either.
 *
 * Threads' numbers are tid.c's; the main thread's is the process's.  epoch.md
 * lists what still shows the new numbers.
 */
struct numbers {
	int self, parent, group, session;
};

/* As the program knows them, as they were noted for a restart, and as the
 * kernel had them after the restart. */
static struct numbers program, saved, here;
static bool active;

static struct numbers numbers_now(void)
{
	return (struct numbers){
		.self = (int)sys_call(SYS_getpid),
		.parent = (int)sys_call(SYS_getppid),
		.group = (int)sys_call(SYS_getpgid, 0),
		.session = (int)sys_call(SYS_getsid, 0),
	};
}

static int to_program(int kernel)
{
	return active && kernel == here.self ? program.self : kernel;
}

static int parent_to_program(int kernel)
{
	return active && kernel == here.parent ? program.parent :
						 to_program(kernel);
}

static int group_to_program(int kernel)
{
	return active && kernel == here.group ? program.group :
						to_program(kernel);
}

static int session_to_program(int kernel)
{
	return active && kernel == here.session ? program.session :
						  to_program(kernel);
}

int pid_to_kernel(int pid)
{
	if (!active || pid <= 1)
		return pid;
	if (pid == program.self)
		return here.self;
	return pid == program.parent ? here.parent : pid;
}

static int group_to_kernel(int group)
{
	if (!active || group <= 1)
		return group;
	return group == program.group ? here.group : pid_to_kernel(group);
}

void pid_info(siginfo_t *info)
{
	if (active && info &&
	    (info->si_code == SI_USER || info->si_code == SI_TKILL ||
	     info->si_code == SI_QUEUE))
		info->si_pid = to_program(info->si_pid);
}

void pid_record(void)
{
	saved = numbers_now();
	if (!active)
		return;
	saved.self = to_program(saved.self);
	saved.parent = parent_to_program(saved.parent);
	saved.group = group_to_program(saved.group);
	saved.session = session_to_program(saved.session);
}

/* One that had made itself the leader of a session or a group is one again: it
 * may signal the group. */
void pid_restore(void)
{
	program = saved;
	if (program.session == program.self)
		sys_call(SYS_setsid);
	else if (program.group == program.self)
		sys_call(SYS_setpgid, 0, 0);
	here = numbers_now();
	active = true;
}

/* --- what the program calls -------------------------------------------------
 */

static int result_of(long result)
{
	if (!sys_is_error(result))
		return (int)result;
	errno = (int)-result;
	return -1;
}

EXPORT pid_t getpid(void)
{
	return to_program((int)sys_call(SYS_getpid));
}

pid_t __getpid(void);
EXPORT pid_t __getpid(void)
{
	return getpid();
}

EXPORT pid_t getppid(void)
{
	return parent_to_program((int)sys_call(SYS_getppid));
}

EXPORT pid_t getpgrp(void)
{
	return group_to_program((int)sys_call(SYS_getpgid, 0));
}

EXPORT pid_t getpgid(pid_t pid)
{
	return group_to_program(
		result_of(sys_call(SYS_getpgid, pid_to_kernel(pid))));
}

pid_t __getpgid(pid_t pid);
EXPORT pid_t __getpgid(pid_t pid)
{
	return getpgid(pid);
}

EXPORT pid_t getsid(pid_t pid)
{
	return session_to_program(
		result_of(sys_call(SYS_getsid, pid_to_kernel(pid))));
}

EXPORT int setpgid(pid_t pid, pid_t group)
{
	return result_of(sys_call(SYS_setpgid, pid_to_kernel(pid),
				  group_to_kernel(group)));
}

EXPORT int kill(pid_t pid, int sig)
{
	pid = pid < 0 ? -group_to_kernel(-pid) : pid_to_kernel(pid);
	return result_of(sys_call(SYS_kill, pid, sig));
}

EXPORT int killpg(pid_t group, int sig)
{
	if (group < 0)
		return result_of(-EINVAL);
	return kill(-group, sig);
}

EXPORT int sigqueue(pid_t pid, int sig, const union sigval value)
{
	siginfo_t info = { .si_signo = sig, .si_code = SI_QUEUE };

	info.si_pid = (int)sys_call(SYS_getpid);
	info.si_uid = (uid_t)sys_call(SYS_getuid);
	info.si_value = value;
	return result_of(
		sys_call(SYS_rt_sigqueueinfo, pid_to_kernel(pid), sig, &info));
}

/* The rest takes a thread's number, or a process's for its first thread. */
EXPORT int sched_setscheduler(pid_t tid, int policy,
			      const struct sched_param *param)
{
	return result_of(sys_call(SYS_sched_setscheduler, tid_to_kernel(tid),
				  policy, param));
}

EXPORT int sched_getscheduler(pid_t tid)
{
	return result_of(sys_call(SYS_sched_getscheduler, tid_to_kernel(tid)));
}

EXPORT int sched_setparam(pid_t tid, const struct sched_param *param)
{
	return result_of(
		sys_call(SYS_sched_setparam, tid_to_kernel(tid), param));
}

EXPORT int sched_getparam(pid_t tid, struct sched_param *param)
{
	return result_of(
		sys_call(SYS_sched_getparam, tid_to_kernel(tid), param));
}

EXPORT int sched_rr_get_interval(pid_t tid, struct timespec *interval)
{
	return result_of(sys_call(SYS_sched_rr_get_interval, tid_to_kernel(tid),
				  interval));
}

static int who_to_kernel(int which, id_t who)
{
	return which == PRIO_PROCESS ? tid_to_kernel((int)who) :
	       which == PRIO_PGRP    ? group_to_kernel((int)who) :
				       (int)who;
}

EXPORT int getpriority(__priority_which_t which, id_t who)
{
	long result = sys_call(SYS_getpriority, which,
			       who_to_kernel((int)which, who));

	/* the kernel gives 40 ... 1 for -20 ... 19 */
	return sys_is_error(result) ? result_of(result) : 20 - (int)result;
}

EXPORT int setpriority(__priority_which_t which, id_t who, int priority)
{
	return result_of(sys_call(SYS_setpriority, which,
				  who_to_kernel((int)which, who), priority));
}

EXPORT int prlimit(pid_t pid, enum __rlimit_resource resource,
		   const struct rlimit *new, struct rlimit *old)
{
	return result_of(sys_call(SYS_prlimit64, tid_to_kernel(pid), resource,
				  new, old));
}

int prlimit64(pid_t pid, enum __rlimit_resource resource,
	      const struct rlimit64 *new, struct rlimit64 *old);
EXPORT int prlimit64(pid_t pid, enum __rlimit_resource resource,
		     const struct rlimit64 *new, struct rlimit64 *old)
{
	return prlimit(pid, resource, (const struct rlimit *)new,
		       (struct rlimit *)old);
}

EXPORT ssize_t process_vm_readv(pid_t pid, const struct iovec *to,
				unsigned long nto, const struct iovec *from,
				unsigned long nfrom, unsigned long flags)
{
	long n = sys_call(SYS_process_vm_readv, tid_to_kernel(pid), to, nto,
			  from, nfrom, flags);

	return sys_is_error(n) ? result_of(n) : n;
}

EXPORT ssize_t process_vm_writev(pid_t pid, const struct iovec *from,
				 unsigned long nfrom, const struct iovec *to,
				 unsigned long nto, unsigned long flags)
{
	long n = sys_call(SYS_process_vm_writev, tid_to_kernel(pid), from,
			  nfrom, to, nto, flags);

	return sys_is_error(n) ? result_of(n) : n;
}

/* syscall() by number: those whose first argument is such a number. */
long pid_syscall_argument(long nr, long arg)
{
	switch (nr) {
	case SYS_kill:
		return (int)arg < 0 ? -group_to_kernel(-(int)arg) :
				      pid_to_kernel((int)arg);
	case SYS_getpgid:
	case SYS_getsid:
	case SYS_rt_sigqueueinfo:
	case SYS_rt_tgsigqueueinfo:
	case 434: /* pidfd_open */
		return pid_to_kernel((int)arg);
	case SYS_tkill:
	case SYS_sched_setaffinity:
	case SYS_sched_getaffinity:
	case SYS_sched_setscheduler:
	case SYS_sched_getscheduler:
	case SYS_sched_setparam:
	case SYS_sched_getparam:
	case SYS_sched_rr_get_interval:
	case SYS_sched_setattr:
	case SYS_sched_getattr:
	case SYS_prlimit64:
	case SYS_process_vm_readv:
	case SYS_process_vm_writev:
	case SYS_migrate_pages:
	case SYS_move_pages:
		return tid_to_kernel((int)arg);
	}
	return arg;
}

long pid_syscall_result(long nr, long result)
{
	if (sys_is_error(result))
		return result;
	switch (nr) {
	case SYS_getpid:
		return to_program((int)result);
	case SYS_getppid:
		return parent_to_program((int)result);
	case SYS_getpgrp:
	case SYS_getpgid:
		return group_to_program((int)result);
	case SYS_getsid:
		return session_to_program((int)result);
	}
	return result;
}
