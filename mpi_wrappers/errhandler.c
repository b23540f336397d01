/* SPDX-License-Identifier: BSD-3-Clause */
/* errhandler.c - error handlers: virtual for communicators and windows, real for
 * the rest */
#include "mpi_wrappers/api.h"
#include "mpi_wrappers/win.h"

/*
 * Handlers of communicators, windows and files are called by our own wrappers
 * (error.c, file_error.c, sessions.c).  A session's has a real twin all the same,
 * whose function is a thunk that comes back here: the real library says what is
 * wrong with the arguments.
 */

/* The record of a predefined handler, or of one of the program's. */
struct verrhandler *errhandler_get(MPI_Errhandler handle)
{
	struct verrhandler *handler = handle_get(V_ERRHANDLER, handle);

	if (!handler &&
	    (handle == MPI_ERRORS_ARE_FATAL || handle == MPI_ERRORS_RETURN ||
	     handle == MPI_ERRORS_ABORT ||
	     handle == MPIR_ERRORS_THROW_EXCEPTIONS))
		handler = handle_builtin(V_ERRHANDLER, handle,
					 sizeof(*handler));
	return handler;
}

void errhandler_destroy(void *object)
{
	struct verrhandler *handler = object;
	int real = handler->obj.real.id;

	/* The thunk stays: an object of the real library may still have the
	 * handler (its own reference), and call it. */
	if (real)
		REAL(Errhandler_free, &real);
}

/* Called through the thunk by the real library, in the upper half. */
static void errhandler_called(void *handle, int *code)
{
	struct verrhandler *handler = lower_closure();

	if (handler->cxx)
		process_callback(handler->cxx, 0 /* a communicator */,
				 (long)handle, (long)code, (long)handler->fn,
				 0);
	else
		process_callback((void *)handler->fn, (long)handle, (long)code,
				 0, 0, 0);
}

static int real_create(struct verrhandler *handler)
{
	if (handler->on != V_SESSION)
		return 0;
	if (!handler->thunk)
		handler->thunk = lower_callback((void *)errhandler_called,
						handler);
	if (!handler->thunk)
		return MPI_ERR_NO_MEM;
	return REAL(Session_create_errhandler, handler->thunk,
		    &handler->obj.real.id);
}

static int rebuild_one(void *object, void *arg)
{
	struct verrhandler *handler = object;

	handler->obj.real.id = 0;
	if (!real_create(handler))
		return 0;
	return err_set(arg, -1, "an error handler cannot be made again");
}

int errhandler_rebuild(struct err *err)
{
	return handle_each(V_ERRHANDLER, rebuild_one, err);
}

static int create(enum vkind on, void (*fn)(void), MPI_Errhandler *out,
		  int function)
{
	struct thread_ctx *ctx = ctx_enter();
	struct verrhandler *handler;
	int ret = MPI_SUCCESS;

	/* Errors before MPI_Init, and bad arguments, are the real library's. */
	real_start();
	handler = fn && out ? handle_new(V_ERRHANDLER, sizeof(*handler)) : NULL;
	if (handler) {
		handler->on = on;
		handler->fn = fn;
		ret = real_create(handler);
		if (ret)
			object_put(handler);
		else
			*out = handler->obj.handle;
	} else {
		ret = fn && out ? MPI_ERR_NO_MEM : MPI_ERR_ARG;
	}
	if (ret)
		ret = error_world(ret, function);
	ctx_leave(ctx);
	return ret;
}

int PMPI_Comm_create_errhandler(MPI_Comm_errhandler_function *fn,
				MPI_Errhandler *errhandler)
{
	return create(V_COMM, (void (*)(void))fn, errhandler,
		      FN_MPI_Comm_create_errhandler);
}
API_ALIAS(MPI_Comm_create_errhandler);

int PMPI_Errhandler_create(MPI_Comm_errhandler_function *fn,
			   MPI_Errhandler *errhandler)
{
	return create(V_COMM, (void (*)(void))fn, errhandler,
		      FN_MPI_Errhandler_create);
}
API_ALIAS(MPI_Errhandler_create);

int PMPI_Win_create_errhandler(MPI_Win_errhandler_function *fn,
			       MPI_Errhandler *errhandler)
{
	return create(V_WIN, (void (*)(void))fn, errhandler,
		      FN_MPI_Win_create_errhandler);
}
API_ALIAS(MPI_Win_create_errhandler);

int PMPI_File_create_errhandler(MPI_File_errhandler_function *fn,
				MPI_Errhandler *errhandler)
{
	return create(V_FILE, (void (*)(void))fn, errhandler,
		      FN_MPI_File_create_errhandler);
}
API_ALIAS(MPI_File_create_errhandler);

int PMPI_Session_create_errhandler(MPI_Session_errhandler_function *fn,
				   MPI_Errhandler *errhandler)
{
	return create(V_SESSION, (void (*)(void))fn, errhandler,
		      FN_MPI_Session_create_errhandler);
}
API_ALIAS(MPI_Session_create_errhandler);

int PMPI_Errhandler_free(MPI_Errhandler *errhandler)
{
	struct thread_ctx *ctx = ctx_enter();
	struct verrhandler *handler;
	int ret = MPI_SUCCESS;

	handler = errhandler ? handle_get(V_ERRHANDLER, *errhandler) : NULL;
	if (handler) {
		/* The predefined ones come from MPI_Comm_get_errhandler: each
		 * must be freed, and stays. */
		object_put(handler);
		*errhandler = MPI_ERRHANDLER_NULL;
	} else if (errhandler && errhandler_get(*errhandler)) {
		*errhandler = MPI_ERRHANDLER_NULL;
	} else {
		ret = error_world(MPI_ERR_ARG, FN_MPI_Errhandler_free);
	}
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Errhandler_free);

/* --- communicators -----------------------------------------------------------
 */

static int comm_set(MPI_Comm comm, MPI_Errhandler errhandler, int function)
{
	struct thread_ctx *ctx = ctx_enter();
	struct vcomm *c = comm_get(comm);
	struct verrhandler *handler = errhandler_get(errhandler);
	int ret = MPI_SUCCESS;

	if (!c)
		ret = REAL(Comm_set_errhandler, real_comm(comm),
			   MPI_ERRORS_RETURN);
	else if (!handler || (handler->fn && handler->on != V_COMM))
		ret = MPI_ERR_ARG;
	if (ret) { /* MPICH sees a null one before it knows the communicator */
		ret = error_comm(errhandler == MPI_ERRHANDLER_NULL ?
					 MPI_COMM_NULL :
					 comm,
				 ret, function);
	} else if (c) {
		object_ref(handler);
		object_put(c->errhandler);
		c->errhandler = handler;
	}
	ctx_leave(ctx);
	return ret;
}

int PMPI_Comm_set_errhandler(MPI_Comm comm, MPI_Errhandler errhandler)
{
	return comm_set(comm, errhandler, FN_MPI_Comm_set_errhandler);
}
API_ALIAS(MPI_Comm_set_errhandler);

int PMPI_Errhandler_set(MPI_Comm comm, MPI_Errhandler errhandler)
{
	return comm_set(comm, errhandler, FN_MPI_Errhandler_set);
}
API_ALIAS(MPI_Errhandler_set);

static int comm_errhandler(MPI_Comm comm, MPI_Errhandler *errhandler,
			   int function)
{
	struct thread_ctx *ctx = ctx_enter();
	struct vcomm *c = comm_get(comm);
	int ret = MPI_SUCCESS;

	if (!c || !errhandler) {
		ret = REAL(Comm_get_errhandler, real_comm(comm), errhandler);
		ret = error_comm(comm, ret, function);
	} else if (c->errhandler) {
		object_ref(c->errhandler);
		*errhandler = c->errhandler->obj.handle;
	} else {
		*errhandler = MPI_ERRORS_ARE_FATAL;
	}
	ctx_leave(ctx);
	return ret;
}

int PMPI_Comm_get_errhandler(MPI_Comm comm, MPI_Errhandler *errhandler)
{
	return comm_errhandler(comm, errhandler, FN_MPI_Comm_get_errhandler);
}
API_ALIAS(MPI_Comm_get_errhandler);

int PMPI_Errhandler_get(MPI_Comm comm, MPI_Errhandler *errhandler)
{
	return comm_errhandler(comm, errhandler, FN_MPI_Errhandler_get);
}
API_ALIAS(MPI_Errhandler_get);

int PMPI_Comm_call_errhandler(MPI_Comm comm, int errorcode)
{
	struct thread_ctx *ctx = ctx_enter();
	struct vcomm *c = comm_get(comm);
	int ret = MPI_SUCCESS;

	if (c && !c->errhandler) /* MPI_COMM_WORLD's is not asked here */
		error_die(c, MPI_ERRORS_ARE_FATAL, errorcode);
	else if (c)
		error_raise(c, errorcode, FN_MPI_Comm_call_errhandler);
	else
		ret = error_world(REAL(Comm_call_errhandler, real_comm(comm),
				       errorcode),
				  FN_MPI_Comm_call_errhandler);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Comm_call_errhandler);

/* --- windows -----------------------------------------------------------------
 */

int PMPI_Win_set_errhandler(MPI_Win win, MPI_Errhandler errhandler)
{
	struct thread_ctx *ctx = ctx_enter();
	struct vwin *w = win_get(win);
	struct verrhandler *handler = errhandler_get(errhandler);
	int ret = MPI_SUCCESS;

	if (!w)
		ret = REAL(Win_set_errhandler, real_win(win),
			   MPI_ERRORS_RETURN);
	else if (!handler || (handler->fn && handler->on != V_WIN))
		ret = MPI_ERR_ARG;
	if (ret) {
		/* MPICH looks at the handler before the window */
		ret = error_win(handler ? win : MPI_WIN_NULL, ret,
				FN_MPI_Win_set_errhandler);
	} else if (w) {
		object_ref(handler);
		object_put(w->errhandler);
		w->errhandler = handler;
	}
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Win_set_errhandler);

int PMPI_Win_get_errhandler(MPI_Win win, MPI_Errhandler *errhandler)
{
	struct thread_ctx *ctx = ctx_enter();
	const struct vwin *w = win_get(win);
	int ret = MPI_SUCCESS;

	if (!w || !errhandler) {
		ret = REAL(Win_get_errhandler, real_win(win), errhandler);
		ret = error_win(win, ret, FN_MPI_Win_get_errhandler);
	} else if (w->errhandler) {
		object_ref(w->errhandler);
		*errhandler = w->errhandler->obj.handle;
	} else {
		*errhandler = MPI_ERRORS_ARE_FATAL;
	}
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Win_get_errhandler);

int PMPI_Win_call_errhandler(MPI_Win win, int errorcode)
{
	struct thread_ctx *ctx = ctx_enter();
	struct vwin *w = win_get(win);
	int ret = MPI_SUCCESS;

	if (w)
		win_raise(w, errorcode);
	else
		ret = error_world(REAL(Win_call_errhandler, real_win(win),
				       errorcode),
				  FN_MPI_Win_call_errhandler);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Win_call_errhandler);

/* --- what MPICH's C++ library asks for
 * -------------------------------------------- */

void MPICH_API_PUBLIC MPII_Errhandler_set_cxx(MPI_Errhandler errhandler,
					      void (*call)(void));

void MPII_Errhandler_set_cxx(MPI_Errhandler errhandler, void (*call)(void))
{
	struct verrhandler *handler = handle_get(V_ERRHANDLER, errhandler);

	if (handler)
		handler->cxx = (void *)call;
}
