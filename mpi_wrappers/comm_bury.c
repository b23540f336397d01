/* SPDX-License-Identifier: BSD-3-Clause */
/* comm_bury.c - freed communicators, until all members have freed them */
#include "mpi_wrappers/api.h"

#include <errno.h>

#include "mpi_wrappers/comm_private.h"
#include "runtime/base/sys.h"
#include "mpi_wrappers/lock.h"

/*
 * One member may have freed a communicator that another still uses
 * (frontier.md, "Freeing a communicator").  Its slot, with the count of the
 * free, must stay until all have entered the free: else the others' target
 * would lie before it, and a restart would find a communicator that some
 * members no longer have.  A non-blocking barrier, posted where the program
 * frees, tells; nobody waits for it but DRAIN, which comes when all have
 * entered.
 */
#define ROOM 64

struct grave {
	struct vcomm *comm; /* the program's reference */
	int barrier;	    /* real request */
};

/* File-scope: there is one MPI a process. */
static struct lock lock = LOCK_INIT;
static struct grave *graves;
static size_t ngraves, room;

static bool grave_room(void)
{
	struct grave *more;

	if (ngraves < room)
		return true;
	more = upper_realloc(graves, (room + ROOM) * sizeof(*graves));
	if (!more)
		return false;
	graves = more;
	room += ROOM;
	return true;
}

static void forget(struct vcomm *c)
{
	frontier_unregister(c);
	object_put(c);
}

size_t comm_bury_sweep(void)
{
	size_t left;

	if (__builtin_expect(!ngraves, 1))
		return 0;
	lock_take(&lock);
	for (size_t i = 0; i < ngraves;) {
		int done = 0;

		REAL(Test, &graves[i].barrier, &done, MPI_STATUS_IGNORE);
		if (!done) {
			i++;
			continue;
		}
		forget(graves[i].comm);
		graves[i] = graves[--ngraves];
	}
	left = ngraves;
	lock_give(&lock);
	return left;
}

void comm_bury(struct vcomm *c)
{
	int barrier;

	comm_bury_sweep();
	request_adopt(c);
	c->freed = true;
	handle_hide(c);
	if (!c->slot) { /* no agent, so no epoch */
		forget(c);
		return;
	}
	lock_take(&lock);
	if (grave_room() && !REAL(Ibarrier, c->obj.real.id, &barrier))
		graves[ngraves++] = (struct grave){ c, barrier };
	else
		forget(c);
	lock_give(&lock);
}

int comm_bury_finish(struct control_page *page, struct err *err)
{
	while (comm_bury_sweep()) {
		if (page && (process_agent_lost() ||
			     atomic_load(&page->agent.cmd) != CMD_DRAIN))
			return err_set(err, -ECANCELED, "the epoch is over");
		sys_call(SYS_sched_yield);
	}
	return 0;
}
