/* SPDX-License-Identifier: BSD-3-Clause */
/* tool.c - MPI_T: initialized again in a new lower half */
#include "mpi_wrappers/api.h"

#include <errno.h>

/* How often, and at which level, the program initialized the interface. */
static int initialized;
static int level;

int PMPI_T_init_thread(int required, int *provided)
{
	struct thread_ctx *ctx = ctx_enter();
	int ret = REAL(T_init_thread, required, provided);

	if (!ret) {
		initialized++;
		level = required;
	}
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_T_init_thread);

int PMPI_T_finalize(void)
{
	struct thread_ctx *ctx = ctx_enter();
	int ret = REAL(T_finalize);

	if (!ret)
		initialized--;
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_T_finalize);

int tool_rebuild(struct err *err)
{
	int provided;

	for (int i = 0; i < initialized; i++)
		if (REAL(T_init_thread, level, &provided))
			return err_set(err, -EIO,
				       "MPI_T cannot be initialized again");
	return 0;
}
