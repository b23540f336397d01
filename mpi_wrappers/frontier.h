/* SPDX-License-Identifier: BSD-3-Clause */
/* frontier.h - counting collectives, and not cutting them (DESIGN 4.2) */
#ifndef CAIRN_MPI_FRONTIER_H
#define CAIRN_MPI_FRONTIER_H

#include "mpi_wrappers/comm.h"
#include "runtime/process/process.h"

/* Set by the signal handler once the counts of the pending epoch are published,
 * cleared when it ends: the one word that the fast path tests. */
extern _Atomic uint32_t frontier_pending;

/* The slow part of coll_enter: waits until the targets are known, holds here if
 * the rank may, raises the target if it must. */
void frontier_enter(struct thread_ctx *ctx, struct vcomm *comm, int function);

/*
 * coll_enter - this rank enters a collective on comm
 *
 * Every collective (blocking, non-blocking, constructors, free, disconnect,
 * window and file collectives, Finalize) calls it once, at depth 1, right
 * before it crosses.  function: api.tbl number, for messages.  With no epoch
 * pending it is one counter and one predictable branch.  May park the thread,
 * and come back after a restart: fetch real handles *after* it.
 */
static inline void coll_enter(struct thread_ctx *ctx, struct vcomm *comm,
			      int function)
{
	/* One word, stored before pending is tested: the handler that sets
	 * pending runs on this thread or issues membarrier() (TRAPS, MPI 3). */
	atomic_store_explicit(&comm->entered,
			      atomic_load_explicit(&comm->entered,
						   memory_order_relaxed) +
				      1,
			      memory_order_relaxed);
	__asm__ volatile("" ::: "memory");
	if (__builtin_expect(atomic_load_explicit(&frontier_pending,
						  memory_order_relaxed),
			     0))
		frontier_enter(ctx, comm, function);
}

/* Blocked, polling, or in a synchronous send while an epoch is pending: call
 * from wait loops each time they came back because of ctx->stop, and from
 * unsuccessful tests and probes while frontier_pending.  comm and peer say who
 * could end the wait: peer is a p2p rank of comm, or MPI_ANY_SOURCE.  Sends
 * NEED once per wait if this rank must go on and has waited for NEED_AFTER_US;
 * parks if it may hold.  The wait's state is kept in *need, zero at its start;
 * frontier_unblocked withdraws. */
struct frontier_need {
	uint32_t epoch;	     /* the wait was seen in this one; 0: in none */
	uint32_t generation; /* and before the rank settled once more */
	uint32_t since_us;   /* of a clock that wraps */
	bool raised;	     /* NEED was sent */
	int peer;	     /* world rank or -1 */
	uint64_t gid;
};
void frontier_blocked(struct thread_ctx *ctx, struct frontier_need *need,
		      const struct vcomm *comm, int peer, int function);
void frontier_unblocked(struct frontier_need *need);

/*
 * Group calls: constructors that are collective over less than a counted
 * communicator (Comm_create_group, Intercomm_create; TRAPS, MPI 4).  gid is
 * made of (kind, parent, group, tag, ordinal) and is the same on all of the
 * group; world[n] are its members' world ranks.  Enclose the real call in
 * begin/end; begin may park, and may raise.  0, or -ENOSPC with too many of
 * them under way.
 */
int group_call_begin(struct thread_ctx *ctx, uint64_t gid, const int *world,
		     unsigned int n, int function);
void group_call_end(uint64_t gid);

/* The page is new after a restart: enter all slots again. */
void frontier_restarted(struct control_page *page);

/* epoch hooks (process/hooks.h) */
void frontier_publish(struct control_page *page, uint32_t epoch);
bool frontier_may_hold(struct control_page *page);
void frontier_end(bool aborted); /* after RELEASE or ABORT */

/* A communicator's slot on the control page: taken when it is made, given back
 * when freed. 0 or -ENOSPC. */
int frontier_register(struct vcomm *comm);
void frontier_unregister(struct vcomm *comm);

/*
 * A barrier that may be stepped out of, blocking or not.  After coll_enter:
 * begin, which gives its number; post the real Ibarrier, test it; whenever a
 * wait was told to look up, or a test was in vain while an epoch is pending,
 * call blocked; when it is known to be over, end (any thread).  blocked parks
 * the thread if the rank may hold (its target is then less than this number, or
 * everybody has entered it and DRAIN completes it), and raises the target again
 * if the rank must go on for another reason.  After a restart the Ibarrier is
 * posted again, uncounted.
 */
uint64_t frontier_barrier_begin(struct vcomm *comm);
void frontier_barrier_blocked(struct thread_ctx *ctx, struct vcomm *comm,
			      uint64_t number, int function);
void frontier_barrier_end(struct vcomm *comm, uint64_t number);

#endif
