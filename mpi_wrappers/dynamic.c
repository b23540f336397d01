/* SPDX-License-Identifier: BSD-3-Clause */
/* dynamic.c - dynamic processes, where they are irregular */
#include "mpi_wrappers/api.h"

#include "mpi_wrappers/comm_private.h"

/*
 * They run natively.  While a communicator that one of them made lives, a
 * checkpoint is refused by the function's name (opaque.c); after
 * MPI_Comm_disconnect it is possible again.
 *
 * Debian's MPICH 4.0.2 (ch4:ucx) has none of it: MPI_Open_port and
 * MPI_Comm_join, also between ranks of one job, fail with "currently not
 * supported with ucx netmod", MPI_Comm_spawn fails too; only names can be
 * published and looked up. So tests show the refusal with tests/lib/joins.c.
 */

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
