/* SPDX-License-Identifier: BSD-3-Clause */
/* sync.c - synchronous sends that a checkpoint takes off the wire */
#include "mpi_wrappers/sync.h"

#include "mpi_wrappers/drain.h"
#include "mpi_wrappers/match.h"
#include "mpi_wrappers/p2p.h"
#include "mpi_wrappers/peers.h"
#include "runtime/process/process.h"

/* Newest first.  Under lock where several threads call MPI. */
static struct vrequest *outstanding;
static uint64_t last_id;
static atomic_flag lock = ATOMIC_FLAG_INIT;
uint32_t sync_outstanding;

static void lock_take_(void)
{
	if (!request_threaded)
		return;
	while (atomic_flag_test_and_set_explicit(&lock, memory_order_acquire))
		sys_call(SYS_sched_yield);
}

static void lock_give_(void)
{
	if (request_threaded)
		atomic_flag_clear_explicit(&lock, memory_order_release);
}

void sync_begin(struct vrequest *rq)
{
	lock_take_();
	rq->sync_id = ++last_id;
	rq->sync_later = 0;
	rq->sync_acked = rq->sync_confirmed = false;
	rq->sync_next = outstanding;
	outstanding = rq;
	sync_outstanding++;
	lock_give_();
}

void sync_end(struct vrequest *rq)
{
	lock_take_();
	for (struct vrequest **p = &outstanding; *p; p = &(*p)->sync_next) {
		if (*p != rq)
			continue;
		*p = rq->sync_next;
		sync_outstanding--;
		break;
	}
	lock_give_();
}

static bool same_key(const struct vrequest *rq, const struct vcomm *comm,
		     int peer, int tag)
{
	return rq->comm == comm && rq->peer == peer && rq->tag == tag;
}

void sync_note(const struct vcomm *comm, int peer, int tag)
{
	lock_take_();
	for (struct vrequest *rq = outstanding; rq; rq = rq->sync_next)
		if (same_key(rq, comm, peer, tag))
			rq->sync_later++;
	lock_give_();
}

void sync_unnote(const struct vrequest *cancelled)
{
	lock_take_();
	for (struct vrequest *rq = outstanding; rq; rq = rq->sync_next)
		if (rq != cancelled && rq->seq < cancelled->seq &&
		    same_key(rq, cancelled->comm, cancelled->peer,
			     cancelled->tag) &&
		    rq->sync_later)
			rq->sync_later--;
	lock_give_();
}

bool sync_before(const struct vcomm *comm, int peer, int tag)
{
	bool found = false;

	lock_take_();
	for (struct vrequest *rq = outstanding; rq && !found;
	     rq = rq->sync_next)
		found = same_key(rq, comm, peer, tag);
	lock_give_();
	return found;
}

/* --- acknowledgements --------------------------------------------------------
 */

void sync_poll(struct thread_ctx *ctx)
{
	private_service(ctx);
}

void sync_acknowledge(int to, uint64_t id)
{
	if (to == comm_world->rank) {
		sync_acknowledged(id);
		return;
	}
	peer_count(&peers[to].acks_sent);
	/* Without memory for these bytes the sender waits until the next epoch
	 * tells it. */
	private_send(to, PRIVATE_ACK, &id, sizeof(id));
}

void sync_acknowledged(uint64_t id)
{
	struct vrequest *rq;

	lock_take_();
	for (rq = outstanding; rq; rq = rq->sync_next)
		if (rq->sync_id == id)
			break;
	lock_give_();
	if (!rq)
		return; /* it was told before */
	rq->sync_acked = true;
	if (rq->state == REQ_AWAIT)
		sync_complete(rq);
}

/* Nothing is left to wait for; status and error are in the record already. */
void sync_complete(struct vrequest *rq)
{
	sync_end(rq);
	frontier_unblocked(&rq->need);
	rq->state = REQ_DONE;
}

/* The real library is done with it, in DRAIN: matched, or taken off the wire.
 */
void sync_drained(struct vrequest *rq, const MPI_Status *status, int error)
{
	rq->status = *status;
	rq->error = error;
	rq->state = REQ_AWAIT;
	if (rq->sync_acked || error)
		sync_complete(rq);
}

/* --- markers -----------------------------------------------------------------
 */

uint32_t sync_list(int to, struct sync_entry *entries, uint32_t max)
{
	uint32_t n = 0;

	for (struct vrequest *rq = outstanding; rq; rq = rq->sync_next) {
		if (comm_peer_world(rq->comm, rq->peer) != to)
			continue;
		if (n < max)
			entries[n] = (struct sync_entry){
				.gid = rq->comm->gid,
				.id = rq->sync_id,
				.source = rq->comm->rank,
				.tag = rq->tag,
				.later = rq->sync_later,
			};
		n++;
	}
	return n;
}

bool sync_resolve(const struct sync_entry *entry)
{
	const struct vcomm *c = drain_comm(entry->gid);
	struct drained *d = c ? match_from_end(c, entry->source, entry->tag,
					       entry->later) :
				NULL;

	if (!d)
		return false;
	d->sync = true;
	d->sync_id = entry->id;
	return true;
}

void sync_settle(bool confirmed)
{
	struct vrequest *next;

	for (struct vrequest *rq = outstanding; rq; rq = next) {
		next = rq->sync_next;
		if (rq->state != REQ_AWAIT)
			continue;
		if (confirmed)
			rq->sync_confirmed = true;
		else if (!rq->sync_confirmed)
			sync_complete(rq);
	}
}
