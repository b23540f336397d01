/* SPDX-License-Identifier: BSD-3-Clause */
/* batch.c - an array of the program's requests on its way to the real library
 */
#include "mpi_wrappers/batch.h"

#include "runtime/process/process.h"

static bool room(struct batch *b, int n)
{
	size_t each = sizeof(*b->rq) + sizeof(*b->status) + sizeof(*b->real);

	b->n = n;
	b->memory = NULL;
	b->rq = b->rq_here;
	b->real = b->real_here;
	b->status = b->status_here;
	if (__builtin_expect(n <= BATCH_STACK, 1))
		return true;
	b->memory = upper_alloc((size_t)n * each);
	if (!b->memory)
		return false;
	b->rq = b->memory;
	b->status = (MPI_Status *)(b->rq + n);
	b->real = (int *)(b->status + n);
	return true;
}

/* The real library refuses what makes no sense. */
static int refuse(int n, int function)
{
	int done;

	if (n >= 0)
		return error_world(MPI_ERR_ARG, function);
	return error_world(REAL(Testall, n, (void *)0, &done, (void *)0),
			   function);
}

int batch_begin(struct batch *b, int n, bool pointers, int function)
{
	struct thread_ctx *ctx = ctx_enter();
	int ret = MPI_SUCCESS;

	b->ctx = ctx;
	if (__builtin_expect(n < 0 || !pointers, 0))
		ret = refuse(n, function);
	else if (__builtin_expect(!room(b, n), 0))
		ret = error_world(MPI_ERR_NO_MEM, function);
	if (__builtin_expect(ret != MPI_SUCCESS, 0))
		ctx_leave(ctx);
	return ret;
}

int batch_end(struct batch *b, int ret, int function)
{
	if (__builtin_expect(ret != MPI_SUCCESS, 0))
		ret = error_world(ret, function);
	if (__builtin_expect(b->memory != NULL, 0))
		upper_free(b->memory);
	ctx_leave(b->ctx);
	return ret;
}

/* MPICH 4.0.2's MPI_Testall gives MPI_ERR_IN_STATUS when only some of several
 * persistent collectives are complete, and releases a file's request twice. */
static inline bool is_for_one_by_one(const struct vrequest *rq)
{
	return rq->state > REQ_POSTED || rq->child[0] ||
	       rq->op == OP_PERSISTENT_COLLECTIVE || rq->op >= OP_OURS;
}

static inline bool is_simple(const struct vrequest *rq)
{
	return request_is_plain(rq, OP_SEND) ||
	       (request_is_plain(rq, OP_RECV) && rq->peer >= 0);
}

enum batch_kind batch_gather(struct batch *b, const MPI_Request requests[])
{
	b->kind = BATCH_PLAIN;
	b->simple = true;
	for (int i = 0; i < b->n; i++) {
		struct vrequest *rq = request_get(requests[i]);

		b->rq[i] = rq;
		if (__builtin_expect(rq != NULL, 1)) {
			b->real[i] = rq->obj.real.id;
			if (__builtin_expect(is_simple(rq), 1))
				continue;
			b->simple = false;
			if (__builtin_expect(is_for_one_by_one(rq), 0) &&
			    b->kind == BATCH_PLAIN)
				b->kind = BATCH_MIXED;
			continue;
		}
		b->simple = false;
		b->real[i] = request_real(requests[i]).id;
		if (requests[i] != MPI_REQUEST_NULL)
			b->kind = BATCH_BAD;
	}
	return b->kind;
}

void batch_finished(struct batch *b, int i, const MPI_Status *status, int error)
{
	struct vrequest *rq = b->rq[i];

	if (!rq || rq->state != REQ_POSTED)
		return;
	rq->obj.real.id = b->real[i];
	request_finished(rq, status, error);
}

int batch_progress(struct thread_ctx *ctx, struct batch *b, int *active)
{
	int done = 0;

	*active = 0;
	for (int i = 0; i < b->n; i++) {
		if (!b->rq[i] || b->rq[i]->state == REQ_INACTIVE)
			continue;
		++*active;
		done += request_progress(ctx, b->rq[i]);
	}
	return done;
}

void batch_wait_ours(struct batch *b)
{
	for (int i = 0; i < b->n; i++) {
		struct vrequest *rq = b->rq[i];

		if (rq && rq->op == OP_OURS && rq->state == REQ_POSTED &&
		    rq->kind->wait)
			rq->kind->wait(rq);
	}
}

void batch_blocked(struct thread_ctx *ctx, struct batch *b, int function)
{
	for (int i = 0; i < b->n; i++)
		if (b->rq[i] && (b->rq[i]->state == REQ_POSTED ||
				 b->rq[i]->state == REQ_AWAIT))
			request_blocked(ctx, b->rq[i], function);
}

int batch_deliver(struct vrequest *rq, MPI_Request *handle, MPI_Status *status)
{
	int error = request_conclude(rq);

	request_status(status, rq);
	if (rq->persistent) {
		rq->state = REQ_INACTIVE;
	} else {
		*handle = MPI_REQUEST_NULL;
		request_give(rq);
	}
	return error;
}

void batch_again(struct thread_ctx *ctx, struct batch *b, int function)
{
	if (atomic_load_explicit(&ctx->stop, memory_order_relaxed) ||
	    frontier_pending)
		batch_blocked(ctx, b, function);
	else if (b->kind != BATCH_PLAIN)
		sys_call(SYS_sched_yield);
}
