/* SPDX-License-Identifier: BSD-3-Clause */
/* deliver.h - a drained message into the program's buffer */
#ifndef CAIRN_MPI_DELIVER_H
#define CAIRN_MPI_DELIVER_H

#include "mpi_wrappers/match.h"
#include "mpi_wrappers/p2p.h"

/*
 * drained_deliver - receive d into op's buffer, count and type
 *
 * The real library unpacks it: the bytes are sent to this rank itself and
 * received as the program wants, so that truncation, partial elements and
 * every datatype come out as natively.  *status is what the receive's would
 * have been.  Gives the error of the receive and frees d (an acknowledgement
 * goes out if d needs one); when *posted is false the arguments were wrong,
 * nothing was received, and d is still the caller's.
 */
int drained_deliver(struct thread_ctx *ctx, struct drained *d,
		    const struct p2p *op, MPI_Status *status, bool *posted);

/* drained_finish - wait until the bytes of d are here. */
void drained_finish(struct thread_ctx *ctx, struct drained *d);

/* drained_status - what a probe that finds d says. */
void drained_status(const struct drained *d, MPI_Status *status);

#endif
