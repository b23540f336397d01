/* SPDX-License-Identifier: BSD-3-Clause */
/* pids.c - the numbers of a process and of its threads stay what they were */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "tests/programs/restore/ckpt.h"

static pid_t self, parent, group, session, tid;
static volatile int caught, caught_from;
static pthread_barrier_t both;
static pthread_mutex_t inherits;
static clockid_t thread_clock;

static void on_signal(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	caught_from = info->si_pid;
	caught++;
}

static bool arrives(int result)
{
	bool ok = !result && caught == 1 && caught_from == self;

	caught = caught_from = 0;
	return ok;
}

static pthread_mutex_t counted = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;

static void *third(void *arg)
{
	caught = caught_from = 0;
	CHECK(pthread_mutex_trylock(&counted) == EBUSY);
	CHECK(!tgkill(self, gettid(), SIGUSR1) && caught == 1);
	pthread_setname_np(pthread_self(), "third");
	return arg;
}

/* New threads, which may get numbers that others had. */
static void check_new_threads(void)
{
	pthread_t thread;

	pthread_mutex_lock(&counted);
	for (int i = 0; i < 100; i++) {
		CHECK(!pthread_create(&thread, NULL, third, NULL));
		CHECK(!pthread_join(thread, NULL));
	}
	pthread_mutex_unlock(&counted);
	caught = caught_from = 0;
}

/* What a child does that wants to know whether its parent lives. */
static int child(void)
{
	return getppid() == self && getpid() != self &&
			       syscall(SYS_getppid) == self && !kill(self, 0) &&
			       !kill(getppid(), SIGUSR2) ?
		       7 :
		       8;
}

static void check_child(void)
{
	pid_t pid = fork();
	int status = 0;

	if (!pid)
		_exit(child());
	CHECK(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 7);
	CHECK(caught == 1 && caught_from == pid);
	caught = 0;
}

static void check_self(void)
{
	cpu_set_t cpus;

	CHECK(getpid() == self && syscall(SYS_getpid) == self);
	CHECK(getppid() == parent && gettid() == self);
	CHECK(getpgrp() == group && getpgid(0) == group);
	CHECK(getpgid(self) == group && getsid(self) == session);
	CHECK(group == self);
	CHECK(!kill(self, 0) && !kill(parent, 0));
	CHECK(arrives(kill(self, SIGUSR1)));
	CHECK(arrives(kill(-group, SIGUSR1)));
	CHECK(arrives(raise(SIGUSR1)));
	CHECK(arrives(tgkill(self, self, SIGUSR1)));
	CHECK(arrives((int)syscall(SYS_tgkill, self, self, SIGUSR1)));
	CHECK(arrives((int)syscall(SYS_kill, self, SIGUSR1)));
	CHECK(arrives(sigqueue(self, SIGUSR1, (union sigval){ 0 })));
	CHECK(!sched_getaffinity(self, sizeof(cpus), &cpus));
	CHECK(!sched_setaffinity(self, sizeof(cpus), &cpus));
	CHECK(sched_getscheduler(self) == SCHED_OTHER);
	CHECK(getpriority(PRIO_PROCESS, (id_t)self) ==
	      getpriority(PRIO_PROCESS, 0));
	CHECK(getpriority(PRIO_PROCESS, (id_t)tid) ==
	      getpriority(PRIO_PROCESS, 0));
}

static void *second(void *arg)
{
	tid = gettid();
	pthread_getcpuclockid(pthread_self(), &thread_clock);
	pthread_barrier_wait(&both); /* all is set up */
	pthread_barrier_wait(&both); /* the checkpoint was taken */
	CHECK(gettid() == tid && getpid() == self);
	/* the first thread has it */
	pthread_mutex_lock(&inherits);
	pthread_mutex_unlock(&inherits);
	return arg;
}

int main(void)
{
	struct sigaction sa = { .sa_sigaction = on_signal,
				.sa_flags = SA_SIGINFO | SA_RESTART };
	pthread_mutexattr_t attr;
	struct timespec before, after;
	pthread_t thread;
	int protocol;

	setpgid(0, 0);
	self = getpid();
	parent = getppid();
	group = getpgrp();
	session = getsid(0);
	sigaction(SIGUSR1, &sa, NULL);
	sigaction(SIGUSR2, &sa, NULL);
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
	pthread_mutex_init(&inherits, &attr);
	pthread_mutexattr_getprotocol(&attr, &protocol);
	CHECK(protocol == PTHREAD_PRIO_INHERIT);
	pthread_barrier_init(&both, NULL, 2);
	pthread_create(&thread, NULL, second, NULL);
	pthread_barrier_wait(&both);
	pthread_mutex_lock(&inherits);
	clock_gettime(thread_clock, &before);

	test_ckpt();

	check_self();
	check_new_threads();
	check_child();
	CHECK(!clock_gettime(thread_clock, &after));
	CHECK(after.tv_sec > before.tv_sec ||
	      (after.tv_sec == before.tv_sec &&
	       after.tv_nsec >= before.tv_nsec));
	CHECK(!tgkill(self, tid, 0));
	pthread_barrier_wait(&both);
	usleep(20000); /* the other one waits, most likely */
	pthread_mutex_unlock(&inherits);
	pthread_join(thread, NULL);
	return test_end();
}
