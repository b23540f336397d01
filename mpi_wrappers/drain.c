/* SPDX-License-Identifier: BSD-3-Clause */
/* drain.c - until nothing of the program is on the wire (drain.md) */
#include "mpi_wrappers/drain.h"

#include <errno.h>

#include "mpi_wrappers/drain_take.h"
#include "mpi_wrappers/frontier.h"
#include "mpi_wrappers/p2p.h"
#include "mpi_wrappers/peers.h"
#include "mpi_wrappers/sync.h"
#include "runtime/process/process.h"

struct peer *peers;
int npeers;

/*
 * A round is one agreement of all ranks that the wire is empty.  An epoch may
 * be aborted in the middle of one: then it is taken up where it stopped when
 * the next epoch drains, since others may have gone further in it; it is void,
 * and another one follows.
 */
enum phase {
	IDLE,	    /* no round */
	CANCELLING, /* until each send that was cancelled is, or is complete:
		       then the counts for the markers are right */
	MARKING,    /* markers are under way; ends when all are received */
	MARKED,	  /* Ibarrier: when it ends all markers of all ranks are here */
	COUNTING, /* until what the markers said has come, and all sends ended
		   */
	AGREEING, /* Iallreduce: were all ranks' markers of this epoch? */
	REPLYING, /* acknowledgements that could be given at once */
	CLOSING,  /* Ibarrier: when it ends all replies have come */
};

static struct {
	enum phase phase;
	bool resumed; /* began in an epoch that was aborted */
	uint32_t number;
	uint32_t epoch;	     /* in which it began */
	int real;	     /* the collective under way */
	int mine[2], all[2]; /* for the agreement: epoch, -epoch */
} round_;

static bool running;
static struct drain_view view;

/* What the markers said about synchronous sends; from[i] sent entry[i]. */
struct told {
	struct sync_entry entry;
	int from;
	uint32_t round;
};
static struct told *told;
static uint32_t ntold, told_room;

struct marker {
	uint64_t sent, acks; /* cumulative */
	uint32_t round;
	uint32_t nsync; /* entries that follow */
	struct sync_entry sync[];
};

int drain_init(int nranks, struct err *err)
{
	peers = upper_alloc((size_t)nranks * sizeof(*peers));
	if (!peers)
		return err_set(err, -ENOMEM,
			       "no memory for the message counts of %d ranks",
			       nranks);
	npeers = nranks;
	drain_held_init();
	return 0;
}

bool drain_running(void)
{
	return running;
}

/* --- markers ---------------------------------------------------------------
 */

static int told_add(int from, uint32_t round, const struct sync_entry *entry)
{
	if (ntold == told_room) {
		uint32_t room = told_room ? told_room * 2 : 64;
		struct told *more = upper_realloc(told, room * sizeof(*more));

		if (!more)
			return -ENOMEM;
		told = more;
		told_room = room;
	}
	told[ntold++] = (struct told){ *entry, from, round };
	return 0;
}

void drain_marked(int from, const void *data, uint32_t len)
{
	const struct marker *m = data;
	struct peer *p = &peers[from];

	if (len < sizeof(*m) ||
	    len < sizeof(*m) + m->nsync * sizeof(m->sync[0]))
		return;
	/* The newest says it: a send that was cancelled after an epoch that was
	 * aborted makes it less. */
	if (m->round >= p->expected_round) {
		p->expected = m->sent;
		p->expected_round = m->round;
	}
	if (m->acks > p->acks_expected)
		p->acks_expected = m->acks;
	for (uint32_t i = 0; i < m->nsync; i++)
		told_add(from, m->round, &m->sync[i]);
}

static int marker_send(int to)
{
	uint32_t n = sync_list(to, NULL, 0);
	uint32_t len = sizeof(struct marker) +
		       n * (uint32_t)sizeof(struct sync_entry);
	struct marker *m = upper_alloc(len);
	int ret = 0;

	if (!m)
		return -ENOMEM;
	m->sent = peers[to].sent;
	m->acks = peers[to].acks_sent;
	m->round = round_.number;
	m->nsync = n;
	sync_list(to, m->sync, n);
	if (to == comm_world->rank)
		drain_marked(to, m, len);
	else
		ret = private_send(to, PRIVATE_MARKER, m, len);
	if (!ret) {
		peers[to].marked = m->sent;
		peers[to].acks_marked = m->acks;
	}
	upper_free(m);
	return ret;
}

/* Sparse: to those only for whom there is news. */
static int markers_send(void)
{
	int ret = 0;

	for (int to = 0; to < npeers && !ret; to++)
		if (peers[to].sent != peers[to].marked ||
		    peers[to].acks_sent != peers[to].acks_marked ||
		    (sync_outstanding && sync_list(to, NULL, 0)))
			ret = marker_send(to);
	return ret;
}

static bool counts_met(void)
{
	for (int i = 0; i < npeers; i++)
		if (peers[i].received < peers[i].expected ||
		    peers[i].acks_received < peers[i].acks_expected)
			return false;
	return true;
}

/* All messages are matched or in the queue: now the position of each
 * synchronous one is known. */
static void resolve(void)
{
	for (uint32_t i = 0; i < ntold; i++)
		if (told[i].round == round_.number &&
		    !sync_resolve(&told[i].entry))
			sync_acknowledge(told[i].from, told[i].entry.id);
}

/* A marker of the next round may be here already. */
static void told_drop(void)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < ntold; i++)
		if (told[i].round > round_.number)
			told[kept++] = told[i];
	ntold = kept;
}

/* --- the round ---------------------------------------------------------------
 */

static bool collective_done(void)
{
	int done = 0;

	return REAL(Test, &round_.real, &done, MPI_STATUS_IGNORE) || done;
}

static int begin(uint32_t epoch)
{
	round_.number++;
	round_.epoch = epoch;
	round_.resumed = false;
	round_.phase = CANCELLING;
	return 0;
}

static int marking_begin(void)
{
	if (drain_cancelling(&view))
		return 0;
	round_.phase = MARKING;
	return markers_send();
}

static int barrier_begin(enum phase phase)
{
	round_.phase = phase;
	return REAL(Ibarrier, comm_private.id, &round_.real) ? -EIO : 0;
}

static int agree_begin(void)
{
	round_.phase = AGREEING;
	round_.mine[0] = (int)round_.epoch;
	round_.mine[1] = -(int)round_.epoch;
	return cross_call_stack(real_fn(FN_MPI_Iallreduce),
				(const long[]){ (long)round_.mine,
						(long)round_.all, 2, MPI_INT,
						MPI_MAX, comm_private.id,
						(long)&round_.real },
				7) ?
		       -EIO :
		       0;
}

/* All ranks know the same: were all markers of one epoch?  If not, the round is
 * void for all.  A rank that took an old round up knows that it is void, but
 * goes through it with those that do not wait for it. */
static int agreed(void)
{
	bool valid = round_.all[0] == -round_.all[1];

	if (valid && !round_.resumed)
		resolve();
	told_drop();
	if (!valid) {
		round_.resumed = true;
		round_.phase = IDLE;
		return 0;
	}
	round_.phase = REPLYING;
	return 0;
}

/* Whatever has come, wherever it belongs. */
static int progress(uint32_t *pending)
{
	int ret = 0, missing;

	private_service(ctx_here());
	*pending = drain_test(&view);
	for (uint32_t i = 0; i < view.ncomms && ret >= 0; i++)
		ret = drain_take(view.comms[i], MPI_ANY_SOURCE, MPI_ANY_TAG,
				 DRAIN_ALL);
	missing = drain_missing_bytes();
	*pending += (uint32_t)missing;
	return ret < 0 ? ret : 0;
}

/* One look; gives -Exxx when the real library fails. */
static int step(uint32_t epoch)
{
	uint32_t pending;
	int ret = progress(&pending);

	if (ret)
		return ret;
	switch (round_.phase) {
	case IDLE:
		return begin(epoch);
	case CANCELLING:
		return marking_begin();
	case MARKING:
		return private_sending() ? 0 : barrier_begin(MARKED);
	case MARKED:
		if (collective_done() && private_idle())
			round_.phase = COUNTING;
		return 0;
	case COUNTING:
		return pending || !counts_met() ? 0 : agree_begin();
	case AGREEING:
		return collective_done() ? agreed() : 0;
	case REPLYING:
		return private_sending() ? 0 : barrier_begin(CLOSING);
	case CLOSING:
		if (collective_done() && private_idle())
			round_.phase = IDLE;
		return 0;
	}
	return 0;
}

static bool aborted(const struct control_page *page)
{
	return page && (atomic_load(&page->agent.cmd) == CMD_ABORT ||
			process_agent_lost());
}

/* Rounds until one is valid. */
static int rounds(struct control_page *page, uint32_t epoch)
{
	int ret;

	round_.resumed = round_.phase != IDLE;
	do {
		if (aborted(page))
			return -ECANCELED;
		ret = step(epoch);
		if (ret)
			return ret;
		if (round_.phase != IDLE)
			sys_call(SYS_sched_yield);
	} while (round_.phase != IDLE || round_.resumed);
	return 0;
}

static void report(struct control_page *page)
{
	uint64_t sent = 0, received = 0;

	if (!page)
		return;
	for (int i = 0; i < npeers; i++) {
		sent += peers[i].sent;
		received += peers[i].received;
	}
	atomic_store(&page->rank.drain_sent, sent);
	atomic_store(&page->rank.drain_received, received);
}

static int drain(struct control_page *page, uint32_t epoch, struct err *err)
{
	int rank = comm_world->rank;
	int ret = drain_view_init(&view);

	if (!ret)
		ret = drain_messages();
	running = true;
	if (!ret)
		ret = rounds(page, epoch);
	running = false;
	drain_view_fini(&view);
	if (!ret) {
		/* What the program gave away is complete: it keeps no freed
		 * communicator that other members may not have any more. */
		request_reap(ctx_here());
		sync_settle(true);
		report(page);
		return 0;
	}
	if (ret == -ECANCELED)
		return err_set(err, ret,
			       "rank %d: the epoch was aborted while "
			       "messages were drained",
			       rank);
	if (ret == -ENOMEM)
		return err_set(err, ret,
			       "rank %d: no memory for the messages "
			       "that are under way",
			       rank);
	return err_set(err, ret,
		       "rank %d: the MPI library failed while "
		       "messages were drained",
		       rank);
}

int drain_run(struct control_page *page, struct err *err)
{
	return drain(page, page ? atomic_load(&page->agent.epoch) : 0, err);
}

void drain_resume(bool was_aborted)
{
	drain_held_forget(frontier_pending);
	if (was_aborted)
		sync_settle(false);
}

int drain_restart(struct err *err)
{
	(void)err;
	private_forget();
	drain_held_forget(DRAIN_EVERY_EPOCH);
	ntold = 0;
	round_.phase = IDLE;
	return 0;
}

/* --- the end of MPI ----------------------------------------------------------
 */

/* As step(), for the rest of a void round: nobody counts messages any more. */
static int finish_step(void)
{
	private_service(ctx_here());
	switch (round_.phase) {
	case IDLE: /* others have begun it, and wait for this rank */
		round_.number++;
		round_.epoch = 0;
		return barrier_begin(MARKED);
	case CANCELLING:
	case MARKING:
		return private_sending() ? 0 : barrier_begin(MARKED);
	case MARKED:
		return collective_done() ? agree_begin() : 0;
	case COUNTING:
		return agree_begin();
	case AGREEING:
		round_.resumed = true;
		return collective_done() ? agreed() : 0;
	case REPLYING:
		return barrier_begin(CLOSING);
	case CLOSING:
		if (collective_done())
			round_.phase = IDLE;
		return 0;
	}
	return 0;
}

/* Everybody's letters are received: each rank waits for its own, and the
 * barrier for all ranks (Hoefler, Siebert, Lumsdaine: Scalable communication
 * protocols for dynamic sparse data exchange, 2010). */
static int letters_finish(void)
{
	bool entered = false;
	int ret = 0;

	while (!ret) {
		private_service(ctx_here());
		if (!entered && !private_sending()) {
			ret = barrier_begin(CLOSING);
			entered = true;
		} else if (entered && collective_done() && private_idle()) {
			break;
		}
		sys_call(SYS_sched_yield);
	}
	round_.phase = IDLE;
	return ret;
}

void drain_finalize(void)
{
	int mine[2] = { (int)round_.number, private_used() };
	int all[2] = { 0 };

	/* Not on comm_private: a round's collective may be half done there. */
	if (REAL(Allreduce, mine, all, 2, MPI_INT, MPI_MAX, MPI_COMM_WORLD) ||
	    !(all[0] | all[1]))
		return;
	while ((int)round_.number < all[0] || round_.phase != IDLE) {
		if (finish_step())
			return;
		sys_call(SYS_sched_yield);
	}
	(void)letters_finish();
}
