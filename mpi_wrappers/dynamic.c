/* SPDX-License-Identifier: BSD-3-Clause */
/* dynamic.c - dynamic processes and sessions, where it is irregular */
#include "mpi_wrappers/api.h"

#include "mpi_wrappers/comm_private.h"

int PMPI_Comm_spawn_multiple(int count, char *array_of_commands[],
			     char **array_of_argv[],
			     const int array_of_maxprocs[],
			     const MPI_Info array_of_info[], int root,
			     MPI_Comm comm, MPI_Comm *intercomm,
			     int array_of_errcodes[])
{
	struct thread_ctx *ctx = ctx_enter();
	struct vcomm *c = comm_get(comm);
	/* Counts and arrays mean something at the root only. */
	bool at_root = c && c->rank == root && count > 0 && array_of_info;
	int *infos = NULL;
	int made = MPI_COMM_NULL, ret;

	if (at_root)
		infos = upper_alloc(sizeof(*infos) * (size_t)count);
	for (int i = 0; infos && i < count; i++)
		infos[i] = real_info(array_of_info[i]);
	if (c)
		coll_enter(ctx, c, FN_MPI_Comm_spawn_multiple);
	ret = (int)cross_call_stack(real_fn(FN_MPI_Comm_spawn_multiple),
				    (const long[]){
					    count, (long)array_of_commands,
					    (long)array_of_argv,
					    (long)array_of_maxprocs,
					    (long)(infos ? infos :
							   array_of_info),
					    root, real_comm(comm),
					    (long)(intercomm ? &made : NULL),
					    (long)array_of_errcodes },
				    9);
	upper_free(infos);
	if (ret)
		ret = error_comm(comm, ret, FN_MPI_Comm_spawn_multiple);
	else
		ret = comm_made_opaque(made, FN_MPI_Comm_spawn_multiple,
				       intercomm);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Comm_spawn_multiple);

/* The handler of communicators made of groups: raised by us from now on, but an
 * error of the call itself is the real library's. */
static int made_of_groups(int ret, int made, int function,
			  MPI_Errhandler errhandler, MPI_Comm *newcomm)
{
	if (ret)
		return ret;
	ret = comm_made_opaque(made, function, newcomm);
	if (!ret && *newcomm != MPI_COMM_NULL)
		ret = PMPI_Comm_set_errhandler(*newcomm, errhandler);
	return ret;
}

int PMPI_Comm_create_from_group(MPI_Group group, const char *stringtag,
				MPI_Info info, MPI_Errhandler errhandler,
				MPI_Comm *newcomm)
{
	struct thread_ctx *ctx = ctx_enter();
	int made = MPI_COMM_NULL;
	int ret = REAL(Comm_create_from_group, real_group(group), stringtag,
		       real_info(info), MPI_ERRORS_RETURN,
		       newcomm ? &made : NULL);

	ret = made_of_groups(ret, made, FN_MPI_Comm_create_from_group,
			     errhandler, newcomm);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Comm_create_from_group);

int PMPI_Intercomm_create_from_groups(MPI_Group local_group, int local_leader,
				      MPI_Group remote_group, int remote_leader,
				      const char *stringtag, MPI_Info info,
				      MPI_Errhandler errhandler,
				      MPI_Comm *newintercomm)
{
	struct thread_ctx *ctx = ctx_enter();
	int made = MPI_COMM_NULL;
	int ret = (int)
		cross_call_stack(real_fn(FN_MPI_Intercomm_create_from_groups),
				 (const long[]){
					 real_group(local_group), local_leader,
					 real_group(remote_group),
					 remote_leader, (long)stringtag,
					 real_info(info), MPI_ERRORS_RETURN,
					 (long)(newintercomm ? &made : NULL) },
				 8);

	ret = made_of_groups(ret, made, FN_MPI_Intercomm_create_from_groups,
			     errhandler, newintercomm);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Intercomm_create_from_groups);

/* --- sessions
 * -------------------------------------------------------------------------- */

int PMPI_Session_init(MPI_Info info, MPI_Errhandler errhandler,
		      MPI_Session *session)
{
	struct thread_ctx *ctx = ctx_enter();
	int ret = REAL(Session_init, real_info(info),
		       real_errhandler(errhandler), session);

	if (!ret)
		opaque_opened(FN_MPI_Session_init);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Session_init);

int PMPI_Session_finalize(MPI_Session *session)
{
	struct thread_ctx *ctx = ctx_enter();
	int ret = REAL(Session_finalize, session);

	if (!ret)
		opaque_closed(FN_MPI_Session_init);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Session_finalize);
