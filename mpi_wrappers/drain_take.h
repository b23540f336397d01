/* SPDX-License-Identifier: BSD-3-Clause */
/* drain_take.h - taking what the real library holds out of it */
#ifndef CAIRN_MPI_DRAIN_TAKE_H
#define CAIRN_MPI_DRAIN_TAKE_H

#include "mpi_wrappers/match.h"
#include "mpi_wrappers/request.h"

/* A snapshot of what an epoch must look at: the program is parked, so neither
 * list changes meanwhile. */
struct drain_view {
	struct vcomm **comms;
	uint32_t ncomms;
	struct vrequest **requests; /* active ones, by order of posting */
	uint32_t nrequests;
};

int drain_view_init(struct drain_view *view);
void drain_view_fini(struct drain_view *view);

/* drain_take - receive, into the queue, whatever matches on this communicator
 * while all that is drained is not more than `most` bytes.  Gives the number of
 * messages; -ENOBUFS or -ENOMEM when the next one must stay in the real
 * library; -EIO. */
#define DRAIN_ALL UINT64_MAX
int drain_take(struct vcomm *comm, int source, int tag, uint64_t most);
/* drain_arrived - how many entries (and matched messages) still lack bytes. */
int drain_missing_bytes(void);
/* drain_test - test every active request once; gives how many are still pending
 * that must be complete at QUIET (all but receives, and barriers that may be
 * stepped out of). */
uint32_t drain_test(struct drain_view *view);
/* drain_cancelling - is a send under way that the program has cancelled? */
bool drain_cancelling(const struct drain_view *view);
/* drain_messages - begin to receive what the program has matched only. */
int drain_messages(void);

#endif
