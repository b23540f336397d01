/* SPDX-License-Identifier: BSD-3-Clause */
/* losses.c - a node does not answer, or its agent is gone */
#include "launcher/session.h"

#include "runtime/base/log.h"
#include "runtime/net/address.h"

#include <errno.h>

/*
 * What is done about it depends on what the job can win:
 *
 *  unreachable  (bytes stay unacknowledged) mpiexec would wait for ever: the
 *               job is ended, and restarted elsewhere if --restarts says so
 *  mute         connected but silent: it may come back, so only checkpoints
 *               wait; if the job would be restarted, it is taken for dead in
 *               the end
 *  agent gone   killed, say: the job runs on without checkpoints, or, if it
 *               would be restarted, is ended while little is lost
 *  never came   a restart waits for ranks whose node was lost before its agent
 *               was heard of: the starter waits, too, so it is ended
 */
#define COME_MS	  60000 /* for the next rank of a restart */
#define NAMED_MAX 8	/* mute nodes that are named on stderr */

static void end_job(struct session *s, size_t number, const char *what)
{
	session_say(s, true, "node %s %s; ending the job",
		    s->nodes.v[number].name, what);
	s->nodes.v[number].suspect = true;
	session_lose_node(s);
}

/* A switch that fails takes hundreds of nodes: some are named on stderr, all in
 * the log. */
static void say_mute(struct session *s, const char *node, bool is_mute)
{
	if (is_mute && s->mute == 0)
		s->most_mute = 0;
	s->mute += is_mute ? 1 : (size_t)-1;
	if (s->mute > s->most_mute)
		s->most_mute = s->mute;
	if (is_mute)
		session_say(s, s->mute <= NAMED_MAX,
			    "node %s has not answered for %d s", node,
			    NODE_MUTE_BEATS * BEAT_MS / 1000);
	else
		session_say(s, s->most_mute <= NAMED_MAX,
			    "node %s answers again", node);
	if (is_mute && s->mute == NAMED_MAX + 1)
		session_say(s, true,
			    "more nodes do not answer; %s/cairn.log names "
			    "them",
			    s->job->dir);
	else if (!s->mute && s->most_mute > NAMED_MAX)
		session_say(s, true, "all %zu nodes answer again",
			    s->most_mute);
}

static void mute(void *arg, size_t number, bool is_mute)
{
	struct session *s = arg;

	if (is_mute)
		flush_lost(&s->flush, number);
	if (is_mute)
		copies_lost(&s->copies, number);
	if (s->ended || s->stopping || s->node_lost)
		return;
	say_mute(s, s->nodes.v[number].name, is_mute);
	coordinator_mute(s->coordinator, number, is_mute);
}

static bool would_restart(const struct session *s)
{
	return s->restarts_left > 0 && (s->committed || s->restart->epoch);
}

static void dead(void *arg, size_t number)
{
	struct session *s = arg;

	if (!s->ended && !s->stopping && would_restart(s))
		end_job(s, number, "is taken for dead");
}

const struct nodes_ops session_node_ops = {
	.mute = mute,
	.dead = dead,
};

static bool is_unreachable(int rc)
{
	return rc == -ETIMEDOUT || rc == -EHOSTUNREACH || rc == -ENETUNREACH ||
	       rc == -ENETDOWN;
}

void losses_agent_gone(struct session *s, struct peer *p, int rc,
		       const char *why)
{
	bool expected = s->ended || s->stopping || s->node_lost ||
			s->unrestored || coordinator_is_over(s->coordinator);

	log_debug("agent %zu is gone: %s", p->number, why);
	nodes_gone(&s->nodes, p->number);
	flush_lost(&s->flush, p->number);
	copies_lost(&s->copies, p->number);
	if (!expected && is_unreachable(rc))
		end_job(s, p->number, "cannot be reached any more");
	else if (!expected && would_restart(s))
		end_job(s, p->number, "has lost its agent");
	/* mpiexec may have noticed a lost node first: the ranks there have not
	 * said how they ended. */
	if (coordinator_lost(s->coordinator, p->number) && !s->stopping &&
	    !s->unrestored) {
		s->nodes.v[p->number].suspect = true;
		s->lost_ms = clock_ms();
	}
	if (s->restart->epoch && !s->came_back)
		session_unrestored(s);
	session_look(s);
}

static void come_due(struct timer *t)
{
	struct session *s = t->arg;

	if (s->ended || s->stopping || s->node_lost || s->unrestored ||
	    s->restorers >= s->restart->ranks)
		return;
	session_say(s, true,
		    "%ld of %ld ranks have not come back within %d s; ending "
		    "the job",
		    s->restart->ranks - s->restorers, s->restart->ranks,
		    COME_MS / 1000);
	s->incomplete = true;
	session_lose_node(s);
}

void losses_watch_start(struct session *s)
{
	s->come_timer.cb = come_due;
	s->come_timer.arg = s;
	if (s->restart->epoch)
		loop_timer(&s->loop, &s->come_timer, COME_MS);
}

void losses_restorer(struct session *s)
{
	s->restorers++;
	losses_watch_start(s);
}
