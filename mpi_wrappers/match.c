/* SPDX-License-Identifier: BSD-3-Clause */
/* match.c - the drain queue, and MPI's matching rules in it */
#include "mpi_wrappers/match.h"

#include "mpi_wrappers/p2p.h"
#include "runtime/process/process.h"

/* File-scope: one a process.  Arrival order; guarded where several threads call
 * MPI. */
static struct drained head = { .next = &head, .prev = &head };
static atomic_flag lock = ATOMIC_FLAG_INIT;
_Atomic uint32_t match_count;
_Atomic uint64_t match_bytes;

static void lock_take(void)
{
	if (!request_threaded)
		return;
	while (atomic_flag_test_and_set_explicit(&lock, memory_order_acquire))
		sys_call(SYS_sched_yield);
}

static void lock_give(void)
{
	if (request_threaded)
		atomic_flag_clear_explicit(&lock, memory_order_release);
}

void match_charge(struct drained *d, MPI_Count len)
{
	d->len = len;
	d->charge = (uint64_t)len + sizeof(*d);
	atomic_fetch_add(&match_bytes, d->charge);
}

void match_append(struct drained *d)
{
	lock_take();
	d->next = &head;
	d->prev = head.prev;
	head.prev->next = d;
	head.prev = d;
	atomic_fetch_add(&match_count, 1);
	lock_give();
}

static bool matches(const struct drained *d, const struct vcomm *comm,
		    int source, int tag)
{
	return d->comm == comm &&
	       (source == MPI_ANY_SOURCE || source == d->source) &&
	       (tag == MPI_ANY_TAG || tag == d->tag);
}

/* Under lock. */
static struct drained *find(const struct vcomm *comm, int source, int tag)
{
	for (struct drained *d = head.next; d != &head; d = d->next)
		if (matches(d, comm, source, tag))
			return d;
	return NULL;
}

struct drained *match_peek(const struct vcomm *comm, int source, int tag)
{
	struct drained *d;

	lock_take();
	d = find(comm, source, tag);
	lock_give();
	return d;
}

struct drained *match_take(const struct vcomm *comm, int source, int tag)
{
	struct drained *d;

	lock_take();
	d = find(comm, source, tag);
	if (d) {
		d->prev->next = d->next;
		d->next->prev = d->prev;
		atomic_fetch_sub(&match_count, 1);
	}
	lock_give();
	return d;
}

void match_return(struct drained *d)
{
	lock_take();
	d->prev = &head;
	d->next = head.next;
	head.next->prev = d;
	head.next = d;
	atomic_fetch_add(&match_count, 1);
	lock_give();
}

struct drained *match_from_end(const struct vcomm *comm, int source, int tag,
			       uint32_t later)
{
	struct drained *found = NULL;

	lock_take();
	for (struct drained *d = head.prev; d != &head; d = d->prev) {
		if (!matches(d, comm, source, tag))
			continue;
		if (later-- == 0) {
			found = d;
			break;
		}
	}
	lock_give();
	return found;
}

int match_each(int (*fn)(struct drained *d, void *arg), void *arg)
{
	int ret = 0;

	for (struct drained *d = head.next; d != &head && !ret; d = d->next)
		ret = fn(d, arg);
	return ret;
}

void drained_free(struct drained *d)
{
	if (!d)
		return;
	if (d->comm)
		object_put(d->comm);
	atomic_fetch_sub(&match_bytes, d->charge);
	upper_free(d->bytes);
	upper_free(d);
}
