/* SPDX-License-Identifier: BSD-3-Clause */
/* private.h - Cairn's own messages between ranks, on comm_private */
#ifndef CAIRN_MPI_PRIVATE_H
#define CAIRN_MPI_PRIVATE_H

#include <mpi.h>
#include <stdbool.h>
#include <stdint.h>

struct thread_ctx;
struct vcomm;
struct vrequest;

/* Tags of the messages on comm_private. */
enum private_tag {
	PRIVATE_MARKER = 1, /* struct marker + sync entries; drain.c */
	PRIVATE_ACK,	    /* uint64_t: this synchronous send is matched */
	PRIVATE_ASK,	    /* struct private_ask: drain this for me */
	PRIVATE_FULL,	    /* uint32_t epoch: no room for what you asked */
	PRIVATE_TAKE_BACK,  /* struct private_ask: drain no more of this */
	PRIVATE_TAKEN_BACK, /* the same: it is so */
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

/* How many keys (communicator, peer, tag) a rank asks for in one epoch, and is
 * asked for. */
#define DRAIN_QUESTIONS 1024
/* drain_ask - ask the receiver of rq, a standard send, once an epoch, to take
 * what it sends off the wire should it hold; false: it must not be drained, or
 * there is no room: rq needs its receiver to go on (drain_ask.c). */
bool drain_ask(const struct vrequest *rq);
/* drain_sync_begin - before a synchronous send is posted: what was asked about
 * its key in this epoch is taken back.  May hold, so the caller looks at real
 * handles afterwards.  drain_sync_end - it is on the list of outstanding ones
 * (sync.h), or failed. */
void drain_sync_begin(struct thread_ctx *ctx, const struct vcomm *comm,
		      int peer, int tag, int function);
void drain_sync_end(void);
/* a marker (drain.c), a question (drain_held.c) or an answer (drain_ask.c) came
 * in */
void drain_marked(int from, const void *data, uint32_t len);
void drain_asked(int from, const struct private_ask *ask);
void drain_take_back(int from, const struct private_ask *ask);
void drain_full(int from, uint32_t epoch);
void drain_taken_back(int from, const struct private_ask *ask);

#endif
