/* SPDX-License-Identifier: BSD-3-Clause */
/* error.h - MPI errors: whose handler hears of them */
#ifndef CAIRN_MPI_ERROR_H
#define CAIRN_MPI_ERROR_H

#include "mpi_wrappers/comm.h"

/*
 * All communicators and windows of the real library have MPI_ERRORS_RETURN.  A wrapper that
 * fails hands the code to one of these, which act as the communicator's virtual
 * error handler says: give the code back, call the program's function, or end
 * the job as the real library does.  code may be a code of the real library or
 * an error class.  A communicator that never got a handler follows
 * MPI_COMM_WORLD.  function is the api.tbl number.  All give the code that the
 * wrapper returns (MPI_SUCCESS comes back as it is).
 */
int error_raise(struct vcomm *comm, int code, int function);
/* by the program's handle; a bad one means MPI_COMM_WORLD's handler */
int error_comm(MPI_Comm comm, int code, int function);
int error_world(int code, int function);
/* The same for windows.  (Sessions have real error handlers.) */
int error_win(MPI_Win win, int code, int function);

/* error_die - MPI_ERRORS_ARE_FATAL, or MPI_ERRORS_ABORT. */
void error_die(const struct vcomm *comm, MPI_Errhandler handler, int code);
/* Files: file.h. */

/* error_flush - write the program's standard streams: it is about to be ended.
 * In the upper half, not in a handler. */
void error_flush(void);

#endif
