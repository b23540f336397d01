/* SPDX-License-Identifier: BSD-3-Clause */
/* mprobe.h - messages that the program has taken out but not received */
#ifndef CAIRN_MPI_MPROBE_H
#define CAIRN_MPI_MPROBE_H

#include "mpi_wrappers/match.h"

/* What an MPI_Message of the program stands for: a message of the real library
 * (obj.real), or one that was drained. */
struct vmessage {
	struct vobject obj;
	struct vcomm *comm; /* referenced */
	MPI_Status status;
	struct drained *drained;
};

/* message_drain - for each message that is still the real library's: begin to
 * receive it into memory of ours.  fn makes that of a real message. */
int message_drain(struct drained *(*fn)(struct vcomm *comm, int real,
					const MPI_Status *status));
/* message_pending - the first one whose bytes are not here yet; NULL: none. */
struct drained *message_pending(void);

#endif
