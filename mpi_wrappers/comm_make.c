/* SPDX-License-Identifier: BSD-3-Clause */
/* comm_make.c - making and freeing communicators, where it is irregular */
#include "mpi_wrappers/api.h"

#include "mpi_wrappers/comm_private.h"
#include "mpi_wrappers/gid.h"

static int leader_of(const struct vcomm *c)
{
	return c->remote_size && c->peer[0] < c->world[0] ? c->peer[0] :
							    c->world[0];
}

/* --- duplicates: attributes come along ---------------------------------------
 */

/* What all duplicates do once the real library has made one. */
static int dup_made(struct vcomm *parent, uint64_t count, int real,
		    int function, struct attr *attrs, struct vcomm **made)
{
	int ret;

	*made = comm_new(real, function, parent, parent, &ret);
	if (*made) {
		(*made)->attrs = attrs;
		ret = comm_publish(*made, gid_collective(parent->gid, count,
							 leader_of(parent)));
	}
	return ret;
}

static bool is_nonblocking(int function)
{
	return function == FN_MPI_Comm_idup ||
	       function == FN_MPI_Comm_idup_with_info;
}

/* info: NULL for those without; request: NULL for the blocking ones, and where
 * the program gives none. */
static int comm_dup(MPI_Comm comm, const MPI_Info *info, MPI_Comm *newcomm,
		    MPI_Request *request, int function)
{
	struct thread_ctx *ctx = ctx_enter();
	struct vcomm *c = comm_get(comm);
	struct vcomm *made_comm;
	struct attr *attrs = NULL;
	int made = MPI_COMM_NULL, pending = MPI_REQUEST_NULL;
	uint64_t count = 0;
	int ret = MPI_SUCCESS;
	void *fn;

	if (c) {
		count = coll_enter_count(ctx, c, function);
		ret = attr_copy_all(c->attrs, comm, &attrs);
	}
	fn = real_fn(function);
	if (ret)
		; /* a copy function said no: the code is the program's */
	else if (info && is_nonblocking(function))
		ret = (int)CROSS(fn, real_comm(comm), real_info(*info),
				 newcomm ? &made : NULL,
				 request ? &pending : NULL);
	else if (info)
		ret = (int)CROSS(fn, real_comm(comm), real_info(*info),
				 newcomm ? &made : NULL);
	else if (is_nonblocking(function))
		ret = (int)CROSS(fn, real_comm(comm), newcomm ? &made : NULL,
				 request ? &pending : NULL);
	else
		ret = (int)CROSS(fn, real_comm(comm), newcomm ? &made : NULL);
	if (!ret && made != MPI_COMM_NULL) {
		ret = dup_made(c, count, made, function, attrs, &made_comm);
		if (!ret)
			*newcomm = made_comm->obj.handle;
	}
	if (ret && newcomm)
		*newcomm = MPI_COMM_NULL;
	if (ret)
		ret = error_comm(comm, ret, function);
	else if (request)
		*request = request_collective(c,
					      (struct real_handle){ pending },
					      function);
	ctx_leave(ctx);
	return ret;
}

int PMPI_Comm_dup(MPI_Comm comm, MPI_Comm *newcomm)
{
	return comm_dup(comm, NULL, newcomm, NULL, FN_MPI_Comm_dup);
}
API_ALIAS(MPI_Comm_dup);

int PMPI_Comm_dup_with_info(MPI_Comm comm, MPI_Info info, MPI_Comm *newcomm)
{
	return comm_dup(comm, &info, newcomm, NULL, FN_MPI_Comm_dup_with_info);
}
API_ALIAS(MPI_Comm_dup_with_info);

int PMPI_Comm_idup(MPI_Comm comm, MPI_Comm *newcomm, MPI_Request *request)
{
	return comm_dup(comm, NULL, newcomm, request, FN_MPI_Comm_idup);
}
API_ALIAS(MPI_Comm_idup);

int PMPI_Comm_idup_with_info(MPI_Comm comm, MPI_Info info, MPI_Comm *newcomm,
			     MPI_Request *request)
{
	return comm_dup(comm, &info, newcomm, request,
			FN_MPI_Comm_idup_with_info);
}
API_ALIAS(MPI_Comm_idup_with_info);

/* --- collective over less than a counted communicator (TRAPS, MPI 4)
 * ----------- */

uint64_t comm_call_id(int kind, uint64_t a, uint64_t b, int tag)
{
	return gid_call(kind, a, b, tag,
			gid_ordinal(gid_call(kind, a, b, tag, 0)));
}

/* The same call has two ids: one while it is under way, one for what it makes.
 */
#define KIND_MAKES 10000

uint64_t comm_made_id(int function, uint64_t parent, const struct vcomm *made,
		      int tag)
{
	return comm_call_id(function + KIND_MAKES, parent,
			    gid_group(made->world, made->size), tag);
}

int PMPI_Comm_create_group(MPI_Comm comm, MPI_Group group, int tag,
			   MPI_Comm *newcomm)
{
	struct thread_ctx *ctx = ctx_enter();
	struct vcomm *c = comm_get(comm), *made_comm = NULL;
	const int function = FN_MPI_Comm_create_group;
	int made = MPI_COMM_NULL, n = 0, ret;
	int *world = NULL;
	uint64_t key = 0, call = 0;
	bool begun = false;

	if (c && handle_get(V_GROUP, group) &&
	    !comm_group_ranks(real_group(group), &world, &n)) {
		key = gid_group(world, n);
		call = comm_call_id(function, c->gid, key, tag);
		begun = !group_call_begin(ctx, call, world, (unsigned int)n,
					  function);
	}
	ret = REAL(Comm_create_group, real_comm(comm), real_group(group), tag,
		   newcomm ? &made : NULL);
	if (begun)
		group_call_end(call);
	if (!ret && made != MPI_COMM_NULL) {
		made_comm = comm_new(made, function, c, NULL, &ret);
		if (made_comm)
			ret = comm_publish(made_comm,
					   comm_call_id(function + KIND_MAKES,
							c->gid, key, tag));
	}
	upper_free(world);
	if (ret) /* MPICH sees a null group before it knows the communicator */
		ret = error_comm(group == MPI_GROUP_NULL ? MPI_COMM_NULL : comm,
				 ret, function);
	else
		*newcomm = made_comm ? made_comm->obj.handle : MPI_COMM_NULL;
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Comm_create_group);

/* The two leaders meet over peer_comm: a group call of theirs.  Gives its id in
 * *call, and whether it was begun. */
static bool leaders_begin(struct thread_ctx *ctx, const struct vcomm *peer,
			  int remote_leader, int tag, uint64_t *call)
{
	int world[2], low, high;

	if (!peer || remote_leader < 0 || remote_leader >= peer->npeers)
		return false;
	world[0] = comm_world->rank;
	world[1] = comm_peer_world(peer, remote_leader);
	low = world[0] < world[1] ? world[0] : world[1];
	high = world[0] < world[1] ? world[1] : world[0];
	*call = comm_call_id(FN_MPI_Intercomm_create, (uint64_t)low, (uint64_t)high,
			tag);
	return !group_call_begin(ctx, *call, world, 2, FN_MPI_Intercomm_create);
}

uint64_t comm_intercomm_id(const struct vcomm *c, int tag)
{
	uint64_t a = gid_group(c->world, c->size);
	uint64_t b = gid_group(c->peer, c->npeers);

	return c->world[0] < c->peer[0] ?
		       comm_call_id(FN_MPI_Intercomm_create + KIND_MAKES, a, b,
			       tag) :
		       comm_call_id(FN_MPI_Intercomm_create + KIND_MAKES, b, a, tag);
}

int PMPI_Intercomm_create(MPI_Comm local_comm, int local_leader,
			  MPI_Comm peer_comm, int remote_leader, int tag,
			  MPI_Comm *newintercomm)
{
	struct thread_ctx *ctx = ctx_enter();
	struct vcomm *c = comm_get(local_comm), *made_comm = NULL;
	const int function = FN_MPI_Intercomm_create;
	int made = MPI_COMM_NULL, ret;
	bool begun = false;
	uint64_t call = 0;

	if (c) {
		coll_enter(ctx, c, function);
		if (c->rank == local_leader)
			begun = leaders_begin(ctx, comm_get(peer_comm),
					      remote_leader, tag, &call);
	}
	ret = REAL(Intercomm_create, real_comm(local_comm), local_leader,
		   real_comm(peer_comm), remote_leader, tag,
		   newintercomm ? &made : NULL);
	if (begun)
		group_call_end(call);
	if (!ret && made != MPI_COMM_NULL) {
		made_comm = comm_new(made, function, c, NULL, &ret);
		if (made_comm)
			ret = comm_publish(made_comm,
					   comm_intercomm_id(made_comm, tag));
	}
	if (ret)
		ret = error_comm(local_comm, ret, function);
	else
		*newintercomm = made_comm ? made_comm->obj.handle :
					    MPI_COMM_NULL;
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Intercomm_create);

/* --- the end
 * ---------------------------------------------------------------------- */

static int comm_free(MPI_Comm *comm, int function)
{
	struct thread_ctx *ctx = ctx_enter();
	struct vcomm *c = comm ? comm_get(*comm) : NULL;
	int ret, real;

	if (!c || c == comm_world || c == comm_self) {
		/* Not to be freed: the real library says so. */
		real = comm ? real_comm(*comm) : 0;
		ret = (int)CROSS(real_fn(function), comm ? &real : NULL);
		ret = error_comm(comm ? *comm : MPI_COMM_NULL, ret, function);
		ctx_leave(ctx);
		return ret;
	}
	coll_enter(ctx, c, function);
	ret = attr_delete_all(&c->attrs, c->obj.handle);
	if (ret) {
		ret = error_raise(c, ret, function);
	} else {
		/* Pending operations keep the record, and the real one. */
		comm_bury(c);
		*comm = MPI_COMM_NULL;
	}
	ctx_leave(ctx);
	return ret;
}

int PMPI_Comm_free(MPI_Comm *comm)
{
	return comm_free(comm, FN_MPI_Comm_free);
}
API_ALIAS(MPI_Comm_free);

/* Waits for pending communication, which a program has completed before by its
 * own requests; what is left to do is what MPI_Comm_free does. */
int PMPI_Comm_disconnect(MPI_Comm *comm)
{
	return comm_free(comm, FN_MPI_Comm_disconnect);
}
API_ALIAS(MPI_Comm_disconnect);

/* A revoked communicator is an error of every later call: nothing that could be
 * restored. */
int PMPIX_Comm_revoke(MPI_Comm comm)
{
	struct thread_ctx *ctx = ctx_enter();
	struct vcomm *c = comm_get(comm);
	int ret = (int)CROSS(real_fn(FN_MPIX_Comm_revoke), real_comm(comm));

	if (ret) {
		ret = error_comm(comm, ret, FN_MPIX_Comm_revoke);
	} else if (c && !c->opaque) {
		c->opaque = true;
		c->function = FN_MPIX_Comm_revoke;
		opaque_opened(FN_MPIX_Comm_revoke);
	}
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPIX_Comm_revoke);
