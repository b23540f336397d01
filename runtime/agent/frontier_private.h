/* SPDX-License-Identifier: BSD-3-Clause */
/* frontier_private.h - what the files of the agent's FRONTIER share */
#ifndef CAIRN_AGENT_FRONTIER_PRIVATE_H
#define CAIRN_AGENT_FRONTIER_PRIVATE_H

#include "runtime/agent/frontier.h"
#include "runtime/agent/gids.h"

/* The rank below a target for whose sake others must go on; a rank is that
 * `serial` times in an epoch. */
struct root {
	int32_t rank; /* -1: nobody */
	json_int_t serial;
};
#define NO_ROOT ((struct root){ -1, 0 })

/* A NEED that stands: `from` cannot go on without `to` (-1: anybody in gid). */
struct need {
	int32_t from, to;
	uint64_t gid;
	struct root root;
};

/* A NEED of a local rank. */
struct spoken {
	uint32_t from;
	int32_t to;
	uint64_t gid;
	struct root root; /* as others were told; nobody: they were not */
	bool withdrawn;	  /* by the rank; nobody else has heard of it */
	bool old;	  /* it was so at the last tick */
};

/* The last time that this rank was a root and is not any more. */
struct settled {
	int32_t rank;
	json_int_t serial;
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
	bool below;	   /* a target, when it last said so */
	bool rooted;	   /* it has said a need as its root `serial` */
	json_int_t serial;
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
	struct spoken *spoken;
	size_t nspoken;
	struct settled *settled;
	size_t nsettled;
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
/* frontier_send_counted - a message that waves count. */
void frontier_send_counted(struct frontier *f, json_t *message);
/* frontier_local - a rank that is here, or NULL. */
struct local *frontier_local(const struct frontier *f, uint32_t rank);
/* frontier_slot_of - the page's slot of this gid, or NULL. */
struct control_slot *frontier_slot_of(struct control_page *page, uint64_t gid);
/* frontier_all_hold - do all ranks that are here? */
bool frontier_all_hold(const struct frontier *f);
/* frontier_hint - tell the coordinator, if that has changed. */
void frontier_hint(struct frontier *f);
/* frontier_pages - write what follows from all that is known. */
void frontier_pages(struct frontier *f);
/* frontier_call - somebody is inside a group call, or it is over; -ENOMEM. */
int frontier_call(struct frontier *f, uint64_t gid, const int32_t *members,
		  size_t n, bool over) must_check;

/* --- frontier_needs.c -------------------------------------------------------
 */

/* needs_owed - how many needs this rank could end. */
uint32_t needs_owed(const struct frontier *f, const struct local *l);
/* needs_came, needs_settled_came - the coordinator's `need` and `settled`;
 * -EPROTO, -ENOMEM. */
int needs_came(struct frontier *f, const json_t *message) must_check;
int needs_settled_came(struct frontier *f, const json_t *message) must_check;
/* needs_evaluate - tell others what this node's ranks need now. */
void needs_evaluate(struct frontier *f);
/* needs_forget - all that this rank has said is void. */
void needs_forget(struct frontier *f, struct local *l);
/* needs_tick - now and then: what was withdrawn ends. */
void needs_tick(struct frontier *f);

#endif
