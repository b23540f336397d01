/* SPDX-License-Identifier: BSD-3-Clause */
/* timer_thread.c - POSIX timers that start a thread, or signal one */
#define _GNU_SOURCE
#include "runtime/process/pid.h"
#include "runtime/process/private.h"
#include "runtime/process/signals.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <time.h>
#include <unistd.h>

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

/*
 * DESIGN
 *
 * For SIGEV_THREAD libc makes a helper thread that blocks every signal, so it
 * can neither be stopped nor be made again, and keeps its number for itself.
 * Here the same is done with a thread like any of the program's: the kernel's
 * timer signals the helper (timers.c knows how to make such a timer again), and
 * the helper starts a thread for each signal.
 *
 * A timer is known to libc's other functions by the kernel's number, as one of
 * the other kinds is.
 */
#define SIGNAL_NOTICE SIGNAL_CANCEL /* libc's choice, too */

struct notice {
	struct notice *next;
	void (*function)(union sigval);
	union sigval value;
	size_t stack_size; /* 0: the default */
	int id;		   /* the kernel's timer; -1: deleted */
};

/* One list for the process, never shortened: a late signal may name any. */
static struct notice *notices;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int helper; /* the program's number of it; 0: not made yet */
static sem_t ready;

REAL_SLOT(timer_create);
REAL_SLOT(timer_delete);

static void *notify(void *arg)
{
	struct notice *n = arg;

	n->function(n->value);
	return NULL;
}

static void start_thread(struct notice *n)
{
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	if (n->stack_size)
		pthread_attr_setstacksize(&attr, n->stack_size);
	pthread_create(&thread, &attr, notify, n);
	pthread_attr_destroy(&attr);
}

static void *help(void *arg)
{
	const uint64_t blocked = ~(CONTROL_BIT | 1ULL << (SIGNAL_SETXID - 1));
	const uint64_t waited = 1ULL << (SIGNAL_NOTICE - 1);
	siginfo_t info;

	(void)arg;
	sys_call(SYS_rt_sigprocmask, SIG_SETMASK, &blocked, 0, 8);
	pthread_setname_np(pthread_self(), "timers");
	helper = gettid();
	sem_post(&ready);
	for (;;) {
		struct notice *n;

		if (syscall(SYS_rt_sigtimedwait, &waited, &info, NULL, 8) !=
			    SIGNAL_NOTICE ||
		    info.si_code != SI_TIMER)
			continue;
		n = info.si_value.sival_ptr;
		if (n->id == info.si_timerid)
			start_thread(n);
	}
	return NULL;
}

static int helper_make(void)
{
	pthread_attr_t attr;
	pthread_t thread;
	int rc;

	if (helper)
		return 0;
	sem_init(&ready, 0, 0);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	rc = pthread_create(&thread, &attr, help, NULL);
	pthread_attr_destroy(&attr);
	while (!rc && sem_wait(&ready))
		;
	return -rc;
}

static struct notice *notice_new(const struct sigevent *event)
{
	struct notice *n = notices;

	while (n && n->id != -1)
		n = n->next;
	if (!n) {
		n = upper_alloc(sizeof(*n));
		if (!n)
			return NULL;
		n->next = notices;
		notices = n;
	}
	n->id = -1;
	n->function = event->sigev_notify_function;
	n->value = event->sigev_value;
	n->stack_size = 0;
	if (event->sigev_notify_attributes)
		pthread_attr_getstacksize(event->sigev_notify_attributes,
					  &n->stack_size);
	return n;
}

static int create_notice(clockid_t clock, const struct sigevent *event,
			 timer_t *timer)
{
	struct sigevent kernel = { .sigev_notify = SIGEV_THREAD_ID,
				   .sigev_signo = SIGNAL_NOTICE };
	struct notice *n;
	int rc = helper_make();

	if (rc)
		return rc;
	n = notice_new(event);
	if (!n)
		return -EAGAIN;
	kernel.sigev_value.sival_ptr = n;
	kernel.sigev_notify_thread_id = tid_to_kernel(helper);
	rc = (int)sys_call(SYS_timer_create, clock, &kernel, &n->id);
	if (rc)
		n->id = -1;
	else
		*timer = (timer_t)(uintptr_t)(unsigned int)n->id;
	return rc;
}

EXPORT int timer_create(clockid_t clock, struct sigevent *event, timer_t *timer)
{
	struct sigevent translated;
	int rc;

	if (event && event->sigev_notify == SIGEV_THREAD && process_page()) {
		pthread_mutex_lock(&lock);
		rc = create_notice(clock, event, timer);
		pthread_mutex_unlock(&lock);
		if (!rc)
			return 0;
		errno = -rc;
		return -1;
	}
	if (event && event->sigev_notify == SIGEV_THREAD_ID) {
		translated = *event;
		translated.sigev_notify_thread_id = tid_to_kernel(
			event->sigev_notify_thread_id);
		event = &translated;
	}
	return REAL(timer_create)(clock, event, timer);
}

EXPORT int timer_delete(timer_t timer)
{
	int id = (int)(uintptr_t)timer;

	pthread_mutex_lock(&lock);
	for (struct notice *n = notices; n && (intptr_t)timer >= 0; n = n->next)
		if (n->id == id)
			n->id = -1;
	pthread_mutex_unlock(&lock);
	return REAL(timer_delete)(timer);
}
