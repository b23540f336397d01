/* SPDX-License-Identifier: BSD-3-Clause */
/* futex.h - locks and waits that need neither TLS nor libc */
#ifndef CAIRN_LOWER_FUTEX_H
#define CAIRN_LOWER_FUTEX_H

#include <linux/futex.h>
#include <stdatomic.h>
#include <stdint.h>

#include "runtime/base/sys.h"

/*
 * The lower half's book-keeping is entered with either half's FS, so pthread
 * locks (which read the thread's number from TLS) are out.  A zeroed word is
 * an open lock: 0 open, 1 held, 2 held and somebody waits.
 */
static inline void futex_wait(_Atomic uint32_t *word, uint32_t seen)
{
	sys_call(SYS_futex, word, FUTEX_WAIT_PRIVATE, seen, 0);
}

static inline void futex_wake(_Atomic uint32_t *word, int n)
{
	sys_call(SYS_futex, word, FUTEX_WAKE_PRIVATE, n);
}

static inline void futex_lock(_Atomic uint32_t *lock)
{
	uint32_t open = 0;

	if (atomic_compare_exchange_strong(lock, &open, 1))
		return;
	while (atomic_exchange(lock, 2) != 0)
		futex_wait(lock, 2);
}

static inline void futex_unlock(_Atomic uint32_t *lock)
{
	if (atomic_exchange(lock, 0) == 2)
		futex_wake(lock, 1);
}

#endif
