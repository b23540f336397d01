/* SPDX-License-Identifier: BSD-3-Clause */
/* comm.c - communicators: their records, and asking about them */
#include "mpi_wrappers/api.h"

#include <errno.h>
#include <string.h>

#include "mpi_wrappers/comm_private.h"
#include "runtime/base/sys.h"
#include "mpi_wrappers/gid.h"

/* File-scope: one world a process. */
struct vcomm *comm_world, *comm_self;
struct real_handle comm_private, comm_private_self;
static struct real_handle world_group; /* real group of the world */

/* --- members
 * ------------------------------------------------------------------- */

/* comm_world_group - (again) after the real library came up. */
int comm_world_group(void)
{
	return REAL(Comm_group, MPI_COMM_WORLD, &world_group.id);
}

struct real_handle comm_real_world_group(void)
{
	return world_group;
}

/* The world ranks of a real group, a new array in *world. */
int comm_group_ranks(int group, int **world, int *size)
{
	int *ranks = NULL, n = 0;
	int ret = REAL(Group_size, group, &n);

	*world = NULL;
	if (!ret) {
		ranks = upper_alloc(sizeof(*ranks) * (size_t)(2 * n + 1));
		ret = ranks ? 0 : MPI_ERR_NO_MEM;
	}
	/* A session may have no world, and then its ranks mean nothing to us.
	 */
	for (int i = 0; !ret && i < n; i++) {
		ranks[n + i] = i;
		ranks[i] = MPI_UNDEFINED;
	}
	if (!ret && world_group.id)
		ret = REAL(Group_translate_ranks, group, n, ranks + n,
			   world_group.id, ranks);
	if (ret) {
		upper_free(ranks);
		return ret;
	}
	*world = ranks;
	*size = n;
	return 0;
}

static int comm_ranks(int real, int function, const int **world, int *size)
{
	int group = MPI_GROUP_NULL;
	int ret = (int)CROSS(real_fn(function), real, &group);
	int *ranks = NULL;

	if (ret)
		return ret;
	ret = comm_group_ranks(group, &ranks, size);
	*world = ranks;
	REAL(Group_free, &group);
	return ret;
}

/* Rank, sizes and members as the real communicator has them. */
static int comm_read_members(struct vcomm *c)
{
	int real = c->obj.real.id;
	int inter = 0;
	int ret = REAL(Comm_rank, real, &c->rank);

	if (!ret)
		ret = REAL(Comm_test_inter, real, &inter);
	if (!ret)
		ret = comm_ranks(real, FN_MPI_Comm_group, &c->world, &c->size);
	if (!ret && inter)
		ret = comm_ranks(real, FN_MPI_Comm_remote_group, &c->peer,
				 &c->remote_size);
	if (!inter)
		c->peer = c->world;
	c->npeers = inter ? c->remote_size : c->size;
	return ret;
}

static int *ranks_copy(const int *ranks, int n)
{
	int *copy = upper_alloc(sizeof(*copy) * (size_t)(n + 1));

	if (copy)
		memcpy(copy, ranks, sizeof(*copy) * (size_t)n);
	return copy;
}

/* A duplicate's members are its parent's (and the real one may not be complete
 * yet, after MPI_Comm_idup). */
static int comm_copy_members(struct vcomm *c, const struct vcomm *of)
{
	c->rank = of->rank;
	c->size = of->size;
	c->remote_size = of->remote_size;
	c->npeers = of->npeers;
	c->world = ranks_copy(of->world, of->size);
	c->peer = of->remote_size ? ranks_copy(of->peer, of->npeers) : c->world;
	return c->world && c->peer ? 0 : MPI_ERR_NO_MEM;
}

/* --- records
 * -------------------------------------------------------------------- */

void comm_destroy(void *object)
{
	struct vcomm *c = object;
	int real = c->obj.real.id;

	if (!c->freed)
		frontier_unregister(c);
	if (real)
		REAL(Comm_free, &real);
	if (c->peer != c->world)
		upper_free((void *)c->peer);
	upper_free((void *)c->world);
	comm_topology_free(c);
	comm_hints_free(c);
	if (c->opaque)
		opaque_closed(c->function);
	object_put(c->errhandler);
}

/* comm_leader - what tells apart communicators made by one collective. */
static int comm_leader(const struct vcomm *c)
{
	int leader = c->world[0];

	if (c->remote_size && c->peer[0] < leader)
		leader = c->peer[0];
	return leader;
}

struct vcomm *comm_new(int real, int function, const struct vcomm *parent,
		       const struct vcomm *twin, int *code)
{
	struct vcomm *c = handle_new(V_COMM, sizeof(*c));

	*code = MPI_ERR_NO_MEM;
	if (!c)
		return NULL;
	c->obj.real.id = real;
	c->function = function;
	if (parent && parent->errhandler) {
		object_ref(parent->errhandler);
		c->errhandler = parent->errhandler;
	}
	*code = twin ? comm_copy_members(c, twin) : comm_read_members(c);
	if (!*code)
		*code = twin ? comm_topology_copy(c, twin) :
			       comm_topology_read(c);
	if (!*code)
		return c;
	c->obj.real.id = 0;
	c->freed = true;
	object_put(c);
	return NULL;
}

int comm_publish(struct vcomm *c, uint64_t gid)
{
	comm_bury_sweep();
	c->gid = gid;
	return frontier_register(c) ? MPI_ERR_NO_SPACE : MPI_SUCCESS;
}

int comm_made(struct vcomm *parent, uint64_t count, int real, int function,
	      MPI_Comm *out)
{
	struct vcomm *c;
	int ret;

	*out = MPI_COMM_NULL;
	if (real == MPI_COMM_NULL)
		return MPI_SUCCESS;
	c = comm_new(real, function, parent, NULL, &ret);
	if (c)
		ret = comm_publish(c, gid_collective(parent->gid, count,
						     comm_leader(c)));
	if (ret)
		return ret;
	*out = c->obj.handle;
	return MPI_SUCCESS;
}

int comm_made_opaque(int real, int function, MPI_Comm *out)
{
	struct vcomm *c;
	int ret;

	*out = real;
	if (real == MPI_COMM_NULL)
		return MPI_SUCCESS;
	*out = MPI_COMM_NULL;
	REAL(Comm_set_errhandler, real, MPI_ERRORS_RETURN);
	c = comm_new(real, function, comm_world, NULL, &ret);
	if (!c)
		return ret;
	c->opaque = true;
	opaque_opened(function);
	/* No slot of the control page: while it lives there is no epoch. */
	c->gid = gid_call(function, (uint64_t)c->obj.serial, 0, 0, 0);
	*out = c->obj.handle;
	return MPI_SUCCESS;
}

static struct vcomm *builtin_new(MPI_Comm handle, uint64_t gid,
				 const char *name)
{
	struct vcomm *c = handle_builtin(V_COMM, handle, sizeof(*c));

	if (!c || comm_read_members(c) || comm_publish(c, gid))
		return NULL;
	strcpy(c->name, name);
	REAL(Comm_set_errhandler, handle, MPI_ERRORS_RETURN);
	return c;
}

int comm_init(struct err *err)
{
	struct vcomm *world;

	if (comm_world_group())
		return err_set(err, -EIO, "MPI_COMM_WORLD has no group");
	world = builtin_new(MPI_COMM_WORLD, GID_WORLD, "MPI_COMM_WORLD");
	if (!world)
		return err_set(err, -ENOMEM, "no memory for MPI_COMM_WORLD");
	comm_self = builtin_new(MPI_COMM_SELF, gid_self(world->rank),
				"MPI_COMM_SELF");
	if (!comm_self)
		return err_set(err, -ENOMEM, "no memory for MPI_COMM_SELF");
	comm_world = world;
	return comm_private_make(err);
}

int comm_private_make(struct err *err)
{
	int group;

	REAL(Comm_set_errhandler, MPI_COMM_WORLD, MPI_ERRORS_RETURN);
	REAL(Comm_set_errhandler, MPI_COMM_SELF, MPI_ERRORS_RETURN);
	/* MPICH 4.0.2 makes a communicator's group when it is first asked for,
	 * and MPI_Comm_create_group crashes on one that was not. */
	if (REAL(Comm_dup, MPI_COMM_WORLD, &comm_private.id) ||
	    REAL(Comm_dup, MPI_COMM_SELF, &comm_private_self.id) ||
	    REAL(Comm_group, comm_private.id, &group) ||
	    REAL(Group_free, &group))
		return err_set(err, -EIO,
			       "the MPI library cannot duplicate "
			       "MPI_COMM_WORLD for Cairn's own messages");
	return 0;
}

void comm_fini(void)
{
	/* All ranks are in MPI_Finalize: what they freed can end, if all did.
	 */
	for (int i = 0; i < 1000 && comm_bury_sweep(); i++)
		sys_call(SYS_sched_yield);
	REAL(Comm_free, &comm_private.id);
	REAL(Comm_free, &comm_private_self.id);
	REAL(Group_free, &world_group.id);
	frontier_unregister(comm_self);
	frontier_unregister(comm_world);
}

/* --- questions
 * ------------------------------------------------------------------ */

int PMPI_Comm_rank(MPI_Comm comm, int *rank)
{
	struct thread_ctx *ctx = ctx_enter();
	const struct vcomm *c = comm_get(comm);
	int ret = MPI_SUCCESS;

	if (c && rank)
		*rank = c->rank;
	else
		ret = error_comm(comm, REAL(Comm_rank, real_comm(comm), rank),
				 FN_MPI_Comm_rank);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Comm_rank);

int PMPI_Comm_size(MPI_Comm comm, int *size)
{
	struct thread_ctx *ctx = ctx_enter();
	const struct vcomm *c = comm_get(comm);
	int ret = MPI_SUCCESS;

	if (c && size)
		*size = c->size;
	else
		ret = error_comm(comm, REAL(Comm_size, real_comm(comm), size),
				 FN_MPI_Comm_size);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Comm_size);

int PMPI_Comm_remote_size(MPI_Comm comm, int *size)
{
	struct thread_ctx *ctx = ctx_enter();
	const struct vcomm *c = comm_get(comm);
	int ret = MPI_SUCCESS;

	if (c && size && c->remote_size)
		*size = c->remote_size;
	else
		ret = error_comm(comm,
				 REAL(Comm_remote_size, real_comm(comm), size),
				 FN_MPI_Comm_remote_size);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Comm_remote_size);

int PMPI_Comm_test_inter(MPI_Comm comm, int *flag)
{
	struct thread_ctx *ctx = ctx_enter();
	const struct vcomm *c = comm_get(comm);
	int ret = MPI_SUCCESS;

	if (c && flag)
		*flag = c->remote_size > 0;
	else
		ret = error_comm(comm,
				 REAL(Comm_test_inter, real_comm(comm), flag),
				 FN_MPI_Comm_test_inter);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Comm_test_inter);

int PMPI_Comm_set_name(MPI_Comm comm, const char *comm_name)
{
	struct thread_ctx *ctx = ctx_enter();
	struct vcomm *c = comm_get(comm);
	int ret = REAL(Comm_set_name, real_comm(comm), comm_name);

	/* The real one keeps it too: its own messages name communicators. */
	if (!ret) {
		strncpy(c->name, comm_name, sizeof(c->name) - 1);
		c->name[sizeof(c->name) - 1] = '\0';
	}
	if (ret)
		ret = error_comm(comm, ret, FN_MPI_Comm_set_name);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Comm_set_name);

int PMPI_Comm_get_name(MPI_Comm comm, char *comm_name, int *resultlen)
{
	struct thread_ctx *ctx = ctx_enter();
	const struct vcomm *c = comm_get(comm);
	int ret = MPI_SUCCESS;

	if (c && comm_name && resultlen && !c->opaque) {
		strcpy(comm_name, c->name);
		*resultlen = (int)strlen(c->name);
	} else {
		ret = REAL(Comm_get_name, real_comm(comm), comm_name,
			   resultlen);
		ret = error_comm(comm, ret, FN_MPI_Comm_get_name);
	}
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Comm_get_name);
