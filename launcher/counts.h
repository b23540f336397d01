/* SPDX-License-Identifier: BSD-3-Clause */
/* counts.h - how far each communicator's members have come, reduced over nodes
 */
#ifndef CAIRN_LAUNCHER_COUNTS_H
#define CAIRN_LAUNCHER_COUNTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/err.h"

/*
 * What the agents' `counts` messages (runtime/agent/protocol.md) add up to, and
 * the targets that follow.  Memory is linear in the entries of all messages,
 * and so are all targets together: an agent is told of the groups that its own
 * ranks listed, and of those that some member has not listed yet, whose agent
 * cannot be known.
 */
struct counts;

struct counts *counts_create(size_t nagents); /* NULL: no memory */
void counts_destroy(struct counts *c);	      /* NULL allowed */

/* counts_add - an agent's list, once for each agent.  -EPROTO if it is
 * malformed, -ENOMEM. */
int counts_add(struct counts *c, size_t agent, const json_t *list) must_check;
bool counts_all(const struct counts *c); /* have all agents been added? */
/* counts_targets - [[gid, target], ...] for this agent; NULL: no memory.  When
 * all have been added. */
json_t *counts_targets(const struct counts *c, size_t agent);

#endif
