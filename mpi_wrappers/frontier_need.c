/* SPDX-License-Identifier: BSD-3-Clause */
/* frontier_need.c - NEED: whom this rank waits for while it must go on */
#include "mpi_wrappers/frontier_need.h"

#include <time.h>

#include "mpi_wrappers/lock.h"
#include "runtime/base/sys.h"

/* A peer that goes on by itself answers sooner than this, and needs not be
 * asked (frontier.md, NEED). */
#define NEED_AFTER_US 500

/* File-scope: one rank a process. */
static struct lock lock = LOCK_INIT;

/* Needs that were raised before this changed are void. */
static _Atomic uint32_t generation;
static _Atomic bool raised; /* has a NEED been sent since then? */

void need_begin(void)
{
	atomic_store(&raised, false);
	atomic_fetch_add(&generation, 1);
}

void need_settle(void)
{
	if (!atomic_load(&raised) || !atomic_exchange(&raised, false))
		return;
	atomic_fetch_add(&generation, 1);
	process_send(&(struct control_msg){
		.type = CONTROL_SETTLED,
		.epoch = atomic_load(&frontier_pending) });
}

uint32_t frontier_now_us(void)
{
	struct timespec now;

	sys_call(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
	return (uint32_t)(now.tv_sec * 1000000 + now.tv_nsec / 1000);
}

/*
 * What this rank's threads need.  Several may wait for the same peer: NEED goes
 * out with the first, its withdrawal with the last (TRAPS, MPI 9).  A thread
 * that finds the table full goes without: another thread of this rank then
 * keeps it busy, and the stall slices of the coordinator are left as a last
 * resort.
 */
#define NEEDS_MAX 256
static struct {
	uint32_t epoch, generation, threads;
	int peer;
	uint64_t gid;
} needs[NEEDS_MAX];

/* Under lock: the entry of this need, or a free one, or -1. */
static int need_find(const struct frontier_need *need)
{
	int vacant = -1;

	for (int i = 0; i < NEEDS_MAX; i++) {
		if (needs[i].epoch != need->epoch ||
		    needs[i].generation != need->generation ||
		    !needs[i].threads) {
			if (vacant < 0)
				vacant = i;
		} else if (needs[i].peer == need->peer &&
			   needs[i].gid == need->gid) {
			return i;
		}
	}
	if (vacant >= 0) {
		needs[vacant].epoch = need->epoch;
		needs[vacant].generation = need->generation;
		needs[vacant].threads = 0;
		needs[vacant].peer = need->peer;
		needs[vacant].gid = need->gid;
	}
	return vacant;
}

static void need_send(const struct frontier_need *need, enum control_type type)
{
	process_send(&(struct control_msg){
		.type = type,
		.epoch = need->epoch,
		.peer = need->peer,
		.gid = need->gid,
		.value = frontier_below(process_page()) });
}

static void need_raise(struct frontier_need *need)
{
	int i;

	lock_take(&lock);
	i = need_find(need);
	if (i >= 0) {
		need->raised = true;
		atomic_store(&raised, true);
		if (needs[i].threads++ == 0)
			need_send(need, CONTROL_NEED);
	}
	lock_give(&lock);
}

void frontier_unblocked(struct frontier_need *need)
{
	const struct frontier_need was = *need;
	int i;

	*need = (struct frontier_need){ 0 };
	/* All needs of an epoch end with it. */
	if (!was.raised || was.epoch != atomic_load(&frontier_pending) ||
	    was.generation != atomic_load(&generation))
		return;
	lock_take(&lock);
	i = need_find(&was);
	if (i >= 0 && needs[i].threads && --needs[i].threads == 0)
		need_send(&was, CONTROL_CANCEL);
	lock_give(&lock);
}

void need_watch(const struct control_page *page, uint32_t epoch,
		struct frontier_need *need, const struct vcomm *comm, int peer)
{
	uint32_t now = atomic_load(&generation);

	if (need->epoch != epoch || need->generation != now) {
		*need = (struct frontier_need){ .epoch = epoch,
						.generation = now,
						.since_us = frontier_now_us() };
		return;
	}
	/* In a slice nobody holds. */
	if (need->raised || (atomic_load(&page->agent.slice) & 1) ||
	    frontier_now_us() - need->since_us < NEED_AFTER_US)
		return;
	need->peer = peer >= 0 && peer < comm->npeers ?
			     comm_peer_world(comm, peer) :
			     -1;
	need->gid = need->peer < 0 ? comm->gid : 0;
	need_raise(need);
}
