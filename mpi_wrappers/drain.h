/* SPDX-License-Identifier: BSD-3-Clause */
/* drain.h - messages taken off the wire for a checkpoint (DESIGN 4.3) */
#ifndef CAIRN_MPI_DRAIN_H
#define CAIRN_MPI_DRAIN_H

#include "mpi_wrappers/comm.h"
#include "runtime/base/control.h"
#include "runtime/base/err.h"

/* epoch hooks (process/hooks.h) */
int drain_held_step(struct err *err);
int drain_run(struct control_page *page, struct err *err);
void drain_resume(bool aborted);
/* after a restart, once communicators are rebuilt */
int drain_restart(struct err *err);

/* drain_init - counters for a world of n ranks, at MPI_Init. */
int drain_init(int nranks, struct err *err);

#endif
