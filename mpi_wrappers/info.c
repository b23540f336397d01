/* SPDX-License-Identifier: BSD-3-Clause */
/* info.c - info objects: real ones, read before a capture */
#include "mpi_wrappers/api.h"

#include <errno.h>
#include <string.h>

#include "mpi_wrappers/comm_private.h"
#include "mpi_wrappers/win.h"

/* Keys and values as text, in one block. */
struct info_copy {
	int n;
	struct {
		char key[MPI_MAX_INFO_KEY + 1];
		char value[MPI_MAX_INFO_VAL + 1];
	} pair[];
};

static int info_read(int real, struct info_copy **copy)
{
	struct info_copy *c;
	int n = 0;
	int ret = REAL(Info_get_nkeys, real, &n);

	if (ret)
		return ret;
	c = upper_alloc(sizeof(*c) + sizeof(c->pair[0]) * (size_t)n);
	if (!c)
		return MPI_ERR_NO_MEM;
	c->n = n;
	for (int i = 0; i < n && !ret; i++) {
		int flag = 0;

		ret = REAL(Info_get_nthkey, real, i, c->pair[i].key);
		if (!ret)
			ret = REAL(Info_get, real, c->pair[i].key,
				   MPI_MAX_INFO_VAL, c->pair[i].value, &flag);
	}
	if (ret) {
		upper_free(c);
		return ret;
	}
	upper_free(*copy);
	*copy = c;
	return 0;
}

int info_copy_write(const struct info_copy *copy, int *real)
{
	int ret = REAL(Info_create, real);

	for (int i = 0; copy && i < copy->n && !ret; i++)
		ret = REAL(Info_set, *real, copy->pair[i].key,
			   copy->pair[i].value);
	return ret;
}

/* The later value of a key counts. */
int info_copy_merge(int real, struct info_copy **copy)
{
	struct info_copy *more = NULL;
	int sum = MPI_INFO_NULL;
	int ret = info_read(real, &more);

	if (!ret)
		ret = info_copy_write(*copy, &sum);
	for (int i = 0; !ret && i < more->n; i++)
		ret = REAL(Info_set, sum, more->pair[i].key,
			   more->pair[i].value);
	if (!ret)
		ret = info_read(sum, copy);
	if (sum != MPI_INFO_NULL)
		REAL(Info_free, &sum);
	upper_free(more);
	return ret;
}

/* --- info objects
 * --------------------------------------------------------------- */

int info_made(int real, MPI_Info *out)
{
	struct vinfo *info;

	*out = real;
	if ((uint32_t)real >> 30 < 2) /* null or MPI_INFO_ENV */
		return MPI_SUCCESS;
	info = handle_new(V_INFO, sizeof(*info));
	if (!info) {
		REAL(Info_free, &real);
		*out = MPI_INFO_NULL;
		return MPI_ERR_NO_MEM;
	}
	info->obj.real.id = real;
	*out = info->obj.handle;
	return MPI_SUCCESS;
}

void info_destroy(void *object)
{
	struct vinfo *info = object;

	if (info->obj.real.id)
		REAL(Info_free, &info->obj.real.id);
	upper_free(info->copy);
}

int PMPI_Info_free(MPI_Info *info)
{
	struct thread_ctx *ctx = ctx_enter();
	struct vinfo *i = info ? handle_get(V_INFO, *info) : NULL;
	int ret = MPI_SUCCESS, real;

	if (i) {
		object_put(i);
		*info = MPI_INFO_NULL;
	} else {
		real = info ? real_info(*info) : 0;
		ret = REAL(Info_free, info ? &real : NULL);
		ret = error_world(ret, FN_MPI_Info_free);
	}
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Info_free);

static int describe_one(void *object, void *arg)
{
	struct vinfo *info = object;

	if (!info_read(info->obj.real.id, &info->copy))
		return 0;
	return err_set(arg, -EIO, "an info object cannot be read");
}

int info_describe(struct err *err)
{
	return handle_each(V_INFO, describe_one, err);
}

static int rebuild_one(void *object, void *arg)
{
	struct vinfo *info = object;

	if (!info_copy_write(info->copy, &info->obj.real.id))
		return 0;
	return err_set(arg, -EIO, "an info object cannot be made again");
}

int info_rebuild(struct err *err)
{
	return handle_each(V_INFO, rebuild_one, err);
}

/* --- hints of communicators
 * -------------------------------------------------------- */

int comm_hints_read(struct vcomm *c)
{
	int info = MPI_INFO_NULL;
	int ret = REAL(Comm_get_info, c->obj.real.id, &info);

	if (ret)
		return ret;
	ret = info_read(info, &c->info);
	REAL(Info_free, &info);
	return ret;
}

int comm_hints_rebuild(const struct vcomm *c)
{
	int info = MPI_INFO_NULL;
	int ret;

	if (!c->info || !c->info->n)
		return MPI_SUCCESS;
	ret = info_copy_write(c->info, &info);
	if (!ret)
		ret = REAL(Comm_set_info, c->obj.real.id, info);
	REAL(Info_free, &info);
	return ret;
}

void comm_hints_free(struct vcomm *c)
{
	upper_free(c->info);
	c->info = NULL;
}

/* --- hints of windows
 * -------------------------------------------------------- */

int win_hints_read(struct vwin *w)
{
	int info = MPI_INFO_NULL;
	int ret = REAL(Win_get_info, w->obj.real.id, &info);

	if (ret)
		return ret;
	ret = info_read(info, &w->info);
	REAL(Info_free, &info);
	return ret;
}

/* Hints are for a window's making: a new info object, or MPI_INFO_NULL. */
int win_hints_write(const struct vwin *w, int *info)
{
	*info = MPI_INFO_NULL;
	return w->info && w->info->n ? info_copy_write(w->info, info) : MPI_SUCCESS;
}
