/* SPDX-License-Identifier: BSD-3-Clause */
/* complete.c - to wait for one request or for all, and to test them */
#include "mpi_wrappers/batch.h"

#include "mpi_wrappers/peers.h"
#include "runtime/lower/lower.h"
#include "runtime/process/process.h"

/*
 * Each function asks the real library about all its requests by one crossing as
 * long as that knows them all (BATCH_PLAIN).  What comes back is put into the
 * records first, and from there into the program's arrays, so that the rest is
 * the same for a request that a checkpoint completed.
 */

/* --- one -------------------------------------------------------------------
 */

/* Null, inactive, or no handle at all. */
static int nothing(const struct vrequest *rq, MPI_Request request,
		   MPI_Status *status)
{
	int real, flag;

	if (rq || request == MPI_REQUEST_NULL) {
		request_status_empty(status);
		return MPI_SUCCESS;
	}
	real = request_real(request).id;
	return REAL(Test, &real, &flag, status);
}

static int raise(struct vcomm *comm, int ret, int function)
{
	return comm ? error_raise(comm, ret, function) :
		      error_world(ret, function);
}

/* Something that must not be null is. */
static int null_pointer(struct thread_ctx *ctx, const MPI_Request *request,
			int function)
{
	const struct vrequest *rq = request ? request_get(*request) : NULL;
	int ret = raise(rq ? rq->comm : NULL, MPI_ERR_ARG, function);

	ctx_leave(ctx);
	return ret;
}

int PMPI_Wait(MPI_Request *request, MPI_Status *status)
{
	struct thread_ctx *ctx = ctx_enter();
	struct vcomm *comm = NULL;
	struct vrequest *rq;
	int ret;

	if (__builtin_expect(!request || !status, 0))
		return null_pointer(ctx, request, FN_MPI_Wait);
	rq = request_get(*request);
	if (__builtin_expect(!rq || rq->state == REQ_INACTIVE, 0)) {
		ret = nothing(rq, *request, status);
	} else {
		if (rq->state == REQ_POSTED && !rq->child[0])
			request_wait_real(ctx, rq);
		if (__builtin_expect(rq->state != REQ_DONE, 0))
			request_wait(ctx, rq, FN_MPI_Wait);
		comm = rq->comm;
		ret = batch_deliver(rq, request, status);
	}
	if (__builtin_expect(ret != MPI_SUCCESS, 0))
		ret = raise(comm, ret, FN_MPI_Wait);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Wait);

int PMPI_Test(MPI_Request *request, int *flag, MPI_Status *status)
{
	struct thread_ctx *ctx = ctx_enter();
	struct vcomm *comm = NULL;
	struct vrequest *rq;
	int ret = MPI_SUCCESS;

	if (__builtin_expect(!request || !flag || !status, 0))
		return null_pointer(ctx, request, FN_MPI_Test);
	rq = request_get(*request);
	if (__builtin_expect(!rq || rq->state == REQ_INACTIVE, 0)) {
		*flag = 1;
		ret = nothing(rq, *request, status);
	} else if (request_progress(ctx, rq)) {
		*flag = 1;
		comm = rq->comm;
		ret = batch_deliver(rq, request, status);
	} else {
		*flag = 0;
		if (__builtin_expect(frontier_pending != 0, 0))
			request_blocked(ctx, rq, FN_MPI_Test);
	}
	if (__builtin_expect(ret != MPI_SUCCESS, 0))
		ret = raise(comm, ret, FN_MPI_Test);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Test);

/* --- all -------------------------------------------------------------------
 */

static void all_finished(struct batch *b, int ret)
{
	for (int i = 0; i < b->n; i++)
		batch_finished(b, i, &b->status[i],
			       ret == MPI_SUCCESS ? MPI_SUCCESS :
						    b->status[i].MPI_ERROR);
}

/* Everything is DONE: hand it out.  real_ret: what the real library said. */
static int all_deliver(struct batch *b, MPI_Request requests[],
		       MPI_Status statuses[], int real_ret)
{
	bool failed = false;

	for (int i = 0; i < b->n; i++)
		if (b->rq[i] && b->rq[i]->state == REQ_DONE &&
		    request_conclude(b->rq[i]))
			failed = true;
	for (int i = 0; i < b->n; i++) {
		MPI_Status *status = statuses == MPI_STATUSES_IGNORE ?
					     MPI_STATUS_IGNORE :
					     &statuses[i];
		int error = MPI_SUCCESS;

		if (!b->rq[i] || b->rq[i]->state != REQ_DONE)
			request_status_empty(status);
		else
			error = batch_deliver(b->rq[i], &requests[i], status);
		if (failed && status != MPI_STATUS_IGNORE)
			status->MPI_ERROR = error;
	}
	if (!failed)
		return MPI_SUCCESS;
	return real_ret ? real_ret : MPI_ERR_IN_STATUS;
}

/* A plain message: it is counted, and its record is free. */
static inline void end_plainly(struct vrequest *rq, const MPI_Status *real,
			       MPI_Request *handle, MPI_Status *status)
{
	if (rq->op == OP_RECV)
		request_received(rq->comm, rq->peer, real, MPI_SUCCESS);
	if (status != MPI_STATUS_IGNORE) {
		rq->status = *real;
		request_status(status, rq);
	}
	*handle = MPI_REQUEST_NULL;
	request_give_here(rq);
}

/* The real library completed all without an error. */
static int all_succeeded(struct batch *b, MPI_Request requests[],
			 MPI_Status statuses[])
{
	for (int i = 0; i < b->n; i++) {
		MPI_Status *status = statuses == MPI_STATUSES_IGNORE ?
					     MPI_STATUS_IGNORE :
					     &statuses[i];

		struct vrequest *rq = b->rq[i];

		if (__builtin_expect(rq && (request_is_plain(rq, OP_RECV) ||
					    request_is_plain(rq, OP_SEND)),
				     1)) {
			end_plainly(rq, &b->status[i], &requests[i], status);
			continue;
		}
		batch_finished(b, i, &b->status[i], MPI_SUCCESS);
		if (rq && rq->state == REQ_DONE)
			batch_deliver(rq, &requests[i], status);
		else
			request_status_empty(status);
	}
	return MPI_SUCCESS;
}

/*
 * A few simple requests whose statuses nobody wants: the real library is not
 * asked for any.  What failed took its message all the same: it was too long.
 */
static inline void simple_deliver(struct vrequest *rq, MPI_Request *handle)
{
	if (rq->op == OP_RECV && rq->peer < rq->comm->npeers)
		peer_received(comm_peer_world(rq->comm, rq->peer));
	*handle = MPI_REQUEST_NULL;
	request_give_here(rq);
}

/* Told to look up: remember what was complete by then. */
static void simple_stopped(struct batch *b)
{
	static const MPI_Status unwanted = { .MPI_ERROR = MPI_SUCCESS };

	for (int i = 0; i < b->n; i++)
		if (b->real[i] == MPI_REQUEST_NULL)
			batch_finished(b, i, &unwanted, b->status[i].MPI_ERROR);
}

/* Gives true when all of them are delivered, with the function's result. */
static inline bool wait_all_simple(struct thread_ctx *ctx, struct batch *b,
				   MPI_Request requests[], int *ret)
{
	int done = 0;

	*ret = (int)CROSS(lower_loops()->waiteach, b->n, b->real, b->status,
			  &ctx->stop, &done);
	if (__builtin_expect(!done, 0)) {
		simple_stopped(b);
		return false;
	}
	for (int i = 0; i < b->n; i++)
		simple_deliver(b->rq[i], &requests[i]);
	return true;
}

/* Wait in the lower half, once. */
static int wait_all_real(struct thread_ctx *ctx, struct batch *b,
			 MPI_Status *status, int *done)
{
	return (int)CROSS(lower_loops()->waitall, b->n, b->real, status,
			  &ctx->stop, done);
}

static int wait_all(struct thread_ctx *ctx, struct batch *b,
		    MPI_Request requests[], MPI_Status statuses[])
{
	for (;;) {
		int done = 0, active, ret;

		if (batch_gather(b, requests) == BATCH_BAD)
			return REAL(Testall, b->n, b->real, &done, b->status);
		if (b->simple && b->n <= BATCH_FEW &&
		    statuses == MPI_STATUSES_IGNORE) {
			if (__builtin_expect(wait_all_simple(ctx, b, requests,
							     &ret),
					     1))
				return ret;
		} else if (b->kind == BATCH_PLAIN) {
			batch_prepare(b);
			ret = wait_all_real(ctx, b, b->status, &done);
			if (__builtin_expect(done && !ret, 1))
				return all_succeeded(b, requests, statuses);
			if (done) {
				all_finished(b, ret);
				return all_deliver(b, requests, statuses, ret);
			}
			if (ret)
				return ret;
		}
		batch_wait_ours(b);
		if (batch_progress(ctx, b, &active) == active)
			return all_deliver(b, requests, statuses, 0);
		batch_again(ctx, b, FN_MPI_Waitall);
	}
}

int PMPI_Waitall(int n, MPI_Request requests[], MPI_Status statuses[])
{
	struct batch b;
	int ret = batch_begin(&b, n, !n || (requests && statuses),
			      FN_MPI_Waitall);

	if (__builtin_expect(ret != MPI_SUCCESS, 0))
		return ret;
	ret = wait_all(b.ctx, &b, requests, statuses);
	return batch_end(&b, ret, FN_MPI_Waitall);
}
API_ALIAS(MPI_Waitall);

static int test_all(struct thread_ctx *ctx, struct batch *b,
		    MPI_Request requests[], int *flag, MPI_Status statuses[])
{
	int done = 0, active, ret;

	*flag = 0;
	if (batch_gather(b, requests) == BATCH_BAD)
		return REAL(Testall, b->n, b->real, &done, b->status);
	if (b->kind == BATCH_PLAIN) {
		batch_prepare(b);
		ret = REAL(Testall, b->n, b->real, &done, b->status);
		if (done) {
			*flag = 1;
			all_finished(b, ret);
			return all_deliver(b, requests, statuses, ret);
		}
		if (ret)
			return ret;
	} else if (batch_progress(ctx, b, &active) == active) {
		*flag = 1;
		return all_deliver(b, requests, statuses, 0);
	}
	batch_polled(ctx, b, FN_MPI_Testall);
	return MPI_SUCCESS;
}

int PMPI_Testall(int n, MPI_Request requests[], int *flag,
		 MPI_Status statuses[])
{
	struct batch b;
	int ret = batch_begin(&b, n, flag && (!n || (requests && statuses)),
			      FN_MPI_Testall);

	if (__builtin_expect(ret != MPI_SUCCESS, 0))
		return ret;
	ret = test_all(b.ctx, &b, requests, flag, statuses);
	return batch_end(&b, ret, FN_MPI_Testall);
}
API_ALIAS(MPI_Testall);
