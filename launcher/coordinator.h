/* SPDX-License-Identifier: BSD-3-Clause */
/* coordinator.h - global epochs: who begins, who waits, what was committed */
#ifndef CAIRN_LAUNCHER_COORDINATOR_H
#define CAIRN_LAUNCHER_COORDINATOR_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/err.h"

/*
 * STATES of an epoch (DESIGN 4); coordinator.md has the whole picture.
 *
 *  IDLE      no epoch.  A request begins one as soon as all ranks are up.
 *  FRONTIER  agents were told; frontier.c decides when all ranks hold.
 *  SLICE     no progress: all holds are released for a while, then FRONTIER.
 *  DRAIN     no collective is cut (I4); agents drain, each says `done drain`.
 *  GIVEN_UP  as DRAIN, but it ends in ABORT.
 *  CAPTURE   nothing is on the wire (I3); each agent says `done capture`.
 *  WRITING   ranks run on; each agent says `done durable`.  Where the job is
 *            to stop (checkpoint-exit) the ranks stay held.
 *  COMMIT    the manifest is written: that rename is the commit (I1).
 *  ABORT     told to the agents; the reason is said once (I7).
 *
 * Knows neither sockets nor files: all that goes through coordinator_ops, so
 * that the tables can be tested with invented agents.
 */
enum epoch_state {
	EPOCH_IDLE,
	EPOCH_FRONTIER,
	EPOCH_SLICE,
	EPOCH_DRAIN,
	EPOCH_GIVEN_UP,
	EPOCH_CAPTURE,
	EPOCH_WRITING,
	EPOCH_COMMIT,
	EPOCH_ABORT,
	EPOCH_STATES,
};

enum coordinator_timer {
	TIMER_INTERVAL, /* --interval */
	TIMER_QUIESCE,	/* --quiesce-timeout */
	TIMER_STALL,	/* no progress in FRONTIER; also the end of a slice, and
			   of GIVEN_UP */
	COORDINATOR_TIMERS,
};

struct timeline;

/* How an attempt to make an epoch ended. */
struct epoch_result {
	uint64_t attempt; /* what coordinator_request gave */
	uint32_t epoch;	  /* 0: it did not even begin */
	bool committed;
	bool stop;   /* the job was to stop after it */
	bool exit;   /* committed, and the job is to stop now */
	bool ending; /* not committed because the program comes to its end */
	const char *reason; /* one sentence when not committed */
	uint64_t bytes, memory_bytes;
	double pause_ms, seconds;
	uint64_t waited; /* ranks that had no room for a twin */
	size_t ranks;
	const struct timeline *timeline; /* until `ended` returns */
};

struct coordinator_ops {
	/* Queue a message for an agent.  Steals the reference. */
	void (*send)(void *arg, size_t agent, json_t *message);
	/* The same for all that are connected: it is encoded once. */
	void (*send_all)(void *arg, json_t *message);
	/* Make the epoch's folder ready. */
	int (*begin)(void *arg, uint32_t epoch, struct err *err);
	/* Write the manifest: the commit. */
	int (*commit)(void *arg, uint32_t epoch, json_t *manifest,
		      struct err *err);
	/* Call coordinator_timer in ms from now; 0: never. */
	void (*timer)(void *arg, enum coordinator_timer timer, int64_t ms);
	void (*ended)(void *arg, const struct epoch_result *result);
	/* State or bytes changed: for progress lines. */
	void (*changed)(void *arg);
};

struct coordinator_options {
	int64_t interval_ms; /* 0: none */
	int64_t quiesce_ms;
	bool capture_stop;
	uint32_t next_epoch; /* >= 1 */
};

struct coordinator;

struct coordinator *coordinator_create(
	const struct coordinator_ops *ops, void *arg,
	const struct coordinator_options *options);
void coordinator_destroy(struct coordinator *c); /* NULL allowed */

/* coordinator_agent - an agent said hello; gives its number. */
size_t coordinator_agent(struct coordinator *c, const char *node);
/* coordinator_lost - an agent's connection ended; gives how many of its ranks
 * had not. */
size_t coordinator_lost(struct coordinator *c, size_t agent);
/* coordinator_mute - a node does not answer (or again does): no epoch begins
 * meanwhile, and the one under way is given up. */
void coordinator_mute(struct coordinator *c, size_t agent, bool mute);
/* coordinator_message - from an agent. */
void coordinator_message(struct coordinator *c, size_t agent,
			 const json_t *message);
/*
 * coordinator_request - a checkpoint is wanted
 *
 * Merged into the epoch under way while its contents are not yet fixed (before
 * CAPTURE), else the next one.  Gives the number of the attempt that will
 * serve it: ops->ended tells it (maybe before this returns).  exit: stop the
 * job after the commit.
 */
uint64_t coordinator_request(struct coordinator *c, bool exit);
/* coordinator_give_up - the epoch under way; false if there is none.  In DRAIN
 * it ends a moment later.
 * coordinator_abort - the same at once, as nobody is there any more. */
bool coordinator_give_up(struct coordinator *c, const char *reason);
bool coordinator_abort(struct coordinator *c, const char *reason);
void coordinator_timer(struct coordinator *c, enum coordinator_timer timer);

/* coordinator_interval - another --interval, from the last begin on, or from
 * now where there was none. */
void coordinator_interval(struct coordinator *c, int64_t ms);

enum epoch_state coordinator_state(const struct coordinator *c);
const char *epoch_state_name(enum epoch_state state);
/* coordinator_node_of - the number of the agent that a rank is at; -1: it is
 * not known, or has ended. */
int coordinator_node_of(const struct coordinator *c, int rank);
/* coordinator_ranks - how many the job has, as far as is known. */
size_t coordinator_ranks(const struct coordinator *c);
/* coordinator_started - are all ranks of the job up? */
bool coordinator_started(const struct coordinator *c);
/* coordinator_is_over - has no rank been seen, or have all of them ended? */
bool coordinator_is_over(const struct coordinator *c);
/* coordinator_status - for `cairn status` and progress lines: an object with
 * state, epoch, ranks, running, bytes, held, agents, ... */
json_t *coordinator_status(const struct coordinator *c);

#endif
