/* SPDX-License-Identifier: BSD-3-Clause */
/* frontier_private.h - what the files of the agent's FRONTIER share */
#ifndef CAIRN_AGENT_FRONTIER_PRIVATE_H
#define CAIRN_AGENT_FRONTIER_PRIVATE_H

#include "runtime/agent/frontier.h"
#include "runtime/agent/gids.h"

/* A NEED that stands: `from` cannot go on without `to` (-1: anybody in gid).
 * count: threads of `from` that have said so. */
struct need {
	int32_t from, to;
	uint64_t gid;
	unsigned int count;
};

/* A group call that somebody is inside of.  Its gid names this one call, so
 * once it is over it stays so, in whatever order the messages come. */
struct call {
	uint64_t gid;
	bool over;
	size_t n;
	int32_t *members;
};

/* One rank of this node. */
struct local {
	uint32_t rank;
	struct control_page *page;
	bool published;
	bool held;
	uint32_t held_seq; /* HELD is a promise about this state of the page */
	uint64_t *entered; /* group calls that it has entered this epoch */
	size_t nentered;
};

struct frontier {
	const struct frontier_ops *ops;
	void *arg;
	uint32_t epoch; /* 0: none pending */
	bool counted;	/* counts were sent for the ranks that are here */
	bool targets;	/* they have come */
	bool told_held; /* what the coordinator was told last */
	json_int_t sent, received;
	struct gids gids;
	struct local *locals;
	size_t nlocals;
	struct need *needs;
	size_t nneeds;
	struct call *calls;
	size_t ncalls;
};

/* --- frontier.c -------------------------------------------------------------
 */

/* frontier_reserve - room in *array, which has n elements of `size` bytes, for
 * one more; -ENOMEM. */
int frontier_reserve(void *array, size_t n, size_t size) must_check;
/* frontier_send - to the coordinator; takes the reference, NULL is ignored. */
void frontier_send(struct frontier *f, json_t *message);
/* frontier_all_hold - do all ranks that are here? */
bool frontier_all_hold(const struct frontier *f);
/* frontier_hint - tell the coordinator, if that has changed. */
void frontier_hint(struct frontier *f);
/* frontier_pages - write what follows from all that is known. */
void frontier_pages(struct frontier *f);
/* frontier_call - somebody is inside a group call, or it is over; -ENOMEM. */
int frontier_call(struct frontier *f, uint64_t gid, const int32_t *members,
		  size_t n, bool over) must_check;

#endif
