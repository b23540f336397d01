/* SPDX-License-Identifier: BSD-3-Clause */
/* comm_rebuild.c - real communicators made anew after a restart */
#include "mpi_wrappers/api.h"

#include <errno.h>

#include "mpi_wrappers/agree.h"
#include "mpi_wrappers/comm_private.h"

/*
 * All ranks go through their communicators by gid.  Making one is collective
 * over its members only, who all have it in their lists: whoever waits, waits
 * for a member that is at a smaller gid, so that the smallest one always
 * proceeds.
 */
struct comm_list {
	struct vcomm **comms;
	size_t n, room;
};

static int list_add(void *object, void *arg)
{
	struct comm_list *list = arg;

	if (list->n == list->room) {
		size_t room = list->room ? list->room * 2 : 64;
		struct vcomm **comms = upper_realloc(list->comms,
						     room * sizeof(*comms));

		if (!comms)
			return -ENOMEM;
		list->comms = comms;
		list->room = room;
	}
	list->comms[list->n++] = object;
	return 0;
}

/* Those that the program has freed are made only if a member still needs them,
 * which all must agree on (agree.h). */
static int list_live(void *object, void *arg)
{
	struct vcomm *c = object;

	c->obj.real.id = 0;
	return c->freed ? 0 : list_add(c, arg);
}

static void list_sort(struct comm_list *list)
{
	for (size_t gap = list->n / 2; gap; gap /= 2) {
		for (size_t i = gap; i < list->n; i++) {
			struct vcomm *c = list->comms[i];
			size_t j = i;

			for (; j >= gap && list->comms[j - gap]->gid > c->gid;
			     j -= gap)
				list->comms[j] = list->comms[j - gap];
			list->comms[j] = c;
		}
	}
}

static int gid_tag(const struct vcomm *c)
{
	return (int)(c->gid & 0x3fff);
}

/* The local group, as an intracommunicator. */
static int make_local(const struct vcomm *c, int *made)
{
	int group = MPI_GROUP_NULL;
	int ret = REAL(Group_incl, comm_real_world_group().id, c->size,
		       c->world, &group);

	if (ret)
		return ret;
	ret = REAL(Comm_create_group, comm_private.id, group, gid_tag(c), made);
	REAL(Group_free, &group);
	return ret;
}

static int make_inter(const struct vcomm *c, int *made)
{
	int local = *made;
	int ret = REAL(Intercomm_create, local, 0, comm_private.id, c->peer[0],
		       gid_tag(c), made);

	REAL(Comm_free, &local);
	return ret;
}

static int rebuild_one(struct vcomm *c)
{
	int made = MPI_COMM_NULL;
	int ret = make_local(c, &made);

	if (!ret && c->remote_size)
		ret = make_inter(c, &made);
	if (!ret && !c->freed)
		ret = comm_topology_rebuild(c, &made);
	if (ret)
		return ret;
	REAL(Comm_set_errhandler, made, MPI_ERRORS_RETURN);
	if (c->freed) {
		c->obj.real.id = made;
		return MPI_SUCCESS;
	}
	if (c->name[0])
		REAL(Comm_set_name, made, c->name);
	c->obj.real.id = made;
	return comm_hints_rebuild(c);
}

int comm_rebuild(struct err *err)
{
	struct comm_list list = { 0 };
	int ret = handle_each(V_COMM, list_live, &list);

	if (!ret)
		ret = agree_freed(list_add, &list, err);
	list_sort(&list);
	for (size_t i = 0; i < list.n && !ret; i++) {
		ret = rebuild_one(list.comms[i]);
		if (ret)
			ret = err_set(err, -EIO,
				      "communicator %s (of %s, %d ranks) "
				      "cannot be made again: MPI error %d",
				      list.comms[i]->name[0] ?
					      list.comms[i]->name :
					      "without a name",
				      api_names[list.comms[i]->function],
				      list.comms[i]->size, ret);
	}
	upper_free(list.comms);
	agree_freed_drop();
	return ret;
}

static int describe_one(void *object, void *arg)
{
	struct vcomm *c = object;

	if (!comm_hints_read(c))
		return 0;
	return err_set(arg, -EIO, "the info of communicator %s cannot be read",
		       c->name);
}

int comm_describe(struct err *err)
{
	return handle_each(V_COMM, describe_one, err);
}
