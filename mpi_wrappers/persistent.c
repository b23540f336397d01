/* SPDX-License-Identifier: BSD-3-Clause */
/* persistent.c - requests that are made once and started many times */
#include "mpi_wrappers/p2p.h"

#include "runtime/lower/lower.h"
#include "runtime/process/process.h"

/* --- making ----------------------------------------------------------------
 */

static int make(enum request_op kind, const struct p2p *op,
		MPI_Request *request)
{
	struct thread_ctx *ctx = ctx_enter();
	struct vcomm *c = comm_get(op->comm);
	struct vrequest *rq;
	int real = MPI_REQUEST_NULL;
	int ret = p2p_post(op, c, request ? &real : NULL);

	rq = ret ? NULL : request_take(kind, c, op->type);
	if (!ret && !rq) {
		(void)REAL(Request_free, &real);
		ret = MPI_ERR_NO_MEM;
	}
	if (ret) {
		ret = error_comm(op->comm, ret, op->post);
	} else {
		request_fill(rq, op);
		rq->persistent = true;
		rq->obj.real.id = real;
		*request = rq->obj.handle;
	}
	ctx_leave(ctx);
	return ret;
}

#define MAKE(name, kind, buffer_t)                                            \
	int PMPI_##name(buffer_t buf, int count, MPI_Datatype type, int peer, \
			int tag, MPI_Comm comm, MPI_Request *request)         \
	{                                                                     \
		return make(kind,                                             \
			    &(struct p2p){ FN_MPI_##name, (void *)buf, count, \
					   type, peer, tag, comm },           \
			    request);                                         \
	}                                                                     \
	API_ALIAS(MPI_##name);                                                \
	int PMPI_##name##_c(buffer_t buf, MPI_Count count, MPI_Datatype type, \
			    int peer, int tag, MPI_Comm comm,                 \
			    MPI_Request *request)                             \
	{                                                                     \
		return make(kind,                                             \
			    &(struct p2p){ FN_MPI_##name##_c, (void *)buf,    \
					   count, type, peer, tag, comm },    \
			    request);                                         \
	}                                                                     \
	API_ALIAS(MPI_##name##_c)

MAKE(Send_init, OP_SEND, const void *);
MAKE(Ssend_init, OP_SSEND, const void *);
MAKE(Rsend_init, OP_SEND, const void *);
MAKE(Recv_init, OP_RECV, void *);
/* The real request of a buffered one is made for its checks of the arguments
 * only: starting it packs and sends as MPI_Bsend does (bsend.c). */
MAKE(Bsend_init, OP_BSEND, const void *);

/* --- starting --------------------------------------------------------------
 */

static int start_bsend(struct thread_ctx *ctx, struct vrequest *rq)
{
	struct p2p op = request_p2p(rq);
	int ret = bsend_start(ctx, &op, rq->comm);

	if (ret)
		return ret;
	rq->status = (MPI_Status){ .MPI_ERROR = MPI_SUCCESS };
	rq->error = MPI_SUCCESS;
	rq->state = REQ_DONE;
	return MPI_SUCCESS;
}

static int start_in_library(struct vrequest *rq)
{
	int ret = REAL(Start, &rq->obj.real.id);

	if (!ret)
		request_posted(rq);
	return ret;
}

static int start(struct thread_ctx *ctx, struct vrequest *rq)
{
	switch (rq->op) {
	case OP_BSEND:
		return start_bsend(ctx, rq);
	case OP_PERSISTENT_COLLECTIVE:
		/* Each start is a collective of its own (TRAPS MPI 5). */
		coll_enter(ctx, rq->comm, rq->post);
		return start_in_library(rq);
	case OP_OURS:
		return rq->kind->start(ctx, rq);
	case OP_OPAQUE:
		return start_in_library(rq);
	default:
		return p2p_start(ctx, rq);
	}
}

/* Not a handle, not persistent, or active already: the real library says so. */
static int refuse(const struct vrequest *rq, MPI_Request request)
{
	int real = rq ? 0 : request_real(request).id;

	return REAL(Start, &real);
}

static int start_handle(struct thread_ctx *ctx, MPI_Request request)
{
	struct vrequest *rq = request_get(request);

	if (!rq || !rq->persistent || rq->state != REQ_INACTIVE)
		return refuse(rq, request);
	return start(ctx, rq);
}

int PMPI_Start(MPI_Request *request)
{
	struct thread_ctx *ctx = ctx_enter();
	int ret = request ? start_handle(ctx, *request) : MPI_ERR_ARG;

	if (ret)
		ret = error_world(ret, FN_MPI_Start);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Start);

int PMPI_Startall(int n, MPI_Request requests[])
{
	struct thread_ctx *ctx = ctx_enter();
	int ret = MPI_SUCCESS;

	if (n < 0 || (n && !requests))
		ret = REAL(Startall, n, requests);
	for (int i = 0; i < n && !ret; i++)
		ret = start_handle(ctx, requests[i]);
	if (ret)
		ret = error_world(ret, FN_MPI_Startall);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Startall);
