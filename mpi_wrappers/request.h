/* SPDX-License-Identifier: BSD-3-Clause */
/* request.h - requests: what must be known to finish or repeat an operation */
#ifndef CAIRN_MPI_REQUEST_H
#define CAIRN_MPI_REQUEST_H

#include "mpi_wrappers/comm.h"

struct thread_ctx;

/* request_collective - a virtual request for a non-blocking collective that was
 * just entered (real handle given); keeps what it references alive.  Used by
 * generated wrappers.  Gives the handle for the program. */
MPI_Request request_collective(struct vcomm *comm, struct real_handle real,
			       int function);
/* request_opaque - a virtual request of a kind that cannot be restored yet
 * (RMA, file, partitioned, generalized): its existence refuses a checkpoint. */
MPI_Request request_opaque(struct real_handle real, int function);
/* request_real - the real request behind a handle of the program, for functions
 * that act on opaque ones; the null or an invalid handle as the real library
 * must see it. */
struct real_handle request_real(MPI_Request handle);

/* Called by init.c / the epoch hooks (rebuild.c). */
int request_rebuild(void); /* after a restart: post receives again in order */

#endif
