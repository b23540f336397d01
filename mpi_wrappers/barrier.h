/* SPDX-License-Identifier: BSD-3-Clause */
/* barrier.h - a barrier that a checkpoint may step out of */
#ifndef CAIRN_MPI_BARRIER_H
#define CAIRN_MPI_BARRIER_H

#include "mpi_wrappers/comm.h"

struct thread_ctx;

/* barrier_enter - count a collective on c and wait for all members: MPI_SUCCESS
 * or the real library's error.  May park, and come back after a restart. */
int barrier_enter(struct thread_ctx *ctx, struct vcomm *c, int function);

#endif
