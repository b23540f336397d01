/* SPDX-License-Identifier: BSD-3-Clause */
/* private.h - Cairn's own messages between ranks, on comm_private */
#ifndef CAIRN_MPI_PRIVATE_H
#define CAIRN_MPI_PRIVATE_H

#include <mpi.h>
#include <stdbool.h>
#include <stdint.h>

struct thread_ctx;
struct vrequest;

/* Tags of the messages on comm_private. */
enum private_tag {
	PRIVATE_MARKER = 1, /* struct marker + sync entries; drain.c */
	PRIVATE_ACK,	    /* uint64_t: this synchronous send is matched */
	PRIVATE_ASK,	    /* struct private_ask: drain this for me */
	PRIVATE_FULL,	    /* uint32_t epoch: no room for what you asked */
};

struct private_ask {
	uint64_t gid;
	uint32_t epoch;
	int32_t source; /* the asker's rank in the communicator */
	int32_t tag;
	uint32_t unused;
};

/* private_send - copies data.  By Issend: it counts as under way until the
 * receiver has it.  0 or -Exxx. */
int private_send(int to, enum private_tag tag, const void *data, uint32_t len);
/* private_sending - how many are under way; tests them. */
uint32_t private_sending(void);
/* private_used - has this rank ever sent one? */
bool private_used(void);

/* private_service - receive whatever has come on comm_private, and act on it.
 * Gives how many; false in *idle while one of them is only half here. */
int private_service(struct thread_ctx *ctx);
bool private_idle(void);

/* private_forget - after a restart nothing is under way. */
void private_forget(void);

/* drain_ask - ask rq's receiver, once an epoch, to take a standard send off the
 * wire should it hold; false: it must not be drained, or there is no room. */
bool drain_ask(struct vrequest *rq);
/* a marker (drain.c), a question or an answer (drain_held.c) came in */
void drain_marked(int from, const void *data, uint32_t len);
void drain_asked(int from, const struct private_ask *ask);
void drain_full(int from, uint32_t epoch);

#endif
