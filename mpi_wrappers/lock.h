/* SPDX-License-Identifier: BSD-3-Clause */
/* lock.h - a small lock for tables of the MPI side */
#ifndef CAIRN_MPI_LOCK_H
#define CAIRN_MPI_LOCK_H

#include <stdatomic.h>

#include "runtime/base/sys.h"

/* Held for a few instructions, never over a crossing or a callback, and never
 * taken by a signal handler: a holder is inside a wrapper, where no epoch stops
 * it. */
struct lock {
	atomic_flag taken;
};
#define LOCK_INIT                         \
	{                                 \
		.taken = ATOMIC_FLAG_INIT \
	}

static inline void lock_take(struct lock *lock)
{
	while (atomic_flag_test_and_set_explicit(&lock->taken,
						 memory_order_acquire))
		sys_call(SYS_sched_yield);
}

static inline void lock_give(struct lock *lock)
{
	atomic_flag_clear_explicit(&lock->taken, memory_order_release);
}

#endif
