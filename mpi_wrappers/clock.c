/* SPDX-License-Identifier: BSD-3-Clause */
/* clock.c - MPI_Wtime never runs back, on whatever node it goes on */
#include "mpi_wrappers/api.h"

#include "mpi_wrappers/clock.h"

static double offset;	/* what is added to the real library's clock */
static double captured; /* the program's time at the last capture */

double PMPI_Wtime(void)
{
	struct thread_ctx *ctx = ctx_enter();
	double now = cross_call_double(real_fn(FN_MPI_Wtime)) + offset;

	ctx_leave(ctx);
	return now;
}
API_ALIAS(MPI_Wtime);

double PMPI_Wtick(void)
{
	struct thread_ctx *ctx = ctx_enter();
	double tick = cross_call_double(real_fn(FN_MPI_Wtick));

	ctx_leave(ctx);
	return tick;
}
API_ALIAS(MPI_Wtick);

void clock_describe(void)
{
	captured = cross_call_double(real_fn(FN_MPI_Wtime)) + offset;
}

void clock_rebuild(void)
{
	double now = cross_call_double(real_fn(FN_MPI_Wtime));

	offset = now < captured ? captured - now : 0;
}
