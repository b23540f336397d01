/* SPDX-License-Identifier: BSD-3-Clause */
/* gid.h - ids of communicators that all members derive without communication */
#ifndef CAIRN_MPI_GID_H
#define CAIRN_MPI_GID_H

#include <stdint.h>

#define GID_WORLD 1
#define GID_INIT  2 /* MPI_Init, counted before there is a world */
#define GID_PARTS 3 /* partitioned.c's */

/* gid_self - of MPI_COMM_SELF of this world rank. */
uint64_t gid_self(int world_rank);
/* gid_collective - of what collective number `count` of the parent made; leader
 * is the smallest world rank that leads one of its groups. */
uint64_t gid_collective(uint64_t parent, uint64_t count, int leader);
/* gid_group - a key of a list of world ranks. */
uint64_t gid_group(const int *world, int n);
/* gid_call - of a call that is collective over less than a counted
 * communicator; kind: the function's number, a and b: whatever names the group.
 */
uint64_t gid_call(int kind, uint64_t a, uint64_t b, int tag, uint64_t ordinal);
/* gid_ordinal - how often this was asked for this key before: 0, 1, ... All
 * members of a group make the same calls in the same order. */
uint64_t gid_ordinal(uint64_t key);

#endif
