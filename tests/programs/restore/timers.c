/* SPDX-License-Identifier: BSD-3-Clause */
/* timers.c - interval timers, POSIX timers, and time that goes on */
#define _GNU_SOURCE
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
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

static sem_t thread_started;
static _Atomic int thread_rings;
static __thread bool is_second;
static pthread_barrier_t both;

static void on_thread(union sigval value)
{
	if (value.sival_int == 654)
		sem_post(&thread_started);
}

static void on_ring(int sig)
{
	(void)sig;
	thread_rings += is_second;
}

/* Gets a signal of its own timer. */
static void *other_thread(void *arg)
{
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID,
				  .sigev_signo = SIGUSR2 };
	struct itimerspec every = { { 0, 30000000 }, { 0, 30000000 } };
	timer_t timer;

	is_second = true;
	event._sigev_un._tid = gettid();
	CHECK(!timer_create(CLOCK_MONOTONIC, &event, &timer));
	CHECK(!timer_settime(timer, 0, &every, NULL));
	pthread_barrier_wait(&both);
	pthread_barrier_wait(&both);
	while (thread_rings < 3)
		pause();
	CHECK(!timer_delete(timer));
	CHECK(!timer_create(CLOCK_MONOTONIC, &event, &timer));
	CHECK(!timer_delete(timer));
	return arg;
}

static timer_t start_threads(void)
{
	struct sigevent event = { .sigev_notify = SIGEV_THREAD,
				  .sigev_notify_function = on_thread,
				  .sigev_value.sival_int = 654 };
	struct itimerspec every = { { 0, 30000000 }, { 0, 30000000 } };
	timer_t timer = 0;

	CHECK(!timer_create(CLOCK_MONOTONIC, &event, &timer));
	CHECK(!timer_settime(timer, 0, &every, NULL));
	return timer;
}

static void wait_threads(timer_t timer)
{
	while (!sem_trywait(&thread_started))
		; /* of before */
	for (int n = 0; n < 3;)
		n += !sem_wait(&thread_started); /* other timers interrupt */
	CHECK(!timer_delete(timer));
}

int main(void)
{
	pthread_t thread;
	timer_t starts;

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
	signal(SIGUSR2, on_ring);
	pthread_barrier_init(&both, NULL, 2);
	sem_init(&thread_started, 0, 0);
	pthread_create(&thread, NULL, other_thread, NULL);
	pthread_barrier_wait(&both);
	starts = start_threads();
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
	thread_rings = 0;
	pthread_barrier_wait(&both);
	pthread_join(thread, NULL);
	wait_threads(starts);
	wait_threads(start_threads());
	before_alarms = alarms;
	while (alarms < before_alarms + 3 || rings < 1)
		pause();
	CHECK(!timer_settime(second, 0, &ring, NULL));
	CHECK(!timer_delete(second));
	CHECK(getitimer(ITIMER_REAL, &every) == 0 &&
	      every.it_interval.tv_usec == 50000);
	return test_end();
}
