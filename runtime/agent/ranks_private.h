/* SPDX-License-Identifier: BSD-3-Clause */
/* ranks_private.h - what the files of the local ranks share */
#ifndef CAIRN_AGENT_RANKS_PRIVATE_H
#define CAIRN_AGENT_RANKS_PRIVATE_H

#include "runtime/agent/agent.h"

/* --- message.c: one datagram ------------------------------------------------
 */

#define FDS_MAX 8

/* What one datagram brought. */
struct delivery {
	struct control_msg msg;
	pid_t pid;
	int fds[FDS_MAX];
	unsigned int nfds;
};

/* delivery_receive - without waiting.  0; -EAGAIN: nothing there; -ECONNRESET:
 * ended; -EPROTO: garbage. */
int delivery_receive(int fd, struct delivery *d) must_check;
/* delivery_close - the descriptors that nobody took over. */
void delivery_close(struct delivery *d);

/* --- ranks.c: a rank from its greeting to its end ---------------------------
 */

/* rank_make - for a good greeting: control page, pidfd, frontier.  NULL: no
 * memory or descriptors.  It has no connection yet. */
struct rank *rank_make(struct agent *agent, const struct delivery *d);
/* rank_connect - fd, which the rank owns from here, is its connection: send the
 * welcome.  -ECONNRESET: that failed, and fd is closed. */
int rank_connect(struct rank *r, int fd) must_check;
/* rank_place_is_free - an older process with this number makes room if it has
 * ended. */
bool rank_place_is_free(struct agent *agent, uint32_t world_rank);
/* ranks_free - all of them. */
void ranks_free(struct agent *agent);

#endif
