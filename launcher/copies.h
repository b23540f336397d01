/* SPDX-License-Identifier: BSD-3-Clause */
/* copies.h - images go from one node's buffer to another's */
#ifndef CAIRN_LAUNCHER_COPIES_H
#define CAIRN_LAUNCHER_COPIES_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "launcher/loop.h"

struct copying;
struct session;

/*
 * Brings two agents together, for a partner's copy of an epoch that is being
 * written, or for an image that a restart needs elsewhere.  copies.md is the
 * design.
 *
 * Embedded in the session, zeroed; copies_init before its use.
 */
struct copies {
	struct session *session;
	struct copying *list;
	uint64_t next_id;
	json_t *manifest; /* of the epoch that is restarted; NULL: not read */
	struct timer timer;
	int alone; /* that there is no partner was said */
};

void copies_init(struct copies *c, struct session *s);
void copies_fini(struct copies *c);

/* copies_message - `copy`, `fetch`, `taking` or `moved` of an agent; false: it
 * is none of these. */
int copies_message(struct copies *c, size_t agent, const char *type,
		   const json_t *message);
/* copies_look - an agent or a restorer has come: what waits may go on. */
void copies_look(struct copies *c);
/* copies_lost - an agent is gone, or does not answer. */
void copies_lost(struct copies *c, size_t agent);
/* copies_ended - no copies for this epoch any more. */
void copies_ended(struct copies *c, uint32_t epoch);

#endif
