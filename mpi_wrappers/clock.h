/* SPDX-License-Identifier: BSD-3-Clause */
/* clock.h - MPI_Wtime over a restart */
#ifndef CAIRN_MPI_CLOCK_H
#define CAIRN_MPI_CLOCK_H

/* clock_describe - before a capture: remember the program's time.
 * clock_rebuild - after a restart: go on from it, at least. */
void clock_describe(void);
void clock_rebuild(void);

#endif
