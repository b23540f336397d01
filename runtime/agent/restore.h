/* SPDX-License-Identifier: BSD-3-Clause */
/* restore.h - fill the memory of ranks that are restarted */
#ifndef CAIRN_AGENT_RESTORE_H
#define CAIRN_AGENT_RESTORE_H

#include "runtime/agent/agent.h"

struct restore;

/* restore_open - read the manifest of agent->restore_epoch and check that this
 * node can run it. */
int restore_open(struct agent *agent, struct restore **restore,
		 struct err *err) must_check;
void restore_close(struct restore *rs); /* NULL allowed */

/* CONTROL_RESTORE: send the rank's sheet, or deny. */
void restore_rank(struct agent *agent, struct rank *r);
/* CONTROL_OBJECT: a descriptor of shared memory, or deny. */
void restore_object(struct agent *agent, struct rank *r,
		    const struct control_msg *asked);
/* CONTROL_MAPPED: fill the memory behind mem_fd (taken over), then GO. */
void restore_fill(struct agent *agent, struct rank *r, int mem_fd);
/* restore_fetched - an image that was asked for from other nodes is here, or is
 * not to be had. */
void restore_fetched(struct agent *agent, const json_t *message);
/* restore_back - every rank of the job is there. */
void restore_back(struct agent *agent);

#endif
