/* SPDX-License-Identifier: BSD-3-Clause */
/* group.c - groups: real ones, with lists of world ranks to make them again */
#include "mpi_wrappers/api.h"

#include <errno.h>

#include "mpi_wrappers/comm_private.h"

int group_made(int real, MPI_Group *out)
{
	struct vgroup *g;

	*out = real;
	if ((uint32_t)real >> 30 < 2) /* null or MPI_GROUP_EMPTY */
		return MPI_SUCCESS;
	g = handle_new(V_GROUP, sizeof(*g));
	if (!g) {
		REAL(Group_free, &real);
		*out = MPI_GROUP_NULL;
		return MPI_ERR_NO_MEM;
	}
	g->obj.real.id = real;
	g->size = -1;
	*out = g->obj.handle;
	return MPI_SUCCESS;
}

void group_destroy(void *object)
{
	struct vgroup *g = object;

	if (g->obj.real.id)
		REAL(Group_free, &g->obj.real.id);
	upper_free(g->world);
}

int PMPI_Group_free(MPI_Group *group)
{
	struct thread_ctx *ctx = ctx_enter();
	struct vgroup *g = group ? handle_get(V_GROUP, *group) : NULL;
	int ret = MPI_SUCCESS, real;

	if (g) {
		object_put(g);
		*group = MPI_GROUP_NULL;
	} else {
		real = group ? real_group(*group) : 0;
		ret = REAL(Group_free, group ? &real : NULL);
		if (ret)
			ret = error_world(ret, FN_MPI_Group_free);
		else
			*group = real;
	}
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Group_free);

/* Groups never change: one look before the first capture is enough. */
static int describe_one(void *object, void *arg)
{
	struct vgroup *g = object;

	if (g->size >= 0)
		return 0;
	if (comm_group_ranks(g->obj.real.id, &g->world, &g->size))
		return err_set(arg, -EIO, "a group cannot be read");
	for (int i = 0; i < g->size; i++)
		if (g->world[i] == MPI_UNDEFINED)
			return err_set(arg, -EBUSY,
				       "rank %d has a group with members "
				       "beyond MPI_COMM_WORLD, which cannot be "
				       "restored; checkpoints work again after "
				       "MPI_Group_free",
				       comm_world->rank);
	return 0;
}

int group_describe(struct err *err)
{
	return handle_each(V_GROUP, describe_one, err);
}

static int rebuild_one(void *object, void *arg)
{
	struct vgroup *g = object;

	if (!REAL(Group_incl, comm_real_world_group().id, g->size, g->world,
		  &g->obj.real.id))
		return 0;
	return err_set(arg, -EIO, "a group of %d ranks cannot be made again",
		       g->size);
}

int group_rebuild(struct err *err)
{
	return handle_each(V_GROUP, rebuild_one, err);
}
