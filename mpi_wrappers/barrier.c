/* SPDX-License-Identifier: BSD-3-Clause */
/* barrier.c - MPI_Barrier, which a checkpoint may step out of */
#include "mpi_wrappers/barrier.h"

#include "mpi_wrappers/p2p.h"

#include "runtime/lower/lower.h"
#include "runtime/process/process.h"

/*
 * Runs as MPI_Ibarrier in a loop that can be told to look up (DESIGN 4.2,
 * stepping out).  When it is, a record stands for the barrier: if all members
 * have entered it DRAIN completes it; if not, nobody can have left it, this
 * rank holds inside, and after a restart request_rebuild enters the new one.
 */
static int finish(struct thread_ctx *ctx, struct vcomm *c, int real)
{
	struct vrequest *rq = request_take(OP_BARRIER, c, MPI_DATATYPE_NULL);
	static uint32_t never;
	int done = 0, ret;

	if (!rq) /* no memory: no checkpoint during this call */
		return (int)CROSS(lower_loops()->wait, &real, MPI_STATUS_IGNORE,
				  &never, &done);
	rq->post = FN_MPI_Ibarrier;
	rq->peer = MPI_PROC_NULL;
	rq->hidden = true;
	rq->obj.real.id = real;
	request_posted(rq);
	request_wait(ctx, rq, FN_MPI_Barrier);
	ret = rq->error;
	request_give(rq);
	return ret;
}

static int barrier_run(struct thread_ctx *ctx, struct vcomm *c, int id)
{
	int real = MPI_REQUEST_NULL, done = 0, ret;

	ret = (int)CROSS(lower_loops()->barrier, id, &ctx->stop, &done, &real);
	if (__builtin_expect(c && !done && !ret, 0))
		ret = finish(ctx, c, real);
	return ret;
}

int barrier_enter(struct thread_ctx *ctx, struct vcomm *c, int function)
{
	int ret;

	coll_enter(ctx, c, function);
	frontier_barrier_begin(c);
	ret = barrier_run(ctx, c, c->obj.real.id);
	frontier_barrier_end(c);
	return ret;
}

int PMPI_Barrier(MPI_Comm comm)
{
	struct thread_ctx *ctx = ctx_enter();
	struct vcomm *c = comm_get(comm);
	int ret;

	if (__builtin_expect(c != NULL, 1))
		ret = barrier_enter(ctx, c, FN_MPI_Barrier);
	else
		ret = barrier_run(ctx, NULL, comm_real(NULL, comm));
	if (__builtin_expect(ret != MPI_SUCCESS, 0))
		ret = error_comm(comm, ret, FN_MPI_Barrier);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Barrier);
