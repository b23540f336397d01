/* SPDX-License-Identifier: BSD-3-Clause */
/* busy.c - whom an epoch waits for, for people */
#include "runtime/agent/busy.h"

#include "runtime/base/fmt.h"

#include <string.h>

static void describe(const struct agent *agent, const struct rank *r,
		     char *text, size_t size)
{
	char where[sizeof(r->page->rank.why) + 1] = "";

	/* The rank may be writing it. */
	memcpy(where, r->page->rank.why, sizeof(r->page->rank.why));
	fmt_print(text, size, "rank %u (process %d on %s), which %s%s",
		  r->world_rank, (int)rank_pid(r), agent->node,
		  r->life == RANK_GREETED ? "has not started yet" :
		  *where		  ? "waits in " :
					    "computes",
		  r->life == RANK_GREETED ? "" : where);
}

static const struct rank *find_busy(const struct agent *agent)
{
	const struct rank *busy = NULL;

	for (const struct rank *r = agent->ranks; r; r = r->next) {
		if (!rank_lives(r) ||
		    frontier_holds(agent->frontier, r->world_rank))
			continue;
		if (!busy || (busy->page->rank.why[0] && !r->page->rank.why[0]))
			busy = r;
	}
	return busy;
}

void busy_send(struct agent *agent, uint32_t epoch)
{
	const struct rank *busy = find_busy(agent);
	char text[200] = "";

	if (busy)
		describe(agent, busy, text, sizeof(text));
	link_send(agent, json_pack("{s:s, s:I, s:s}", "type", "busy", "epoch",
				   (json_int_t)epoch, "busy", text));
}
