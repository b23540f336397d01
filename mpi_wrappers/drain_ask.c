/* SPDX-License-Identifier: BSD-3-Clause */
/* drain_ask.c - asking receivers that hold to take what this rank is blocked in
 * sending
 */
#include "mpi_wrappers/drain.h"

#include "mpi_wrappers/frontier.h"
#include "mpi_wrappers/lock.h"
#include "mpi_wrappers/p2p.h"
#include "mpi_wrappers/peers.h"
#include "mpi_wrappers/sync.h"
#include "runtime/process/process.h"

/*
 * DESIGN (drain.md, While a rank holds)
 *
 * ASK: this rank is blocked in a standard send; its receiver may take messages
 * of this key (communicator, peer, tag) out of the way, should it hold.  One
 * question a key and epoch.  FULL: there is no room; then this rank needs the
 * receiver to go on, as for a synchronous send, for the rest of the epoch.
 * TAKE_BACK: this rank is about to post a synchronous send behind those that it
 * asked for; it does so when TAKEN_BACK says that the receiver takes no more of
 * this key in this epoch.  File-scope: one rank a process.
 */
static struct asked {
	struct private_ask ask;
	int to; /* world rank */
	enum { OPEN, TO_CLOSE, CLOSED } state;
} asked[DRAIN_QUESTIONS];
static uint32_t nasked;
static struct lock lock = LOCK_INIT;
/* Threads between drain_sync_begin and drain_sync_end: what they post is not on
 * the list of outstanding ones yet, so nothing new is asked meanwhile. */
static _Atomic uint32_t posting;

static bool is_full(int to, uint32_t epoch)
{
	return (unsigned int)to < (unsigned int)npeers &&
	       peers[to].full == epoch;
}

/* Under lock: the question about this key, or NULL. */
static struct asked *find(int to, const struct private_ask *ask)
{
	/* What was asked in older epochs means nothing any more. */
	if (nasked && asked[0].ask.epoch != ask->epoch)
		nasked = 0;
	for (uint32_t i = 0; i < nasked; i++)
		if (asked[i].to == to && asked[i].ask.gid == ask->gid &&
		    asked[i].ask.tag == ask->tag)
			return &asked[i];
	return NULL;
}

enum answer {
	WAIT,	/* it was asked, or cannot be just now */
	TO_ASK, /* it is noted, and the caller asks */
	NEED,	/* it cannot be asked in this epoch */
};

/* Under lock. */
static enum answer note(int to, const struct private_ask *ask)
{
	const struct asked *a = find(to, ask);

	if (a)
		return a->state == OPEN ? WAIT : NEED;
	if (atomic_load(&posting))
		return WAIT;
	if (nasked == DRAIN_QUESTIONS)
		return NEED;
	asked[nasked++] = (struct asked){ *ask, to, OPEN };
	return TO_ASK;
}

static void unnote(int to, const struct private_ask *ask)
{
	struct asked *a;

	lock_take(&lock);
	a = find(to, ask);
	if (a && a->state == OPEN)
		*a = asked[--nasked];
	lock_give(&lock);
}

static struct private_ask ask_about(const struct vcomm *comm, int tag)
{
	return (struct private_ask){ .gid = comm->gid,
				     .epoch = frontier_pending,
				     .source = comm->rank,
				     .tag = tag };
}

bool drain_ask(const struct vrequest *rq)
{
	struct private_ask ask = ask_about(rq->comm, rq->tag);
	enum answer answer = NEED;
	int to;

	if (rq->peer < 0)
		return true;
	to = comm_peer_world(rq->comm, rq->peer);
	if (!ask.epoch || to == comm_world->rank)
		return true;
	if (is_full(to, ask.epoch))
		return false;
	lock_take(&lock);
	if (!sync_outstanding || !sync_before(rq->comm, rq->peer, rq->tag))
		answer = note(to, &ask);
	lock_give(&lock);
	/* Without memory the next look asks. */
	if (answer == TO_ASK &&
	    private_send(to, PRIVATE_ASK, &ask, sizeof(ask)))
		unnote(to, &ask);
	return answer != NEED;
}

void drain_full(int from, uint32_t epoch)
{
	peers[from].full = epoch;
}

/* --- before a synchronous send
 * ------------------------------------------------- */

/* Is it not closed yet?  In *tell: nobody has said so to the receiver. */
static bool close_begin(int to, const struct private_ask *ask, bool *tell)
{
	struct asked *a;
	bool waits;

	lock_take(&lock);
	a = find(to, ask);
	waits = a && a->state != CLOSED;
	*tell = waits && a->state == OPEN;
	if (*tell)
		a->state = TO_CLOSE;
	lock_give(&lock);
	return waits;
}

static void state_set(int to, const struct private_ask *ask, int state)
{
	struct asked *a;

	lock_take(&lock);
	a = find(to, ask);
	if (a)
		a->state = state;
	lock_give(&lock);
}

/* The question died with its epoch, if another one is pending. */
static bool is_closed(int to, const struct vcomm *comm, int tag)
{
	struct private_ask ask = ask_about(comm, tag);
	bool tell;

	if (!ask.epoch || !close_begin(to, &ask, &tell))
		return true;
	if (tell && private_send(to, PRIVATE_TAKE_BACK, &ask, sizeof(ask)))
		state_set(to, &ask, OPEN); /* no memory: the next look */
	return false;
}

/* A receiver that holds, or calls MPI, answers at once.  One that may not hold
 * and computes keeps this rank waiting, until the epoch is over at the latest.
 */
void drain_sync_begin(struct thread_ctx *ctx, const struct vcomm *comm,
		      int peer, int tag, int function)
{
	struct frontier_need none = { 0 };
	int to;

	atomic_fetch_add(&posting, 1);
	if (__builtin_expect(!frontier_pending, 1) || !comm || peer < 0 ||
	    peer >= comm->npeers)
		return;
	to = comm_peer_world(comm, peer);
	while (!is_closed(to, comm, tag)) {
		private_service(ctx);
		frontier_blocked(ctx, &none, comm, MPI_PROC_NULL, function);
	}
}

void drain_sync_end(void)
{
	atomic_fetch_sub(&posting, 1);
}

void drain_taken_back(int from, const struct private_ask *ask)
{
	if (ask->epoch == frontier_pending)
		state_set(from, ask, CLOSED);
}
