/* SPDX-License-Identifier: BSD-3-Clause */
/* peers.h - how many messages went to and came from each rank */
#ifndef CAIRN_MPI_PEERS_H
#define CAIRN_MPI_PEERS_H

#include <stdint.h>

#include "mpi_wrappers/request.h"

/*
 * Cumulative since MPI_Init, never reset: an epoch that is aborted must not
 * shift them (TRAPS MPI 8).  The program's own messages only, by world rank;
 * collectives and Cairn's messages are not among them.  marked and expected
 * belong to the drain: what the last marker to, and from, this peer said.
 */
struct peer {
	uint64_t sent, received;
	uint64_t acks_sent, acks_received; /* of synchronous sends (sync.c) */
	uint64_t marked, acks_marked;
	uint64_t expected, acks_expected;
	uint32_t expected_round; /* of the marker that said so */
	uint32_t full; /* the epoch in which it had no room for what this rank
			  sends (drain_held.c) */
};

extern struct peer *peers;
extern int npeers; /* size of the job's world */

static inline void peer_count(uint64_t *count)
{
	if (request_threaded)
		__atomic_fetch_add(count, 1, __ATOMIC_RELAXED);
	else
		++*count;
}

/* A world rank may lie outside (dynamic processes): nothing is counted then,
 * and such a communicator refuses checkpoints. */
static inline void peer_sent(int world)
{
	if (__builtin_expect((unsigned int)world < (unsigned int)npeers, 1))
		peer_count(&peers[world].sent);
}

static inline void peer_received(int world)
{
	if (__builtin_expect((unsigned int)world < (unsigned int)npeers, 1))
		peer_count(&peers[world].received);
}

#endif
