/* SPDX-License-Identifier: BSD-3-Clause */
/* agree.h - what only some ranks still have, agreed on before a rebuild */
#ifndef CAIRN_MPI_AGREE_H
#define CAIRN_MPI_AGREE_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/err.h"

struct vcomm;
struct vrequest;

/*
 * Two kinds of object outlive their communicator's or their own end on some
 * members only (TRAPS, MPI 7):
 *  - a communicator that all have freed, but that a rank still has a pending
 *    receive or a persistent request on: all its members must make it again,
 *    those too that know nothing of it any more;
 *  - a persistent collective that some members have freed: no member may make
 *    it, since nobody can start it, and its tag must not be counted by some.
 * All ranks say what they have, over Cairn's own communicator.  Usually that is
 * one Allgather of zeros.
 */

/* agree_freed - collective over all ranks: fn for each freed communicator that
 * some member needs and this rank is one of, in any order.  c is this rank's
 * record, or one made for this call that holds id and members only; fn keeps
 * its own list.  agree_freed_drop - free those made. */
int agree_freed(int (*fn)(void *comm, void *arg), void *arg, struct err *err);
void agree_freed_drop(void);

/* agree_persistent - collective over all ranks: what the others have of
 * persistent collectives.  agree_is_shared - do all members have this one? */
int agree_persistent(void);
bool agree_is_shared(const struct vrequest *rq);
void agree_persistent_drop(void);

#endif
