/* SPDX-License-Identifier: BSD-3-Clause */
/* win.c - one-sided windows: they work, and refuse checkpoints while open */
#include "mpi_wrappers/api.h"

#include <string.h>

static int win_made(int real, int function, MPI_Win *win)
{
	struct vwin *w = handle_new(V_WIN, sizeof(*w));

	if (!w) {
		*win = MPI_WIN_NULL;
		return MPI_ERR_NO_MEM;
	}
	w->obj.real.id = real;
	w->function = function;
	opaque_opened(function);
	*win = w->obj.handle;
	return MPI_SUCCESS;
}

/* args: the real function's, with the last for the window. */
static int win_make(struct thread_ctx *ctx, MPI_Comm comm, int function,
		    long args[], size_t nargs, size_t comm_at, size_t info_at,
		    MPI_Win *win)
{
	struct vcomm *c = comm_get(comm);
	int made = MPI_WIN_NULL, ret;

	if (c)
		coll_enter(ctx, c, function);
	args[comm_at] = real_comm(comm);
	args[info_at] = real_info((MPI_Info)args[info_at]);
	args[nargs - 1] = (long)(win ? &made : NULL);
	ret = (int)cross_call_stack(real_fn(function), args, nargs);
	if (!ret)
		ret = win_made(made, function, win);
	return ret ? error_comm(comm, ret, function) : MPI_SUCCESS;
}

/* clang-format off */
#define WIN_CREATE(name, disp_type)					\
int P##name(void *base, MPI_Aint size, disp_type disp_unit, MPI_Info info, \
	    MPI_Comm comm, MPI_Win *win)				\
{									\
	struct thread_ctx *ctx = ctx_enter();				\
	long args[] = { (long)base, size, disp_unit, info, 0, 0 };	\
	int ret = win_make(ctx, comm, FN_##name, args, 6, 4, 3, win);	\
	ctx_leave(ctx);							\
	return ret;							\
}									\
API_ALIAS(name)

#define WIN_ALLOCATE(name, disp_type)					\
int P##name(MPI_Aint size, disp_type disp_unit, MPI_Info info,		\
	    MPI_Comm comm, void *baseptr, MPI_Win *win)			\
{									\
	struct thread_ctx *ctx = ctx_enter();				\
	long args[] = { size, disp_unit, info, 0, (long)baseptr, 0 };	\
	int ret = win_make(ctx, comm, FN_##name, args, 6, 3, 2, win);	\
	ctx_leave(ctx);							\
	return ret;							\
}									\
API_ALIAS(name)

WIN_CREATE(MPI_Win_create, int);
WIN_CREATE(MPI_Win_create_c, MPI_Aint);
WIN_ALLOCATE(MPI_Win_allocate, int);
WIN_ALLOCATE(MPI_Win_allocate_c, MPI_Aint);
WIN_ALLOCATE(MPI_Win_allocate_shared, int);
WIN_ALLOCATE(MPI_Win_allocate_shared_c, MPI_Aint);
/* clang-format on */

int PMPI_Win_create_dynamic(MPI_Info info, MPI_Comm comm, MPI_Win *win)
{
	struct thread_ctx *ctx = ctx_enter();
	long args[] = { info, 0, 0 };
	int ret = win_make(ctx, comm, FN_MPI_Win_create_dynamic, args, 3, 1, 0,
			   win);

	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Win_create_dynamic);

int PMPI_Win_free(MPI_Win *win)
{
	struct thread_ctx *ctx = ctx_enter();
	struct vwin *w = win ? handle_get(V_WIN, *win) : NULL;
	int real = win ? real_win(*win) : 0;
	int ret = MPI_SUCCESS;

	if (w)
		ret = attr_delete_all(&w->attrs, w->obj.handle);
	if (!ret)
		ret = REAL(Win_free, win ? &real : NULL);
	if (!ret && w) {
		opaque_closed(w->function);
		object_put(w);
		*win = MPI_WIN_NULL;
	}
	if (ret)
		ret = error_win(win ? *win : MPI_WIN_NULL, ret,
				FN_MPI_Win_free);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Win_free);

int PMPI_Win_set_name(MPI_Win win, const char *win_name)
{
	struct thread_ctx *ctx = ctx_enter();
	int ret = REAL(Win_set_name, real_win(win), win_name);

	if (ret)
		ret = error_win(win, ret, FN_MPI_Win_set_name);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Win_set_name);

int PMPI_Win_get_name(MPI_Win win, char *win_name, int *resultlen)
{
	struct thread_ctx *ctx = ctx_enter();
	int ret = REAL(Win_get_name, real_win(win), win_name, resultlen);

	if (ret)
		ret = error_win(win, ret, FN_MPI_Win_get_name);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Win_get_name);
