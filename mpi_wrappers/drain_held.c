/* SPDX-License-Identifier: BSD-3-Clause */
/* drain_held.c - what a rank that holds takes off the wire for blocked senders
 */
#include "mpi_wrappers/drain.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "mpi_wrappers/drain_take.h"
#include "mpi_wrappers/frontier.h"
#include "mpi_wrappers/p2p.h"
#include "mpi_wrappers/peers.h"
#include "mpi_wrappers/sync.h"
#include "runtime/process/process.h"

/*
 * DESIGN (drain.md, While a rank holds)
 *
 * ASK: a rank is blocked in a standard send and asks its receiver to take the
 * message out of the way, should it hold.  FULL: there is no room; then the
 * asker needs the receiver to go on, as for a synchronous send, for the rest of
 * the epoch.  File-scope: one queue a process.
 */
#define ASKS 1024
static struct question {
	struct private_ask ask;
	int from;  /* world rank */
	bool full; /* it was told so */
} asks[ASKS];
static uint32_t nasks;

/* --- the budget --------------------------------------------------------------
 */

/* All ranks of a node together may fill this part of what memory is free. */
#define SHARE 8

static uint64_t given; /* by the environment; 0: by free memory */
static uint64_t budget;
static uint32_t budget_epoch; /* in which it was set */

static uint64_t number_read(const char **text)
{
	uint64_t n = 0;

	while (**text >= '0' && **text <= '9')
		n = n * 10 + (uint64_t)(*(*text)++ - '0');
	return n;
}

/* Bytes, or with K, M or G. */
void drain_held_init(void)
{
	const char *text = getenv("CAIRN_DRAIN_BUDGET");

	given = text ? number_read(&text) : 0;
	if (given && *text == 'K')
		given <<= 10;
	else if (given && *text == 'M')
		given <<= 20;
	else if (given && *text == 'G')
		given <<= 30;
}

/* Bytes; 0 where the kernel does not say: then all senders are told FULL. */
static uint64_t memory_available(void)
{
	char text[512];
	const char *at;
	long fd = sys_call(SYS_openat, AT_FDCWD, "/proc/meminfo",
			   O_RDONLY | O_CLOEXEC, 0);
	long n;

	if (sys_is_error(fd))
		return 0;
	n = sys_call(SYS_read, fd, text, sizeof(text) - 1);
	sys_call(SYS_close, fd);
	text[n > 0 ? n : 0] = 0;
	at = strstr(text, "MemAvailable:");
	if (!at)
		return 0;
	at += strlen("MemAvailable:");
	while (*at == ' ')
		at++;
	return number_read(&at) << 10;
}

/* What lies in the queue already is not free any more, but is charged. */
static uint64_t budget_of(uint32_t epoch)
{
	const struct control_page *page = process_page();
	uint32_t ranks = page && page->local_size ? page->local_size : 1;

	if (budget_epoch != epoch) {
		budget = given ? given : memory_available() / SHARE / ranks;
		budget_epoch = epoch;
	}
	return budget;
}

/* --- the sender's side -------------------------------------------------------
 */

static bool is_full(int to)
{
	return frontier_pending && (unsigned int)to < (unsigned int)npeers &&
	       peers[to].full == frontier_pending;
}

bool drain_ask(struct vrequest *rq)
{
	struct private_ask ask;
	int to;

	if (rq->peer < 0 || rq->op != OP_SEND)
		return true;
	if (sync_outstanding && sync_before(rq->comm, rq->peer, rq->tag))
		return false;
	to = comm_peer_world(rq->comm, rq->peer);
	if (is_full(to))
		return false;
	if (!frontier_pending || rq->asked == frontier_pending ||
	    to == comm_world->rank)
		return true;
	ask = (struct private_ask){ .gid = rq->comm->gid,
				    .epoch = frontier_pending,
				    .source = rq->comm->rank,
				    .tag = rq->tag };
	/* Without memory the next look asks. */
	if (!private_send(to, PRIVATE_ASK, &ask, sizeof(ask)))
		rq->asked = ask.epoch;
	return true;
}

void drain_full(int from, uint32_t epoch)
{
	peers[from].full = epoch;
}

/* --- the receiver's side -----------------------------------------------------
 */

static bool is_same(const struct private_ask *a, const struct private_ask *b)
{
	return a->gid == b->gid && a->source == b->source && a->tag == b->tag;
}

/* Without memory the next look tells. */
static bool full_tell(int to, uint32_t epoch)
{
	return !private_send(to, PRIVATE_FULL, &epoch, sizeof(epoch));
}

void drain_asked(int from, const struct private_ask *ask)
{
	for (uint32_t i = 0; i < nasks; i++) {
		struct question *q = &asks[i];

		if (!is_same(&q->ask, ask))
			continue;
		q->full = q->full && q->ask.epoch == ask->epoch;
		q->ask.epoch = ask->epoch;
		return;
	}
	if (nasks < ASKS)
		asks[nasks++] = (struct question){ *ask, from, false };
	else
		full_tell(from, ask->epoch);
}

void drain_held_forget(void)
{
	nasks = 0;
}

/* Gives how much happened. */
static int answer(struct question *q, struct vcomm *c, uint32_t epoch)
{
	int n = drain_take(c, q->ask.source, q->ask.tag, budget_of(epoch));

	if (n != -ENOBUFS && n != -ENOMEM)
		return n;
	q->full = full_tell(q->from, epoch);
	return q->full;
}

int drain_held_step(struct err *err)
{
	uint32_t epoch = frontier_pending;
	int n = private_service(ctx_here());

	for (uint32_t i = 0; i < nasks; i++) {
		struct question *q = &asks[i];
		struct vcomm *c = q->ask.epoch == epoch && !q->full ?
					  drain_comm(q->ask.gid) :
					  NULL;
		int ret = c ? answer(q, c, epoch) : 0;

		if (ret < 0)
			return err_set(err, ret,
				       "rank %d: cannot receive what rank %d "
				       "is blocked in sending to it",
				       comm_world->rank, q->from);
		n += ret;
	}
	drain_missing_bytes();
	return n;
}
