/* SPDX-License-Identifier: BSD-3-Clause */
/* frontier.h - the coordinator's part in not cutting collectives */
#ifndef CAIRN_LAUNCHER_FRONTIER_H
#define CAIRN_LAUNCHER_FRONTIER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/err.h"

/*
 * One object for each epoch's FRONTIER phase (DESIGN 4.2): it computes the
 * targets from the counts that agents reduced, routes RAISE and NEED, and
 * decides by waves when all ranks hold and no control message is under way.
 * It is fed messages and time, and answers with events; it knows neither
 * sockets nor processes, so that it can be tested with invented agents.
 *
 * The caller (coordinator.c) owns everything around it: who is connected, the
 * --quiesce-timeout, aborts, stall slices and the phases that follow.
 */
struct frontier;

enum frontier_event {
	FRONTIER_GOING,	 /* nothing for the caller to do */
	FRONTIER_MOVED,	 /* progress was made: restart the stall clock */
	FRONTIER_STANDS, /* all hold and nothing is under way: DRAIN may begin
			  */
	FRONTIER_FAILED, /* this epoch cannot be: abort, err says why */
};

struct frontier_ops {
	/* Queue a message for one agent, 0 <= agent < nagents.  Steals the
	 * reference.  Never calls back into the frontier. */
	void (*send)(void *arg, size_t agent, json_t *message);
	void (*send_all)(void *arg, json_t *message); /* for all agents */
	/* The agent that a world rank lives on, or -1 (exited, unknown). */
	int (*agent_of)(void *arg, int rank);
};

/*
 * frontier_create - begin: sends `frontier` to every agent
 *
 * nagents is fixed for the epoch (an agent that is lost aborts it).  capture is
 * "cow" or "stop".  NULL without memory.
 */
struct frontier *frontier_create(const struct frontier_ops *ops, void *arg,
				 uint32_t epoch, size_t nagents,
				 const char *capture);
/*
 * frontier_message - a message from an agent: counts, raise, need, wave, held,
 * or rank (a rank that finished or exited meanwhile)
 *
 * Messages of other epochs or types are ignored (GOING).  Malformed ones are
 * FAILED with a sentence that names the agent's number.
 */
enum frontier_event frontier_message(struct frontier *f, size_t agent,
				     const json_t *message, struct err *err);
/*
 * frontier_slice - all holds are released for a while (on), then tried again
 *
 * Sends `phase` `slice` with "on" to the agents.  While on, no wave begins and
 * the frontier never STANDS; answers to older waves do not count.
 */
void frontier_slice(struct frontier *f, bool on);
/* frontier_held - how many agents hold, for the progress line. */
size_t frontier_held(const struct frontier *f);
void frontier_destroy(struct frontier *f); /* NULL allowed */

#endif
