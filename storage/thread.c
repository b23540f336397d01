/* SPDX-License-Identifier: BSD-3-Clause */
/* thread.c - helper threads that take no signals from their process */
#define _GNU_SOURCE
#include "storage/thread.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>

int thread_start(pthread_t *thread, void *(*run)(void *), void *arg)
{
	sigset_t all, old;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(thread, NULL, run, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -rc;
}

/* How many threads the kernel runs or would run now, without us. */
static unsigned int busy_threads(void)
{
	FILE *f = fopen("/proc/loadavg", "re");
	unsigned int running = 1;

	if (!f)
		return 0;
	if (fscanf(f, "%*s %*s %*s %u/", &running) != 1 || !running)
		running = 1;
	fclose(f);
	return running - 1;
}

unsigned int thread_idle_cores(void)
{
	unsigned int cores = 1, busy = busy_threads();
	cpu_set_t set;

	if (!sched_getaffinity(0, sizeof(set), &set))
		cores = (unsigned int)CPU_COUNT(&set);
	return cores > busy + 1 ? cores - busy : 1;
}
