/* SPDX-License-Identifier: BSD-3-Clause */
/* win_epoch.c - real windows: made, kept through an epoch, made again */
#include "mpi_wrappers/win.h"

#include <errno.h>
#include <string.h>

#include "mpi_wrappers/api.h"

#include "mpi_wrappers/comm_private.h"

/* --- the real windows of one ---------------------------------------------------
 */

/* Its errors are ours to raise, and every operation is allowed for good. */
static int open_for_good(int real)
{
	int ret = REAL(Win_set_errhandler, real, MPI_ERRORS_RETURN);

	return ret ? ret : REAL(Win_lock_all, MPI_MODE_NOCHECK, real);
}

static int close_real(struct real_handle *real)
{
	int ret = MPI_SUCCESS;

	if (!real->id)
		return ret;
	ret = REAL(Win_unlock_all, real->id);
	if (!ret)
		ret = REAL(Win_free, &real->id);
	real->id = 0;
	return ret;
}

/* MPICH 4.0.2 over UCX loses what is put into windows of 8 bytes (seen). */
#define CONTROL_SIZE 512

/* Nobody asks for a lock before all words are what they should be. */
static int control_make(struct vwin *w)
{
	int real = MPI_WIN_NULL;
	int ret = REAL(Win_allocate, CONTROL_SIZE, sizeof(int64_t),
		       MPI_INFO_NULL, w->comm->obj.real.id, &w->words, &real);

	if (ret)
		return ret;
	memcpy(w->words, w->saved, sizeof(w->saved));
	w->control.id = real;
	ret = open_for_good(real);
	return ret ? ret : REAL(Barrier, w->comm->obj.real.id);
}

static int attach_again(const struct vwin *w)
{
	int ret = MPI_SUCCESS;

	for (const struct win_attached *a = w->attached; a && !ret; a = a->next)
		ret = REAL(Win_attach, w->obj.real.id, a->base, a->size);
	return ret;
}

static int made_by_flavor(struct vwin *w, int info, int *real)
{
	int comm = w->comm->obj.real.id;

	if (w->flavor == MPI_WIN_FLAVOR_CREATE)
		return REAL(Win_create, w->base, w->size, w->disp_unit, info,
			    comm, real);
	if (w->flavor == MPI_WIN_FLAVOR_DYNAMIC)
		return REAL(Win_create_dynamic, info, comm, real);
	return win_memory_make(w, info, real);
}

int win_real_make(struct vwin *w, int info)
{
	int real = MPI_WIN_NULL;
	int ret = made_by_flavor(w, info, &real);

	if (ret)
		return ret;
	w->obj.real.id = real;
	if (w->name[0])
		REAL(Win_set_name, real, w->name);
	ret = open_for_good(real);
	if (!ret)
		ret = attach_again(w);
	return ret ? ret : control_make(w);
}

int win_real_free(struct vwin *w)
{
	int ret = close_real(&w->obj.real);
	int second = close_real(&w->control);

	return ret ? ret : second;
}

/* --- an epoch ----------------------------------------------------------------
 */

static int held(void *object, void *arg)
{
	struct vwin *w = object;

	(void)arg;
	frontier_unblocked(&w->need);
	return 0;
}

void win_held(void)
{
	handle_each(V_WIN, held, NULL);
}

/* All ranks are here or wait where they keep the transport going: whoever is
 * through is in DRAIN until all are. */
static int drain_one(void *object, void *arg)
{
	const struct vwin *w = object;

	if (w->obj.real.id && !REAL(Win_flush_all, w->obj.real.id))
		return 0;
	return err_set(arg, -EIO,
		       "rank %d: the MPI library failed to complete the "
		       "operations of window %s",
		       comm_world->rank, w->name);
}

int win_drain(struct err *err)
{
	return handle_each(V_WIN, drain_one, err);
}

static int describe_one(void *object, void *arg)
{
	struct vwin *w = object;

	memcpy(w->saved, w->words, sizeof(w->saved));
	if (!win_hints_read(w))
		return 0;
	return err_set(arg, -EIO, "the info of window %s cannot be read",
		       w->name);
}

int win_describe(struct err *err)
{
	return handle_each(V_WIN, describe_one, err);
}

/* --- after a restart -----------------------------------------------------------
 */

/* All ranks go through their windows by their communicators' ids: as for these
 * (comm_rebuild.c), whoever waits, waits for a member that is at a smaller one.
 */
struct win_list {
	struct vwin **wins;
	size_t n, room;
};

static int list_add(void *object, void *arg)
{
	struct win_list *list = arg;
	struct vwin *w = object;
	size_t i;

	if (list->n == list->room) {
		size_t room = list->room ? list->room * 2 : 64;
		struct vwin **wins = upper_realloc(list->wins,
						   room * sizeof(*wins));

		if (!wins)
			return -ENOMEM;
		list->wins = wins;
		list->room = room;
	}
	for (i = list->n++; i && list->wins[i - 1]->comm->gid > w->comm->gid;
	     i--)
		list->wins[i] = list->wins[i - 1];
	list->wins[i] = w;
	return 0;
}

static int rebuild_one(struct vwin *w)
{
	int info = MPI_INFO_NULL;
	int ret = win_hints_write(w, &info);

	w->obj.real.id = w->control.id = 0;
	if (!ret)
		ret = win_real_make(w, info);
	if (info != MPI_INFO_NULL)
		REAL(Info_free, &info);
	return ret;
}

int win_rebuild(struct err *err)
{
	struct win_list list = { 0 };
	int ret = handle_each(V_WIN, list_add, &list);

	for (size_t i = 0; i < list.n && !ret; i++) {
		const struct vwin *w = list.wins[i];

		ret = rebuild_one(list.wins[i]);
		if (ret)
			ret = err_set(err, -EIO,
				      "window %s (of %s, %d ranks) cannot be "
				      "made again: MPI error %d",
				      w->name[0] ? w->name : "without a name",
				      api_names[w->function], w->comm->size,
				      ret);
	}
	upper_free(list.wins);
	return ret;
}
