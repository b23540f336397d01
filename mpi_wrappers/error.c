/* SPDX-License-Identifier: BSD-3-Clause */
/* error.c - MPI errors: whose handler hears of them */
#include "mpi_wrappers/api.h"

#include <stdio.h>

#include "mpi_wrappers/win.h"

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
enum cxx_kind { CXX_COMM = 0, CXX_WIN = 2 };

/* Gives what the wrapper returns: a C handler may change the code; C++'s
 * bindings would take anything but success for an error that nobody has heard
 * of yet. */
static int call_program(struct verrhandler *handler, enum cxx_kind kind,
			int object, int code)
{
	bool cxx = handler->cxx;
	int told = code;

	object_ref(handler);
	if (handler->cxx)
		process_callback(handler->cxx, kind, (long)&object,
				 (long)&told, (long)handler->fn, 0);
	else
		process_callback((void *)handler->fn, (long)&object,
				 (long)&told, 0, 0, 0);
	object_put(handler);
	return cxx ? MPI_SUCCESS : told;
}

int error_raise(struct vcomm *comm, int code, int function)
{
	struct verrhandler *handler;
	int id;

	(void)function;
	if (!code)
		return 0;
	/* As in MPICH: one that never got a handler has MPI_COMM_WORLD's, also
	 * if that changes later. */
	if (!comm->errhandler && comm_world)
		comm = comm_world;
	handler = comm->errhandler;
	id = handler ? handler->obj.handle : MPI_ERRORS_ARE_FATAL;
	if (id == MPI_ERRORS_ARE_FATAL || id == MPI_ERRORS_ABORT)
		error_die(comm, id, code);
	else if (handler->fn)
		return call_program(handler, CXX_COMM, comm->obj.handle,
				    code);
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

int win_raise(struct vwin *w, int code)
{
	struct verrhandler *handler = w->errhandler;
	int id = handler ? handler->obj.handle : MPI_ERRORS_ARE_FATAL;

	if (id == MPI_ERRORS_ARE_FATAL || id == MPI_ERRORS_ABORT) {
		error_flush();
		REAL(Win_set_errhandler, w->obj.real.id, id);
		REAL(Win_call_errhandler, w->obj.real.id, code);
	} else if (handler->fn) {
		return call_program(handler, CXX_WIN, w->obj.handle, code);
	}
	return code;
}

int error_win(MPI_Win win, int code, int function)
{
	struct vwin *w = win_get(win);

	if (!code)
		return MPI_SUCCESS;
	/* As in MPICH: one that never got a handler has MPI_COMM_WORLD's. */
	return w && w->errhandler ? win_raise(w, code) :
				    error_world(code, function);
}
