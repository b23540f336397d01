/* SPDX-License-Identifier: BSD-3-Clause */
/* complete_some.c - to wait for one of many requests, and to test them */
#include "mpi_wrappers/batch.h"

#include "runtime/lower/lower.h"
#include "runtime/process/process.h"

/* How the functions go about it: complete.c. */

/* --- any -------------------------------------------------------------------
 */

/* Looks at each; the first that is DONE is handed out.  False: none is. */
static bool any_done(struct thread_ctx *ctx, struct batch *b,
		     MPI_Request requests[], int *index, MPI_Status *status,
		     int *ret)
{
	int active = 0;

	for (int i = 0; i < b->n; i++) {
		if (!b->rq[i] || b->rq[i]->state == REQ_INACTIVE)
			continue;
		active++;
		if (!request_progress(ctx, b->rq[i]))
			continue;
		*index = i;
		*ret = batch_deliver(b->rq[i], &requests[i], status);
		return true;
	}
	if (active)
		return false;
	*index = MPI_UNDEFINED;
	request_status_empty(status);
	*ret = MPI_SUCCESS;
	return true;
}

/* What the real library found: one, or that nothing is active. */
static int any_found(struct batch *b, MPI_Request requests[], int *index,
		     MPI_Status *status, int ret)
{
	if (*index == MPI_UNDEFINED) {
		request_status_empty(status);
		return ret;
	}
	batch_finished(b, *index, &b->status[0], ret);
	return batch_deliver(b->rq[*index], &requests[*index], status);
}

static int wait_any(struct thread_ctx *ctx, struct batch *b,
		    MPI_Request requests[], int *index, MPI_Status *status)
{
	for (;;) {
		int done = 0, ret;

		*index = MPI_UNDEFINED;
		if (batch_gather(b, requests) == BATCH_BAD)
			return REAL(Testany, b->n, b->real, index, &done,
				    b->status);
		if (b->kind == BATCH_PLAIN && b->n > 0) {
			b->status[0].count_hi_and_cancelled = 0;
			ret = (int)CROSS(lower_loops()->waitany, b->n, b->real,
					 index, b->status, &ctx->stop, &done);
			if (__builtin_expect(done, 1))
				return any_found(b, requests, index, status,
						 ret);
			if (ret)
				return ret;
		}
		if (any_done(ctx, b, requests, index, status, &ret))
			return ret;
		batch_again(ctx, b, FN_MPI_Waitany);
	}
}

int PMPI_Waitany(int n, MPI_Request requests[], int *index, MPI_Status *status)
{
	struct batch b;
	int ret = batch_begin(&b, n, index && status && (!n || requests),
			      FN_MPI_Waitany);

	if (__builtin_expect(ret != MPI_SUCCESS, 0))
		return ret;
	ret = wait_any(b.ctx, &b, requests, index, status);
	return batch_end(&b, ret, FN_MPI_Waitany);
}
API_ALIAS(MPI_Waitany);

static int test_any(struct thread_ctx *ctx, struct batch *b,
		    MPI_Request requests[], int *index, int *flag,
		    MPI_Status *status)
{
	int ret = MPI_SUCCESS;

	*flag = 0;
	*index = MPI_UNDEFINED;
	if (batch_gather(b, requests) == BATCH_BAD)
		return REAL(Testany, b->n, b->real, index, flag, b->status);
	if (b->kind == BATCH_PLAIN && b->n > 0) {
		b->status[0].count_hi_and_cancelled = 0;
		ret = REAL(Testany, b->n, b->real, index, flag, b->status);
		if (*flag)
			return any_found(b, requests, index, status, ret);
	} else if (any_done(ctx, b, requests, index, status, &ret)) {
		*flag = 1;
		return ret;
	}
	batch_polled(ctx, b, FN_MPI_Testany);
	return ret;
}

int PMPI_Testany(int n, MPI_Request requests[], int *index, int *flag,
		 MPI_Status *status)
{
	struct batch b;
	int ret = batch_begin(&b, n,
			      index && flag && status && (!n || requests),
			      FN_MPI_Testany);

	if (__builtin_expect(ret != MPI_SUCCESS, 0))
		return ret;
	ret = test_any(b.ctx, &b, requests, index, flag, status);
	return batch_end(&b, ret, FN_MPI_Testany);
}
API_ALIAS(MPI_Testany);

/* --- some ------------------------------------------------------------------
 */

/* Hands out all that are DONE, in order; gives MPI_ERR_IN_STATUS if one failed.
 */
static int some_deliver(struct batch *b, MPI_Request requests[], int *outcount,
			int indices[], MPI_Status statuses[], int real_ret)
{
	bool failed = false;
	int n = 0;

	for (int i = 0; i < b->n; i++)
		if (b->rq[i] && b->rq[i]->state == REQ_DONE &&
		    request_conclude(b->rq[i]))
			failed = true;
	for (int i = 0; i < b->n; i++) {
		MPI_Status *status = statuses == MPI_STATUSES_IGNORE ?
					     MPI_STATUS_IGNORE :
					     &statuses[n];
		int error;

		if (!b->rq[i] || b->rq[i]->state != REQ_DONE)
			continue;
		error = batch_deliver(b->rq[i], &requests[i], status);
		if (failed && status != MPI_STATUS_IGNORE)
			status->MPI_ERROR = error;
		indices[n++] = i;
	}
	*outcount = n;
	if (!failed)
		return MPI_SUCCESS;
	return real_ret ? real_ret : MPI_ERR_IN_STATUS;
}

static void some_finished(struct batch *b, int outcount, const int indices[],
			  int ret)
{
	for (int i = 0; i < outcount; i++)
		batch_finished(b, indices[i], &b->status[i],
			       ret == MPI_SUCCESS ? MPI_SUCCESS :
						    b->status[i].MPI_ERROR);
}

/* One look at all: true when the program can be told something. */
static bool some_look(struct thread_ctx *ctx, struct batch *b,
		      MPI_Request requests[], int *outcount, int indices[],
		      MPI_Status statuses[], int *ret)
{
	int active;

	if (batch_progress(ctx, b, &active)) {
		*ret = some_deliver(b, requests, outcount, indices, statuses,
				    0);
		return true;
	}
	*outcount = active ? 0 : MPI_UNDEFINED;
	*ret = MPI_SUCCESS;
	return !active;
}

static int wait_some(struct thread_ctx *ctx, struct batch *b,
		     MPI_Request requests[], int *outcount, int indices[],
		     MPI_Status statuses[])
{
	for (;;) {
		int ret;

		*outcount = 0;
		if (batch_gather(b, requests) == BATCH_BAD)
			return REAL(Testsome, b->n, b->real, outcount, indices,
				    b->status);
		if (b->kind == BATCH_PLAIN && b->n > 0) {
			batch_prepare(b);
			ret = (int)CROSS(lower_loops()->waitsome, b->n, b->real,
					 outcount, indices, b->status,
					 &ctx->stop);
			if (*outcount == MPI_UNDEFINED)
				return ret;
			if (*outcount > 0) {
				some_finished(b, *outcount, indices, ret);
				return some_deliver(b, requests, outcount,
						    indices, statuses, ret);
			}
			if (ret)
				return ret;
		}
		if (some_look(ctx, b, requests, outcount, indices, statuses,
			      &ret))
			return ret;
		batch_again(ctx, b, FN_MPI_Waitsome);
	}
}

int PMPI_Waitsome(int n, MPI_Request requests[], int *outcount, int indices[],
		  MPI_Status statuses[])
{
	struct batch b;
	int ret = batch_begin(&b, n,
			      outcount &&
				      (!n || (requests && indices && statuses)),
			      FN_MPI_Waitsome);

	if (__builtin_expect(ret != MPI_SUCCESS, 0))
		return ret;
	ret = wait_some(b.ctx, &b, requests, outcount, indices, statuses);
	return batch_end(&b, ret, FN_MPI_Waitsome);
}
API_ALIAS(MPI_Waitsome);

static int test_some(struct thread_ctx *ctx, struct batch *b,
		     MPI_Request requests[], int *outcount, int indices[],
		     MPI_Status statuses[])
{
	int ret;

	*outcount = 0;
	if (batch_gather(b, requests) == BATCH_BAD)
		return REAL(Testsome, b->n, b->real, outcount, indices,
			    b->status);
	if (b->kind == BATCH_PLAIN) {
		batch_prepare(b);
		ret = REAL(Testsome, b->n, b->real, outcount, indices,
			   b->status);
		if (*outcount == MPI_UNDEFINED)
			return ret;
		if (*outcount > 0) {
			some_finished(b, *outcount, indices, ret);
			return some_deliver(b, requests, outcount, indices,
					    statuses, ret);
		}
	} else if (some_look(ctx, b, requests, outcount, indices, statuses,
			     &ret)) {
		return ret;
	}
	batch_polled(ctx, b, FN_MPI_Testsome);
	return ret;
}

int PMPI_Testsome(int n, MPI_Request requests[], int *outcount, int indices[],
		  MPI_Status statuses[])
{
	struct batch b;
	int ret = batch_begin(&b, n,
			      outcount &&
				      (!n || (requests && indices && statuses)),
			      FN_MPI_Testsome);

	if (__builtin_expect(ret != MPI_SUCCESS, 0))
		return ret;
	ret = test_some(b.ctx, &b, requests, outcount, indices, statuses);
	return batch_end(&b, ret, FN_MPI_Testsome);
}
API_ALIAS(MPI_Testsome);
