/* SPDX-License-Identifier: BSD-3-Clause */
/* sync.h - synchronous sends that a checkpoint takes off the wire */
#ifndef CAIRN_MPI_SYNC_H
#define CAIRN_MPI_SYNC_H

#include "mpi_wrappers/private.h"
#include "mpi_wrappers/request.h"

/*
 * DESIGN (drain.md has the whole protocol)
 *
 * A synchronous send is complete when its receiver has matched it (TRAPS MPI
 * 1).  While one is outstanding its sender counts how many messages it posted
 * behind it to the same (communicator, peer, tag).  In DRAIN the marker tells
 * the receiver; by then every message is either matched or in its queue, so
 * the message is the one that has just so many behind it there, or it was
 * matched already.  Whoever matches it later sends an acknowledgement.
 */

/* How many are outstanding: the one word that the send path tests. */
extern uint32_t sync_outstanding;

/* sync_begin - rq is about to be posted: outstanding from now on.
 * sync_end - it is complete. */
void sync_begin(struct vrequest *rq);
void sync_end(struct vrequest *rq);

/* sync_note - a message is posted: it lies behind those that are outstanding.
 * sync_unnote - it was cancelled again. */
void sync_note(const struct vcomm *comm, int peer, int tag);
void sync_unnote(const struct vrequest *rq);

/* sync_before - does a message of this key lie behind an outstanding one? */
bool sync_before(const struct vcomm *comm, int peer, int tag);

/* sync_poll - receive acknowledgements that have come. */
void sync_poll(struct thread_ctx *ctx);

/* sync_acknowledge - tell world rank `to` that its message `id` is matched.
 * sync_acknowledged - such a message came in. */
void sync_acknowledge(int to, uint64_t id);
void sync_acknowledged(uint64_t id);

/* sync_drained - in DRAIN the real request is complete: matched, or off the
 * wire. sync_complete - the program's request is. */
void sync_drained(struct vrequest *rq, const MPI_Status *status, int error);
void sync_complete(struct vrequest *rq);

/* sync_settle - DRAIN is over.  confirmed: the receivers have marked what they
 * hold, so what is still awaited will be acknowledged.  Not: the epoch was
 * aborted before that; nobody would ever tell, so what the real library calls
 * complete is complete. */
void sync_settle(bool confirmed);

/* In a marker: one outstanding synchronous send. */
struct sync_entry {
	uint64_t gid; /* of the communicator */
	uint64_t id;
	int32_t source; /* the sender's rank in it */
	int32_t tag;
	uint32_t later;
	uint32_t unused;
};
/* sync_list - those to world rank `to`; gives their number, entries only up to
 * max. */
uint32_t sync_list(int to, struct sync_entry *entries, uint32_t max);
/* sync_resolve - the receiver's side, when all counts are met: marks the
 * message in the queue; false if it was matched already. */
bool sync_resolve(const struct sync_entry *entry);

#endif
