/* SPDX-License-Identifier: BSD-3-Clause */
/* pace.c - a session's --interval auto */
#include "launcher/pace.h"

#include "launcher/session.h"
#include "launcher/timeline.h"

/*
 * DESIGN
 *
 * What an epoch costs is what the program feels of it: the longest pause of a
 * rank, and what writing takes from ranks that compute meanwhile.  That is not
 * seen from outside; it is at most what the agents compute on their nodes'
 * CPUs, spread over all of these, and that is taken: too long an interval costs
 * less than too short a one where CPUs are idle, since then the pause is nearly
 * all.  Epochs are smoothed, since an incremental one costs less than a full
 * one and both come in turns.
 *
 * Before the first epoch a cost is assumed, so the first comes early in a long
 * life; what was measured lasts over restarts of this cairnrun.
 */

static const char *source_of(const struct session *s)
{
	return s->options->mtbf_ms ?
		       "--mtbf" :
		       "once a year and node; --mtbf tells better";
}

static void set(struct session *s, bool loud)
{
	struct interval *i = s->interval;
	bool news = interval_choose(i);
	char text[480];

	coordinator_interval(s->coordinator, (int64_t)(i->seconds * 1000));
	if (!news)
		return;
	interval_text(i, source_of(s), text, sizeof(text));
	session_say(s, loud, "%s", text);
}

void pace_up(struct session *s)
{
	struct interval *i = s->interval;
	double nodes = s->nodes.n ? (double)s->nodes.n : 1;

	if (!s->options->interval_auto)
		return;
	i->mtbf_s = INTERVAL_NODE_MTBF_S / nodes;
	if (s->options->mtbf_ms)
		i->mtbf_s = (double)s->options->mtbf_ms / 1000 /
			    (s->options->mtbf_of_node ? nodes : 1);
	/* To come up anew takes about as long as to come up. */
	i->restart_s = (double)(s->back_ms - s->started_ms) / 1000;
	set(s, true);
}

void pace_epoch(struct session *s, const struct epoch_result *r)
{
	double cost_s = r->pause_ms / 1000;

	if (!s->options->interval_auto || !r->committed)
		return;
	if (r->timeline && r->timeline->cpu_s < r->seconds)
		cost_s += r->timeline->cpu_s;
	else
		cost_s += r->seconds;
	interval_measured(s->interval, cost_s, r->seconds);
	set(s, true);
}
