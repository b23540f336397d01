/* SPDX-License-Identifier: BSD-3-Clause */
/* match.h - the drain queue: messages that a checkpoint took off the wire */
#ifndef CAIRN_MPI_MATCH_H
#define CAIRN_MPI_MATCH_H

#include <mpi.h>
#include <stdbool.h>
#include <stdint.h>

#include "mpi_wrappers/comm.h"

/*
 * One message.  It is in the queue from the moment in which the real library
 * gave it out of its own (TRAPS MPI 8: nothing may overtake it), though its
 * bytes may still be on their way: then real is the receive's request.
 */
struct drained {
	struct drained *next, *prev;
	struct vcomm *comm; /* referenced */
	int source, tag;    /* within comm */
	int real;	    /* MPI_REQUEST_NULL once the bytes are here */
	MPI_Status status;  /* of the probe: source, tag, length */
	void *bytes;
	MPI_Count len;
	uint64_t charge; /* to match_bytes */
	bool sync;	 /* its sender waits for an acknowledgement */
	uint64_t sync_id;
};

/* How many are in the queue: the one word that receives and probes test.  It is
 * 0 but after a checkpoint with messages under way. */
extern _Atomic uint32_t match_count;

static inline bool match_any(void)
{
	return __builtin_expect(atomic_load_explicit(&match_count,
						     memory_order_relaxed) != 0,
				0);
}

/* What all drained messages of this process take, those that the program has
 * matched (MPI_Mprobe) included. */
extern _Atomic uint64_t match_bytes;

/* match_charge - d has memory for a message of len bytes, until drained_free.
 */
void match_charge(struct drained *d, MPI_Count len);

/* match_append - at the end of the queue; taken over. */
void match_append(struct drained *d);
/* match_peek - the first message that a receive or probe with these arguments
 * would get; NULL if there is none.  Stays in the queue. */
struct drained *match_peek(const struct vcomm *comm, int source, int tag);
/* match_take - the same, out of the queue: the caller's. */
struct drained *match_take(const struct vcomm *comm, int source, int tag);
/* match_return - back to where match_take found it: before all others. */
void match_return(struct drained *d);
/* match_from_end - the message of this source and tag (no wildcards) that has
 * `later` others behind it, NULL if there are not so many. */
struct drained *match_from_end(const struct vcomm *comm, int source, int tag,
			       uint32_t later);
/* match_each - in order; fn may not change the queue. */
int match_each(int (*fn)(struct drained *d, void *arg), void *arg);
void drained_free(struct drained *d);

#endif
