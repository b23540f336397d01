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
#include "mpi_wrappers/lock.h"
#include "mpi_wrappers/p2p.h"
#include "mpi_wrappers/private.h"
#include "runtime/process/process.h"

/*
 * DESIGN (drain.md, While a rank holds)
 *
 * The receiver's side of what drain_ask.c asks.  File-scope: one queue a
 * process.  Letters are acted on by any thread, so there is a lock; answers are
 * given by the leader of a rank that holds, which is alone.
 */
static struct question {
	struct private_ask ask;
	int from;    /* world rank */
	bool closed; /* for the rest of its epoch: FULL, or taken back */
} questions[DRAIN_QUESTIONS];
static uint32_t nquestions;
static struct lock lock = LOCK_INIT;

/* --- the budget --------------------------------------------------------------
 */

/* All ranks of a node together may fill this part of what memory is free. */
#define SHARE 8

static bool is_given; /* by the environment; else by free memory */
static uint64_t given;
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

	if (!text || *text < '0' || *text > '9')
		return;
	is_given = true;
	given = number_read(&text);
	given <<= *text == 'K' ? 10 : *text == 'M' ? 20 : *text == 'G' ? 30 : 0;
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
		budget = is_given ? given : memory_available() / SHARE / ranks;
		budget_epoch = epoch;
	}
	return budget;
}

/* --- questions
 * ----------------------------------------------------------------
 */

/* Under lock: the one about this key, or room for one, or NULL. */
static struct question *question_of(int from, const struct private_ask *ask)
{
	struct question *q;

	for (uint32_t i = 0; i < nquestions; i++) {
		const struct private_ask *a = &questions[i].ask;

		if (a->gid == ask->gid && a->source == ask->source &&
		    a->tag == ask->tag)
			return &questions[i];
	}
	if (nquestions == DRAIN_QUESTIONS)
		return NULL;
	q = &questions[nquestions++];
	*q = (struct question){ *ask, from, false };
	return q;
}

/* What is closed in an epoch stays so in it, in whatever order letters come:
 * then it is not asked again.  False: there is no room. */
static bool question_put(int from, const struct private_ask *ask, bool closed)
{
	struct question *q;

	lock_take(&lock);
	q = question_of(from, ask);
	if (q) {
		q->closed = closed || (q->closed && q->ask.epoch == ask->epoch);
		q->ask.epoch = ask->epoch;
	}
	lock_give(&lock);
	return q != NULL;
}

/* Without memory the next look tells. */
static bool full_tell(int to, uint32_t epoch)
{
	return !private_send(to, PRIVATE_FULL, &epoch, sizeof(epoch));
}

void drain_asked(int from, const struct private_ask *ask)
{
	if (!question_put(from, ask, false))
		full_tell(from, ask->epoch);
}

/* Closed, or there is no room for it and never will be in this epoch. */
void drain_take_back(int from, const struct private_ask *ask)
{
	question_put(from, ask, true);
	/* Without memory for these bytes the sender waits for the epoch's end.
	 */
	private_send(from, PRIVATE_TAKEN_BACK, ask, sizeof(*ask));
}

/* Questions of a newer epoch may be here already: others were let go before
 * this rank. */
void drain_held_forget(uint32_t ended)
{
	uint32_t kept = 0;

	lock_take(&lock);
	for (uint32_t i = 0; i < nquestions; i++)
		if (questions[i].ask.epoch > ended)
			questions[kept++] = questions[i];
	nquestions = kept;
	lock_give(&lock);
}

/* --- answers
 * ------------------------------------------------------------------
 */

/* Gives how much happened. */
static int answer(struct question *q, struct vcomm *c, uint32_t epoch)
{
	int n = drain_take(c, q->ask.source, q->ask.tag, budget_of(epoch));

	if (n != -ENOBUFS && n != -ENOMEM)
		return n;
	q->closed = full_tell(q->from, epoch);
	return q->closed;
}

int drain_held_step(struct err *err)
{
	uint32_t epoch = frontier_pending;
	int n = private_service(ctx_here());

	for (uint32_t i = 0; i < nquestions; i++) {
		struct question *q = &questions[i];
		struct vcomm *c = q->ask.epoch == epoch && !q->closed ?
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
