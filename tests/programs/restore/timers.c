/* SPDX-License-Identifier: BSD-3-Clause */
/* timers.c - interval timers, POSIX timers, and time that goes on */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/time.h>
#include <time.h>

#include "tests/programs/restore/ckpt.h"

static volatile int alarms, rings;

static void on_signal(int sig, siginfo_t *info, void *context)
{
	(void)context;
	if (sig == SIGALRM)
		alarms++;
	else if (info->si_value.sival_int == 321)
		rings++;
}

int main(void)
{
	struct sigaction sa = { .sa_sigaction = on_signal,
				.sa_flags = SA_SIGINFO };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL,
				  .sigev_signo = SIGUSR1,
				  .sigev_value.sival_int = 321 };
	struct itimerval every = { { 0, 50000 }, { 0, 50000 } };
	struct itimerspec ring = { { 0, 0 }, { 1, 0 } };
	struct timespec before, after;
	timer_t first, second;
	int before_alarms;

	sigaction(SIGALRM, &sa, NULL);
	sigaction(SIGUSR1, &sa, NULL);
	timer_create(CLOCK_MONOTONIC, &event, &first);
	timer_create(CLOCK_MONOTONIC, &event, &second);
	timer_delete(first); /* the second keeps its number all the same */
	timer_settime(second, 0, &ring, NULL);
	setitimer(ITIMER_REAL, &every, NULL);
	clock_gettime(CLOCK_MONOTONIC, &before);

	test_ckpt();

	clock_gettime(CLOCK_MONOTONIC, &after);
	CHECK(after.tv_sec > before.tv_sec ||
	      (after.tv_sec == before.tv_sec &&
	       after.tv_nsec >= before.tv_nsec));
	before_alarms = alarms;
	while (alarms < before_alarms + 3 || rings < 1)
		pause();
	CHECK(!timer_settime(second, 0, &ring, NULL));
	CHECK(!timer_delete(second));
	CHECK(getitimer(ITIMER_REAL, &every) == 0 &&
	      every.it_interval.tv_usec == 50000);
	return test_end();
}
