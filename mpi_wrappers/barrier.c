/* SPDX-License-Identifier: BSD-3-Clause */
/* barrier.c - MPI_Barrier and MPI_Ibarrier, which a checkpoint may step out of
 */
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
static struct vrequest *record(struct vcomm *c, int real, uint64_t number)
{
	struct vrequest *rq = request_take(OP_BARRIER, c, MPI_DATATYPE_NULL);

	if (!rq)
		return NULL;
	rq->post = FN_MPI_Ibarrier;
	rq->peer = MPI_PROC_NULL;
	rq->obj.real.id = real;
	rq->ordinal = number;
	request_posted(rq);
	return rq;
}

static int finish(struct thread_ctx *ctx, struct vcomm *c, int real,
		  uint64_t number)
{
	struct vrequest *rq = record(c, real, number);
	static uint32_t never;
	int done = 0, ret;

	if (!rq) /* no memory: no checkpoint during this call */
		return (int)CROSS(lower_loops()->wait, &real, MPI_STATUS_IGNORE,
				  &never, &done);
	rq->hidden = true;
	request_wait(ctx, rq, FN_MPI_Barrier);
	ret = rq->error;
	request_give(rq);
	return ret;
}

static int barrier_run(struct thread_ctx *ctx, struct vcomm *c, int id,
		       uint64_t number)
{
	int real = MPI_REQUEST_NULL, done = 0, ret;

	ret = (int)CROSS(lower_loops()->barrier, id, &ctx->stop, &done, &real);
	if (__builtin_expect(c && !done && !ret, 0))
		ret = finish(ctx, c, real, number);
	return ret;
}

int barrier_enter(struct thread_ctx *ctx, struct vcomm *c, int function)
{
	uint64_t number;
	int ret;

	coll_enter(ctx, c, function);
	number = frontier_barrier_begin(c);
	ret = barrier_run(ctx, c, c->obj.real.id, number);
	frontier_barrier_end(c, number);
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
		ret = barrier_run(ctx, NULL, comm_real(NULL, comm), 0);
	if (__builtin_expect(ret != MPI_SUCCESS, 0))
		ret = error_comm(comm, ret, FN_MPI_Barrier);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Barrier);

/* While it is under way the program may do anything else; what follows it on
 * its communicator is entered behind it, and then the epoch waits for both. */
int PMPI_Ibarrier(MPI_Comm comm, MPI_Request *request)
{
	struct thread_ctx *ctx = ctx_enter();
	struct vcomm *c = comm_get(comm);
	struct vrequest *rq = NULL;
	uint64_t number = 0;
	int real = MPI_REQUEST_NULL, ret;

	if (c) {
		coll_enter(ctx, c, FN_MPI_Ibarrier);
		number = frontier_barrier_begin(c);
	}
	ret = REAL(Ibarrier, comm_real(c, comm), request ? &real : NULL);
	if (c && !ret)
		rq = record(c, real, number);
	if (c && !rq)
		frontier_barrier_end(c, number);
	if (ret)
		ret = error_comm(comm, ret, FN_MPI_Ibarrier);
	else
		*request = rq ? rq->obj.handle : real;
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Ibarrier);
