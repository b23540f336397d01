/* SPDX-License-Identifier: BSD-3-Clause */
/* frontier.h - the agent's part in FRONTIER: reduce, write targets, route NEED
 */
#ifndef CAIRN_AGENT_FRONTIER_H
#define CAIRN_AGENT_FRONTIER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/control.h"
#include "runtime/base/err.h"

/*
 * Driven by messages only; knows control pages but neither processes nor
 * sockets, so that it can be tested by itself (mpi_wrappers/frontier.md).
 */
struct frontier;

struct frontier_ops {
	/* A message for the coordinator; the callee takes the reference. */
	void (*send)(void *arg, json_t *message);
	/* This rank's page has changed: bump seq, wake, signal. */
	void (*changed)(void *arg, uint32_t rank);
};

struct frontier *frontier_create(const struct frontier_ops *ops, void *arg);
void frontier_destroy(struct frontier *f); /* NULL allowed */

/* The local ranks, at any time.  A page stays the caller's. -ENOMEM. */
int frontier_join(struct frontier *f, uint32_t rank,
		  struct control_page *page) must_check;
void frontier_leave(struct frontier *f, uint32_t rank);

/* frontier_begin - epoch starts: nothing published, owed, or counted. */
void frontier_begin(struct frontier *f, uint32_t epoch);
/* frontier_end - all that ranks owed each other is void. */
void frontier_end(struct frontier *f);

/* What a rank said; ignored when no epoch is pending. */
void frontier_published(struct frontier *f, uint32_t rank);
/* HELD with the agent.seq that it answers, or UNHELD. */
void frontier_held(struct frontier *f, uint32_t rank, bool held, uint32_t seq);
void frontier_raised(struct frontier *f, uint32_t rank, uint64_t gid,
		     uint64_t count);
/* NEED or (on = false) its withdrawal; below: the rank is below a target. */
void frontier_need(struct frontier *f, uint32_t rank, int32_t to, uint64_t gid,
		   bool on, bool below);
/* All needs of this rank are void. */
void frontier_settled(struct frontier *f, uint32_t rank);
/* CONTROL_SLOT: a slot was made after publication, or a group call is over. */
void frontier_slot(struct frontier *f, uint32_t rank, uint64_t gid,
		   uint64_t number);
/* frontier_tick - now and then: make sure that the pages say what they must. */
void frontier_tick(struct frontier *f);

/*
 * frontier_message - targets, raise, need, group, wave or slice from the
 * coordinator
 *
 * Before a wave the caller has read all that its ranks have sent so far.
 * -EPROTO with a sentence if it is malformed: the epoch cannot go on.
 */
int frontier_message(struct frontier *f, const json_t *message,
		     struct err *err) must_check;
/* What the prodding of ranks depends on. */
bool frontier_has_published(const struct frontier *f, uint32_t rank);
bool frontier_holds(const struct frontier *f, uint32_t rank);

/* gid_encode, gid_decode - 16 hex digits; -EPROTO. */
void gid_encode(uint64_t gid, char text[17]);
int gid_decode(const json_t *json, uint64_t *gid) must_check;

#endif
