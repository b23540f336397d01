/* SPDX-License-Identifier: BSD-3-Clause */
/* file_error.c - errors of files, and whose handler hears of them */
#include "mpi_wrappers/api.h"
#include "mpi_wrappers/file.h"

/*
 * All real files have MPI_ERRORS_RETURN, MPI_FILE_NULL too, whose handler is
 * the one that new files begin with.  Handlers of the program see its handles.
 */
struct verrhandler *file_errhandler;

/* C++'s bindings say which kind of object it is. */
#define CXX_FILE 1

/* As call_program() of error.c. */
static int call_program(struct verrhandler *handler, MPI_File fh, int code)
{
	bool cxx = handler->cxx;
	int told = code;

	object_ref(handler);
	if (cxx)
		process_callback(handler->cxx, CXX_FILE, (long)&fh, (long)&told,
				 (long)handler->fn, 0);
	else
		process_callback((void *)handler->fn, (long)&fh, (long)&told, 0,
				 0, 0);
	object_put(handler);
	return cxx ? MPI_SUCCESS : told;
}

static int raise(struct verrhandler *handler, const struct vcomm *comm,
		 MPI_File fh, int code)
{
	int id = handler ? handler->obj.handle : MPI_ERRORS_RETURN;

	if (!code)
		return MPI_SUCCESS;
	if ((id == MPI_ERRORS_ARE_FATAL || id == MPI_ERRORS_ABORT) &&
	    (comm || comm_world))
		error_die(comm ? comm : comm_world, id, code);
	else if (handler && handler->fn)
		return call_program(handler, fh, code);
	return code;
}

int error_of_file(const struct vfile *f, int code)
{
	return raise(f->errhandler, f->comm, file_handle(f), code);
}

int error_file(MPI_File fh, int code, int function)
{
	const struct vfile *f = file_get(fh);

	(void)function;
	return f ? error_of_file(f, code) :
		   raise(file_errhandler, NULL, MPI_FILE_NULL, code);
}

/* --- the program's calls
 * ------------------------------------------------------------- */

/* Where the handler of a file is kept; NULL: there is no such file. */
static struct verrhandler **handler_of(MPI_File fh)
{
	struct vfile *f = file_get(fh);

	if (f)
		return &f->errhandler;
	return fh == MPI_FILE_NULL ? &file_errhandler : NULL;
}

int PMPI_File_set_errhandler(MPI_File file, MPI_Errhandler errhandler)
{
	struct thread_ctx *ctx = ctx_enter();
	struct verrhandler **at = handler_of(file);
	struct verrhandler *handler = errhandler_get(errhandler);
	int ret = MPI_SUCCESS;

	if (!at) {
		ret = MPI_ERR_FILE;
	} else if (!handler || (handler->fn && handler->on != V_FILE)) {
		ret = MPI_ERR_ARG;
	} else {
		object_ref(handler);
		object_put(*at);
		*at = handler;
	}
	/* as in MPICH: not ROMIO's, nobody's file */
	ret = error_world(ret, FN_MPI_File_set_errhandler);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_File_set_errhandler);

int PMPI_File_get_errhandler(MPI_File file, MPI_Errhandler *errhandler)
{
	struct thread_ctx *ctx = ctx_enter();
	struct verrhandler *const *at = handler_of(file);
	int ret = MPI_SUCCESS;

	if (!at) {
		ret = MPI_ERR_FILE;
	} else if (!errhandler) {
		ret = MPI_ERR_ARG;
	} else if (*at) {
		object_ref(*at);
		*errhandler = (*at)->obj.handle;
	} else {
		*errhandler = MPI_ERRORS_RETURN;
	}
	ret = error_world(ret, FN_MPI_File_get_errhandler);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_File_get_errhandler);

int PMPI_File_call_errhandler(MPI_File fh, int errorcode)
{
	struct thread_ctx *ctx = ctx_enter();
	int ret = MPI_SUCCESS;

	if (handler_of(fh))
		error_file(fh, errorcode, FN_MPI_File_call_errhandler);
	else
		ret = error_file(MPI_FILE_NULL, MPI_ERR_FILE,
				 FN_MPI_File_call_errhandler);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_File_call_errhandler);
