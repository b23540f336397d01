/* SPDX-License-Identifier: BSD-3-Clause */
/* epoch.h - one node's side of an epoch: phases, prodding, answers */
#ifndef CAIRN_AGENT_EPOCH_H
#define CAIRN_AGENT_EPOCH_H

#include "runtime/agent/agent.h"

int epoch_create(struct agent *agent, struct epoch **epoch,
		 struct err *err) must_check;
void epoch_destroy(struct epoch *e); /* NULL allowed */

/* From the coordinator. */
void epoch_message(struct epoch *e, const json_t *message);
/* epoch_orphaned - the coordinator is lost: nobody can commit. */
void epoch_orphaned(struct epoch *e);

/* From ranks.  _rank_message takes over what it uses of the descriptors, from
 * the end, and gives how many are left for the caller to close. */
unsigned int epoch_rank_message(struct epoch *e, struct rank *r,
				const struct control_msg *msg, int *fds,
				unsigned int nfds) must_check;
void epoch_rank_came(struct epoch *e, struct rank *r);
void epoch_rank_ready(struct epoch *e, struct rank *r);
void epoch_rank_left(struct epoch *e, struct rank *r);

#endif
