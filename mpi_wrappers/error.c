/* SPDX-License-Identifier: BSD-3-Clause */
/* error.c - MPI errors: whose handler hears of them */
#include "mpi_wrappers/api.h"

#include <stdio.h>

/* The real library flushes what it takes for the program's buffers before the
 * process manager hears of the abort, and kills us: they are the lower half's.
 */
void error_flush(void)
{
	fflush(stdout);
	fflush(stderr);
}

/* As the real library does it: it prints its message and ends the job. */
void error_die(const struct vcomm *comm, MPI_Errhandler handler, int code)
{
	/* One that was freed may not have come back after a restart. */
	int real = comm->obj.real.id ? comm->obj.real.id : MPI_COMM_WORLD;

	error_flush();
	REAL(Comm_set_errhandler, real, handler);
	REAL(Comm_call_errhandler, real, code);
}

/* C++'s bindings take the kind of object, the handle, the code, the function. */
#define CXX_COMM 0

/* Gives what the wrapper returns: a C handler may change the code; C++'s
 * bindings would take anything but success for an error that nobody has heard
 * of yet. */
static int call_program(struct verrhandler *handler, MPI_Comm comm, int code)
{
	bool cxx = handler->cxx;
	int told = code;

	object_ref(handler);
	if (handler->cxx)
		process_callback(handler->cxx, CXX_COMM, (long)&comm,
				 (long)&told, (long)handler->fn, 0);
	else
		process_callback((void *)handler->fn, (long)&comm, (long)&told,
				 0, 0, 0);
	object_put(handler);
	return cxx ? MPI_SUCCESS : told;
}

int error_raise(struct vcomm *comm, int code, int function)
{
	struct verrhandler *handler = comm->errhandler;
	int id = handler ? handler->obj.handle : MPI_ERRORS_ARE_FATAL;

	(void)function;
	if (!code)
		return 0;
	if (id == MPI_ERRORS_ARE_FATAL || id == MPI_ERRORS_ABORT)
		error_die(comm, id, code);
	else if (handler->fn)
		return call_program(handler, comm->obj.handle, code);
	return code;
}

int error_world(int code, int function)
{
	/* Outside of Init and Finalize the real library has done it all. */
	return comm_world ? error_raise(comm_world, code, function) : code;
}

int error_comm(MPI_Comm comm, int code, int function)
{
	struct vcomm *c = comm_get(comm);

	return c ? error_raise(c, code, function) : error_world(code, function);
}

int error_win(MPI_Win win, int code, int function)
{
	return handle_get(V_WIN, win) ? code : error_world(code, function);
}
