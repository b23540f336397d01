/* SPDX-License-Identifier: BSD-3-Clause */
/* private_memory.c - shared memory that is private to the program */
#include "runtime/process/capture_private.h"

#include <errno.h>

#include "runtime/process/private.h"

/* One range.  File-scope: belongs to the process; the capture reads the list
 * while all threads are parked. */
struct range {
	struct range *next;
	uintptr_t at, end;
};
static struct range *ranges;
static atomic_flag lock = ATOMIC_FLAG_INIT;

static void lock_take(void)
{
	while (atomic_flag_test_and_set_explicit(&lock, memory_order_acquire))
		sys_call(SYS_sched_yield);
}

static void lock_give(void)
{
	atomic_flag_clear_explicit(&lock, memory_order_release);
}

static void forget(uintptr_t at)
{
	struct range **p = &ranges, *r;

	while ((r = *p) && r->at != at)
		p = &r->next;
	if (!r)
		return;
	*p = r->next;
	upper_free(r);
}

int process_private_memory(void *at, size_t len)
{
	struct range *r = len ? upper_alloc(sizeof(*r)) : NULL;

	if (len && !r)
		return -ENOMEM;
	lock_take();
	forget((uintptr_t)at);
	if (r) {
		*r = (struct range){ ranges, (uintptr_t)at,
				     (uintptr_t)at + len };
		ranges = r;
	}
	lock_give();
	return 0;
}

bool private_memory_has(uint64_t start, uint64_t end)
{
	for (const struct range *r = ranges; r; r = r->next)
		if (r->at <= start && end <= r->end)
			return true;
	return false;
}
