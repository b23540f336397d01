/* SPDX-License-Identifier: BSD-3-Clause */
/* pending.c - signals that wait while the checkpoint is taken */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/time.h>
#include <time.h>

#include "tests/programs/restore/ckpt.h"

#define QUEUED (SIGRTMIN + 1)
#define TIMER  (SIGRTMIN + 2)

static pthread_barrier_t both;
static volatile int handled, handled_code;

static void on_term(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	handled++;
	handled_code = info->si_code;
}

static void take_all(const char *who, const sigset_t *set)
{
	const struct timespec now = { 0 };
	siginfo_t info;
	int sig;

	while ((sig = sigtimedwait(set, &info, &now)) > 0) {
		int value = info.si_code == SI_QUEUE ||
					    info.si_code == SI_TIMER ?
				    info.si_value.sival_int :
				    0;
		bool ours = info.si_code == SI_USER ||
			    info.si_code == SI_TKILL ||
			    info.si_code == SI_QUEUE;

		printf("%s: signal %d code %d value %d\n", who, sig,
		       info.si_code, value);
		CHECK(!ours || info.si_pid == getpid());
	}
}

static void *second(void *arg)
{
	pthread_barrier_wait(&both); /* signals are sent */
	pthread_barrier_wait(&both); /* the checkpoint was taken */
	take_all("thread", arg);
	return NULL;
}

int main(void)
{
	struct sigaction sa = { .sa_sigaction = on_term,
				.sa_flags = SA_SIGINFO };
	struct itimerval once = { { 0, 0 }, { 0, 1000 } };
	struct itimerspec ring = { { 0, 0 }, { 0, 1000 } };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL,
				  .sigev_signo = TIMER,
				  .sigev_value.sival_int = 99 };
	sigset_t waited, thread_waited, blocked, there;
	pthread_t thread;
	timer_t timer;

	sigaction(SIGTERM, &sa, NULL);
	sigfillset(&blocked);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	pthread_barrier_init(&both, NULL, 2);
	sigemptyset(&thread_waited);
	sigaddset(&thread_waited, SIGUSR2);
	sigaddset(&thread_waited, QUEUED + 5);
	pthread_create(&thread, NULL, second, &thread_waited);

	kill(getpid(), SIGUSR1);
	pthread_kill(pthread_self(), SIGUSR1);
	kill(getpid(), SIGTERM);
	for (int i = 1; i <= 3; i++) {
		sigqueue(getpid(), QUEUED, (union sigval){ .sival_int = i });
		pthread_sigqueue(thread, QUEUED + 5,
				 (union sigval){ .sival_int = 10 + i });
	}
	pthread_kill(thread, SIGUSR2);
	setitimer(ITIMER_REAL, &once, NULL);
	timer_create(CLOCK_MONOTONIC, &event, &timer);
	timer_settime(timer, 0, &ring, NULL);
	do {
		usleep(1000);
		sigpending(&there);
	} while (!sigismember(&there, SIGALRM) || !sigismember(&there, TIMER));
	pthread_barrier_wait(&both);

	test_ckpt();

	sigfillset(&waited);
	sigdelset(&waited, SIGTERM);
	take_all("process", &waited);
	pthread_barrier_wait(&both);
	pthread_join(thread, NULL);
	CHECK(!handled);
	sigprocmask(SIG_UNBLOCK, &blocked, NULL);
	CHECK(handled == 1 && handled_code == SI_USER);
	return test_end();
}
