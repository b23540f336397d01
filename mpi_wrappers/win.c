/* SPDX-License-Identifier: BSD-3-Clause */
/* win.c - one-sided windows: made, freed, asked about */
#include "mpi_wrappers/win.h"

#include <limits.h>
#include <string.h>

#include "mpi_wrappers/api.h"

#include "mpi_wrappers/barrier.h"
#include "mpi_wrappers/comm_private.h"
#include "mpi_wrappers/gid.h"

/* --- making ------------------------------------------------------------------
 */

/* What the program asked for. */
struct wanted {
	int function, flavor;
	void *base;
	MPI_Aint size, disp_unit;
	MPI_Info info;
	MPI_Comm comm;
};

void win_destroy(void *object)
{
	struct vwin *w = object;
	struct win_attached *a;

	while ((a = w->attached)) {
		w->attached = a->next;
		upper_free(a);
	}
	win_memory_free(w);
	upper_free(w->target);
	upper_free(w->info);
	object_put(w->errhandler);
}

static struct vwin *record(const struct wanted *wanted, int size)
{
	struct vwin *w = handle_new(V_WIN, sizeof(*w));

	if (!w)
		return NULL;
	w->function = wanted->function;
	w->flavor = wanted->flavor;
	w->model = MPI_WIN_UNIFIED;
	w->base = wanted->base;
	w->size = wanted->size;
	w->disp_unit = (int)wanted->disp_unit;
	w->guard = (struct lock)LOCK_INIT;
	w->target = upper_alloc((size_t)size);
	if (w->target)
		return w;
	object_put(w);
	return NULL;
}

/* The window's own communicator: a duplicate, which carries its barriers and
 * messages, counts its collectives and names it in a rebuild. */
static int own_comm(struct vwin *w, struct vcomm *parent, uint64_t count,
		    int real)
{
	int ret;

	w->comm = comm_new(real, w->function, NULL, parent, &ret);
	if (!w->comm)
		return ret;
	if (parent->opaque) { /* while it lives there is no epoch */
		w->comm->opaque = true;
		opaque_opened(w->function);
		return MPI_SUCCESS;
	}
	return comm_publish(w->comm, gid_collective(parent->gid, count,
						    parent->world[0]));
}

/* The real library looks at its arguments before it communicates.  What it would
 * refuse must not have made half a window. */
static bool is_right(const struct wanted *wanted)
{
	return wanted->size >= 0 && wanted->disp_unit > 0 &&
	       wanted->disp_unit <= INT_MAX && real_info(wanted->info) != 0;
}

static int make(const struct wanted *wanted, struct vcomm *parent,
		uint64_t count, struct vwin **made)
{
	struct vwin *w = record(wanted, parent->size);
	int real = MPI_COMM_NULL, ret;

	*made = NULL;
	if (!w)
		return MPI_ERR_NO_MEM;
	ret = REAL(Comm_dup, parent->obj.real.id, &real);
	if (!ret) {
		REAL(Comm_set_errhandler, real, MPI_ERRORS_RETURN);
		ret = own_comm(w, parent, count, real);
	}
	if (!ret)
		ret = win_real_make(w, real_info(wanted->info));
	if (!ret) {
		*made = w;
		return MPI_SUCCESS;
	}
	if (w->comm)
		comm_bury(w->comm);
	object_put(w);
	return ret;
}

/* args: the real function's, for the error that is expected of them. */
static int win_make(struct thread_ctx *ctx, const struct wanted *wanted,
		    const long args[], size_t nargs, struct vwin **made)
{
	struct vcomm *parent = comm_get(wanted->comm);
	int ret;

	*made = NULL;
	if (!parent || parent->remote_size || !is_right(wanted) ||
	    !args[nargs - 1])
		ret = (int)cross_call_stack(real_fn(wanted->function), args,
					    nargs);
	else
		ret = make(wanted, parent,
			   coll_enter_count(ctx, parent, wanted->function),
			   made);
	if (!ret && !*made) /* what we take for wrong, it does not */
		ret = MPI_ERR_ARG;
	return ret ? error_comm(wanted->comm, ret, wanted->function) :
		     MPI_SUCCESS;
}

static void hand_out(const struct vwin *w, void *baseptr, MPI_Win *win)
{
	if (!w) {
		if (win)
			*win = MPI_WIN_NULL;
		return;
	}
	if (baseptr)
		*(void **)baseptr = w->base;
	*win = w->obj.handle;
}

/* clang-format off */
#define WIN_CREATE(name, disp_type)					\
int P##name(void *base, MPI_Aint size, disp_type disp_unit, MPI_Info info, \
	    MPI_Comm comm, MPI_Win *win)				\
{									\
	struct thread_ctx *ctx = ctx_enter();				\
	struct wanted wanted = { FN_##name, MPI_WIN_FLAVOR_CREATE, base, \
				 size, disp_unit, info, comm };		\
	struct vwin *made;						\
	int ret = win_make(ctx, &wanted, (const long[]){ (long)base, size, \
			   disp_unit, real_info(info), real_comm(comm),	\
			   (long)win }, 6, &made);			\
	hand_out(made, NULL, win);					\
	ctx_leave(ctx);							\
	return ret;							\
}									\
API_ALIAS(name)

#define WIN_ALLOCATE(name, kind, disp_type)				\
int P##name(MPI_Aint size, disp_type disp_unit, MPI_Info info,		\
	    MPI_Comm comm, void *baseptr, MPI_Win *win)			\
{									\
	struct thread_ctx *ctx = ctx_enter();				\
	struct wanted wanted = { FN_##name, kind, NULL, size, disp_unit, \
				 info, comm };				\
	struct vwin *made;						\
	int ret = win_make(ctx, &wanted, (const long[]){ size, disp_unit, \
			   real_info(info), real_comm(comm),		\
			   (long)baseptr, (long)win }, 6, &made);	\
	hand_out(made, baseptr, win);					\
	ctx_leave(ctx);							\
	return ret;							\
}									\
API_ALIAS(name)

WIN_CREATE(MPI_Win_create, int);
WIN_CREATE(MPI_Win_create_c, MPI_Aint);
WIN_ALLOCATE(MPI_Win_allocate, MPI_WIN_FLAVOR_ALLOCATE, int);
WIN_ALLOCATE(MPI_Win_allocate_c, MPI_WIN_FLAVOR_ALLOCATE, MPI_Aint);
WIN_ALLOCATE(MPI_Win_allocate_shared, MPI_WIN_FLAVOR_SHARED, int);
WIN_ALLOCATE(MPI_Win_allocate_shared_c, MPI_WIN_FLAVOR_SHARED, MPI_Aint);
/* clang-format on */

int PMPI_Win_create_dynamic(MPI_Info info, MPI_Comm comm, MPI_Win *win)
{
	struct thread_ctx *ctx = ctx_enter();
	struct wanted wanted = { FN_MPI_Win_create_dynamic,
				 MPI_WIN_FLAVOR_DYNAMIC,
				 MPI_BOTTOM,
				 0,
				 1,
				 info,
				 comm };
	struct vwin *made;
	int ret = win_make(ctx, &wanted,
			   (const long[]){ real_info(info), real_comm(comm),
					   (long)win },
			   3, &made);

	hand_out(made, NULL, win);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Win_create_dynamic);

/* --- freeing -----------------------------------------------------------------
 */

/* All wait for all, as in MPICH, first where an epoch may step out.  What follows
 * is one more collective of the window's communicator, its last. */
static int dissolve(struct thread_ctx *ctx, struct vwin *w)
{
	int ret = barrier_enter(ctx, w->comm, FN_MPI_Win_free);

	if (ret)
		return ret;
	coll_enter(ctx, w->comm, FN_MPI_Win_free);
	ret = win_real_free(w);
	comm_bury(w->comm);
	object_put(w);
	return ret;
}

int PMPI_Win_free(MPI_Win *win)
{
	struct thread_ctx *ctx = ctx_enter();
	struct vwin *w = win ? win_get(*win) : NULL;
	int real = win ? real_win(*win) : 0;
	int ret = MPI_SUCCESS;

	if (!w)
		ret = REAL(Win_free, win ? &real : NULL);
	else
		ret = attr_delete_all(&w->attrs, w->obj.handle);
	if (w && !ret && !win_idle(w))
		ret = MPI_ERR_RMA_SYNC;
	if (w && !ret) {
		ret = dissolve(ctx, w);
		if (!ret)
			*win = MPI_WIN_NULL;
	}
	if (ret)
		ret = error_win(win ? *win : MPI_WIN_NULL, ret,
				FN_MPI_Win_free);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Win_free);

/* --- dynamic windows ---------------------------------------------------------
 */

int PMPI_Win_attach(MPI_Win win, void *base, MPI_Aint size)
{
	struct thread_ctx *ctx = ctx_enter();
	struct vwin *w = win_get(win);
	struct win_attached *a = w ? upper_alloc(sizeof(*a)) : NULL;
	int ret = w && !a ? MPI_ERR_NO_MEM :
			    REAL(Win_attach, real_win(win), base, size);

	if (ret || !size) {
		upper_free(a);
		ret = error_win(win, ret, FN_MPI_Win_attach);
	} else {
		lock_take(&w->guard);
		*a = (struct win_attached){ w->attached, base, size };
		w->attached = a;
		lock_give(&w->guard);
	}
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Win_attach);

static void detached(struct vwin *w, const void *base)
{
	struct win_attached **p = &w->attached, *a;

	lock_take(&w->guard);
	while ((a = *p) && a->base != base)
		p = &a->next;
	if (a)
		*p = a->next;
	lock_give(&w->guard);
	upper_free(a);
}

int PMPI_Win_detach(MPI_Win win, const void *base)
{
	struct thread_ctx *ctx = ctx_enter();
	struct vwin *w = win_get(win);
	int ret = REAL(Win_detach, real_win(win), base);

	if (ret)
		ret = error_win(win, ret, FN_MPI_Win_detach);
	else if (w)
		detached(w, base);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Win_detach);

/* --- questions ---------------------------------------------------------------
 */

static const struct win_part *part_of(const struct vwin *w, int rank)
{
	if (rank != MPI_PROC_NULL)
		return rank >= 0 && rank < w->comm->size ?
			       &w->memory.part[rank] :
			       NULL;
	for (int i = 0; i < w->comm->size; i++)
		if (w->memory.part[i].size)
			return &w->memory.part[i];
	return NULL;
}

/* Of allocate_shared windows only: of no other has the program the memory of the
 * others. */
static int shared_query(MPI_Win win, int rank, MPI_Aint *size,
			MPI_Aint *disp_unit, void *baseptr)
{
	const struct vwin *w = win_get(win);
	const struct win_part *part;
	int ignored;

	if (!w || (rank != MPI_PROC_NULL && (rank < 0 || rank >= w->comm->size)))
		return REAL(Win_shared_query, real_win(win), rank, size,
			    &ignored, baseptr);
	if (!w->memory.part)
		return MPI_ERR_RMA_FLAVOR;
	part = part_of(w, rank);
	*size = part ? part->size : 0;
	*disp_unit = part ? part->disp_unit : 0;
	*(void **)baseptr = part && part->size ?
				    (char *)w->memory.at + part->offset :
				    NULL;
	return MPI_SUCCESS;
}

int PMPI_Win_shared_query(MPI_Win win, int rank, MPI_Aint *size, int *disp_unit,
			  void *baseptr)
{
	struct thread_ctx *ctx = ctx_enter();
	MPI_Aint unit = 0;
	int ret = size && disp_unit && baseptr ?
			  shared_query(win, rank, size, &unit, baseptr) :
			  MPI_ERR_ARG;

	if (ret)
		ret = error_win(win, ret, FN_MPI_Win_shared_query);
	else
		*disp_unit = (int)unit;
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Win_shared_query);

int PMPI_Win_shared_query_c(MPI_Win win, int rank, MPI_Aint *size,
			    MPI_Aint *disp_unit, void *baseptr)
{
	struct thread_ctx *ctx = ctx_enter();
	int ret = size && disp_unit && baseptr ?
			  shared_query(win, rank, size, disp_unit, baseptr) :
			  MPI_ERR_ARG;

	if (ret)
		ret = error_win(win, ret, FN_MPI_Win_shared_query_c);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Win_shared_query_c);

/* A barrier in MPICH. */
int PMPI_Win_set_info(MPI_Win win, MPI_Info info)
{
	struct thread_ctx *ctx = ctx_enter();
	struct vwin *w = win_get(win);
	int ret;

	if (w)
		coll_enter(ctx, w->comm, FN_MPI_Win_set_info);
	ret = REAL(Win_set_info, real_win(win), real_info(info));
	if (ret) /* MPICH looks at the info before the window */
		ret = error_win(info == MPI_INFO_NULL ? MPI_WIN_NULL : win, ret,
				FN_MPI_Win_set_info);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Win_set_info);

int PMPI_Win_set_name(MPI_Win win, const char *win_name)
{
	struct thread_ctx *ctx = ctx_enter();
	struct vwin *w = win_get(win);
	int ret = REAL(Win_set_name, real_win(win), win_name);

	if (ret) {
		ret = error_win(win, ret, FN_MPI_Win_set_name);
	} else {
		strncpy(w->name, win_name, sizeof(w->name) - 1);
		w->name[sizeof(w->name) - 1] = '\0';
	}
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
