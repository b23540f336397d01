/* SPDX-License-Identifier: BSD-3-Clause */
/* mutex.c - locks that the kernel knows by their owner's number */
#define _GNU_SOURCE
#include "runtime/process/capture_private.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>

#include "runtime/base/log.h"
#include "runtime/process/private.h"

/*
 * Such a lock's word holds its owner's number, which the kernel looks up, and
 * which after a restart is not the kernel's any more (TRAPS, Process 5).
 *
 * Priority inheritance: a thread that has to wait would wait for ever.  No
 * program's result depends on it, so under Cairn these mutexes are ordinary
 * ones.  Robust mutexes: nobody would be told when the owner ends.  A capture
 * is refused while one is held.
 */
REAL_SLOT(pthread_mutex_init);

static int init_without(pthread_mutex_t *mutex,
			const pthread_mutexattr_t *given)
{
	pthread_mutexattr_t attr;
	static bool said;
	int type, shared, robust, result;

	if (!said)
		log_info("mutexes with PTHREAD_PRIO_INHERIT are made without: "
			 "it would not survive a restart");
	said = true;
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_gettype(given, &type);
	pthread_mutexattr_getpshared(given, &shared);
	pthread_mutexattr_getrobust(given, &robust);
	pthread_mutexattr_settype(&attr, type);
	pthread_mutexattr_setpshared(&attr, shared);
	pthread_mutexattr_setrobust(&attr, robust);
	result = REAL(pthread_mutex_init)(mutex, &attr);
	pthread_mutexattr_destroy(&attr);
	return result;
}

EXPORT int pthread_mutex_init(pthread_mutex_t *mutex,
			      const pthread_mutexattr_t *attr)
{
	int protocol = PTHREAD_PRIO_NONE;

	if (attr && process_page())
		pthread_mutexattr_getprotocol(attr, &protocol);
	return protocol == PTHREAD_PRIO_INHERIT ?
		       init_without(mutex, attr) :
		       REAL(pthread_mutex_init)(mutex, attr);
}

/* The list that the kernel walks when a thread ends is a ring of what the
 * thread holds. */
int mutexes_check(struct err *err)
{
	thread_each(t)
	{
		const struct robust_list_head
			*head = (const struct robust_list_head *)t->robust_list;

		if (!head ||
		    (head->list.next == &head->list && !head->list_op_pending))
			continue;
		return err_set(err, -EBUSY,
			       "thread %d holds a robust mutex "
			       "(PTHREAD_MUTEX_ROBUST), which cannot be "
			       "restored; take the checkpoint when it has "
			       "unlocked it",
			       t->ctx.app_tid);
	}
	return 0;
}
