/* SPDX-License-Identifier: BSD-3-Clause */
/* keeper.h - a child that hangs from no process of the batch script */
#ifndef CAIRN_LAUNCHER_KEEPER_H
#define CAIRN_LAUNCHER_KEEPER_H

#include <sys/types.h>

/*
 * Slurm ends a batch job by TERM to all processes that descend from its script
 * (proctrack/linuxproc).  mpiexec hands its TERM on to the ranks, srun kills its
 * step: no time would be left for a checkpoint.  So, in a batch job, between cairnrun and the
 * starter stands a keeper whose own parent has ended: whoever goes down the
 * tree finds neither.  It does what cairnrun would: it waits for the starter,
 * and ends it when cairnrun has ended, however; and an srun that mpiexec has
 * left behind.
 */

/*
 * keeper_fork - like fork(), with a keeper between
 *
 * 0 in the new process; else its number, and in *status_fd where its wait
 * status (an int) will come; negative: -Exxx.  The fd ends without one if the
 * keeper was killed.
 */
pid_t keeper_fork(int *status_fd);

#endif
