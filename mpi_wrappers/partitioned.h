/* SPDX-License-Identifier: BSD-3-Clause */
/* partitioned.h - partitioned communication, by messages of our own */
#ifndef CAIRN_MPI_PARTITIONED_H
#define CAIRN_MPI_PARTITIONED_H

#include "runtime/base/err.h"

/* part_init - the communicator that its messages travel on; at MPI_Init, when
 * the world has its record.  part_fini - the way back, at MPI_Finalize. */
int part_init(struct err *err);
void part_fini(void);

#endif
