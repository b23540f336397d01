/* SPDX-License-Identifier: BSD-3-Clause */
/* wrapper.c - say which ranks run under a script that no checkpoint holds */
#define LOG_PREFIX "agent: "
#include "runtime/agent/agent.h"

#include "runtime/base/comm.h"
#include "runtime/base/fmt.h"
#include "runtime/base/log.h"

/*
 * `sh -c "./app; cp out $HOME"`: the shell greeted as the rank, and its child
 * called MPI_Init and took its place (runtime/process/link.c).  An image holds
 * the child only, so what the shell had still to do is not done after a restart
 * (I8; TRAPS, Process 16).  Nobody can tell whether there is anything: said
 * once for a node, not for each rank.
 */

static bool has_wrapper(const struct rank *r)
{
	return r->base.pid && r->process.pid;
}

void wrappers_name(struct agent *agent)
{
	const struct rank *first = NULL;
	unsigned int others = 0;
	char name[COMM_SIZE], more[40] = "";

	if (agent->wrappers_named)
		return;
	for (const struct rank *r = agent->ranks; r; r = r->next) {
		if (!has_wrapper(r))
			continue;
		others += first != NULL;
		if (!first || r->world_rank < first->world_rank)
			first = r;
	}
	if (!first)
		return;
	agent->wrappers_named = true;
	comm_read(first->base.pid, name);
	if (others)
		fmt_print(more, sizeof(more), " (and %u more on this node)",
			  others);
	log_warn("rank %u%s was started by \"%s\", which is not part of a "
		 "checkpoint: what it does after the program is not done after "
		 "a restart; do that after cairnrun, or let it exec the "
		 "program as its last command",
		 first->world_rank, more, name);
}
