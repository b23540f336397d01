/* SPDX-License-Identifier: BSD-3-Clause */
/* sendrecv.c - a send and a receive in one call */
#include "mpi_wrappers/p2p.h"

#include <limits.h>

#include "runtime/lower/lower.h"
#include "runtime/process/process.h"

/*
 * Both halves are records from the start: whatever happens between them (a
 * checkpoint, a restart) they are continued, never issued again (TRAPS MPI
 * 10).  The receive is posted first, as a send to oneself needs it.
 */
struct pair {
	struct vrequest *receive, *send;
};

/* The send was refused after its receive was posted: take that back. */
static void pair_undo(struct thread_ctx *ctx, struct vrequest *receive,
		      int function)
{
	if (receive->state == REQ_POSTED) {
		receive->cancelled = true;
		CROSS(real_fn(FN_MPI_Cancel), &receive->obj.real.id);
		request_wait(ctx, receive, function);
	}
	request_give(receive);
}

static int pair_post(struct thread_ctx *ctx, const struct p2p *send,
		     const struct p2p *receive, int function, struct pair *pair)
{
	int ret;

	pair->receive = p2p_request(ctx, OP_RECV, receive, &ret);
	if (!pair->receive)
		return ret;
	pair->receive->hidden = true;
	pair->send = p2p_request(ctx, OP_SEND, send, &ret);
	if (!pair->send) {
		pair_undo(ctx, pair->receive, function);
		return ret;
	}
	pair->send->hidden = true;
	return MPI_SUCCESS;
}

/* Both by one crossing, while nothing is unusual. */
static void pair_wait_real(struct thread_ctx *ctx, const struct pair *pair)
{
	MPI_Status status[2] = { { .MPI_ERROR = MPI_SUCCESS },
				 { .MPI_ERROR = MPI_SUCCESS } };
	int real[2] = { pair->receive->obj.real.id, pair->send->obj.real.id };
	int done = 0;
	int ret = (int)CROSS(lower_loops()->waitall, 2, real, status,
			     &ctx->stop, &done);

	if (!done)
		return;
	if (ret == MPI_SUCCESS)
		status[0].MPI_ERROR = status[1].MPI_ERROR = MPI_SUCCESS;
	pair->receive->obj.real.id = pair->send->obj.real.id = MPI_REQUEST_NULL;
	request_finished(pair->receive, &status[0], status[0].MPI_ERROR);
	request_finished(pair->send, &status[1], status[1].MPI_ERROR);
}

static int pair_wait(struct thread_ctx *ctx, const struct pair *pair,
		     MPI_Status *status, int function)
{
	int ret;

	if (pair->receive->state == REQ_POSTED &&
	    pair->send->state == REQ_POSTED)
		pair_wait_real(ctx, pair);
	if (__builtin_expect(pair->receive->state != REQ_DONE, 0))
		request_wait(ctx, pair->receive, function);
	if (__builtin_expect(pair->send->state != REQ_DONE, 0))
		request_wait(ctx, pair->send, function);
	request_status(status, pair->receive);
	ret = pair->receive->error ? pair->receive->error : pair->send->error;
	request_give(pair->receive);
	request_give(pair->send);
	return ret;
}

static int exchange(const struct p2p *send, const struct p2p *receive,
		    MPI_Status *status, int function)
{
	struct thread_ctx *ctx = ctx_enter();
	struct pair pair;
	int ret = status ? pair_post(ctx, send, receive, function, &pair) :
			   MPI_ERR_ARG;

	if (!ret)
		ret = pair_wait(ctx, &pair, status, function);
	if (__builtin_expect(ret != MPI_SUCCESS, 0))
		ret = error_comm(send->comm, ret, function);
	ctx_leave(ctx);
	return ret;
}

/* The request of a pair: its children are waited for together. */
static int pair_request(struct thread_ctx *ctx, const struct p2p *send,
			const struct p2p *receive, int function, void *temp,
			MPI_Request *request)
{
	struct vcomm *c = comm_get(send->comm);
	struct vrequest *rq;
	struct pair pair;
	int ret = pair_post(ctx, send, receive, function, &pair);

	if (ret) {
		upper_free(temp);
		return ret;
	}
	rq = request_take(OP_SENDRECV, c, MPI_DATATYPE_NULL);
	if (!rq) {
		/* Without a record for both it can still be waited for. */
		pair.send->temp = temp;
		pair_wait(ctx, &pair, MPI_STATUS_IGNORE, function);
		return MPI_ERR_NO_MEM;
	}
	rq->child[0] = pair.receive;
	rq->child[1] = pair.send;
	rq->peer = receive->peer;
	rq->tag = receive->tag;
	rq->temp = temp;
	request_posted(rq);
	*request = rq->obj.handle;
	return MPI_SUCCESS;
}

static int start_exchange(const struct p2p *send, const struct p2p *receive,
			  MPI_Request *request, int function)
{
	struct thread_ctx *ctx = ctx_enter();
	int ret = request ? pair_request(ctx, send, receive, function, NULL,
					 request) :
			    MPI_ERR_ARG;

	if (ret)
		ret = error_comm(send->comm, ret, function);
	ctx_leave(ctx);
	return ret;
}

/* --- in place: what is sent is packed first ----------------------------------
 */

/* op becomes a send of the packed bytes; *temp is the caller's. */
static int pack(struct p2p *op, void **temp)
{
	size_t len;
	int ret;

	*temp = NULL;
	if (op->peer == MPI_PROC_NULL)
		return MPI_SUCCESS;
	ret = p2p_pack(op, comm_get(op->comm), temp, &len);
	if (ret)
		return ret;
	op->buf = *temp;
	op->count = (MPI_Count)len;
	op->type = MPI_PACKED;
	op->post = len > INT_MAX ? FN_MPI_Isend_c : FN_MPI_Isend;
	return MPI_SUCCESS;
}

static int exchange_in_place(struct p2p *send, const struct p2p *receive,
			     MPI_Status *status, int function)
{
	struct thread_ctx *ctx = ctx_enter();
	struct pair pair;
	void *temp;
	int ret = status ? pack(send, &temp) : MPI_ERR_ARG;

	if (!ret) {
		ret = pair_post(ctx, send, receive, function, &pair);
		if (!ret)
			ret = pair_wait(ctx, &pair, status, function);
		upper_free(temp);
	}
	if (ret)
		ret = error_comm(send->comm, ret, function);
	ctx_leave(ctx);
	return ret;
}

static int start_in_place(struct p2p *send, const struct p2p *receive,
			  MPI_Request *request, int function)
{
	struct thread_ctx *ctx = ctx_enter();
	void *temp;
	int ret = request ? pack(send, &temp) : MPI_ERR_ARG;

	if (!ret)
		ret = pair_request(ctx, send, receive, function, temp, request);
	if (ret)
		ret = error_comm(send->comm, ret, function);
	ctx_leave(ctx);
	return ret;
}

/* --- the functions, each with its form for large counts ----------------------
 */

/* clang-format off */
#define SENDRECV(c_, count_t)                                                 \
	int PMPI_Sendrecv##c_(const void *sendbuf, count_t sendcount,         \
			      MPI_Datatype sendtype, int dest, int sendtag,   \
			      void *recvbuf, count_t recvcount,               \
			      MPI_Datatype recvtype, int source, int recvtag, \
			      MPI_Comm comm, MPI_Status *status)              \
	{                                                                     \
		return exchange(                                              \
			&(struct p2p){ FN_MPI_Isend##c_, (void *)sendbuf,     \
				       sendcount, sendtype, dest, sendtag,    \
				       comm },                                \
			&(struct p2p){ FN_MPI_Irecv##c_, recvbuf, recvcount,  \
				       recvtype, source, recvtag, comm },     \
			status, FN_MPI_Sendrecv##c_);                         \
	}                                                                     \
	API_ALIAS(MPI_Sendrecv##c_);                                          \
	int PMPI_Isendrecv##c_(const void *sendbuf, count_t sendcount,        \
			       MPI_Datatype sendtype, int dest, int sendtag,  \
			       void *recvbuf, count_t recvcount,              \
			       MPI_Datatype recvtype, int source,             \
			       int recvtag, MPI_Comm comm,                    \
			       MPI_Request *request)                          \
	{                                                                     \
		return start_exchange(                                        \
			&(struct p2p){ FN_MPI_Isend##c_, (void *)sendbuf,     \
				       sendcount, sendtype, dest, sendtag,    \
				       comm },                                \
			&(struct p2p){ FN_MPI_Irecv##c_, recvbuf, recvcount,  \
				       recvtype, source, recvtag, comm },     \
			request, FN_MPI_Isendrecv##c_);                       \
	}                                                                     \
	API_ALIAS(MPI_Isendrecv##c_);                                         \
	int PMPI_Sendrecv_replace##c_(void *buf, count_t count,               \
				      MPI_Datatype type, int dest,            \
				      int sendtag, int source, int recvtag,   \
				      MPI_Comm comm, MPI_Status *status)      \
	{                                                                     \
		return exchange_in_place(                                     \
			&(struct p2p){ FN_MPI_Isend##c_, buf, count, type,    \
				       dest, sendtag, comm },                 \
			&(struct p2p){ FN_MPI_Irecv##c_, buf, count, type,    \
				       source, recvtag, comm },               \
			status, FN_MPI_Sendrecv_replace##c_);                 \
	}                                                                     \
	API_ALIAS(MPI_Sendrecv_replace##c_);                                  \
	int PMPI_Isendrecv_replace##c_(void *buf, count_t count,              \
				       MPI_Datatype type, int dest,           \
				       int sendtag, int source, int recvtag,  \
				       MPI_Comm comm, MPI_Request *request)   \
	{                                                                     \
		return start_in_place(                                        \
			&(struct p2p){ FN_MPI_Isend##c_, buf, count, type,    \
				       dest, sendtag, comm },                 \
			&(struct p2p){ FN_MPI_Irecv##c_, buf, count, type,    \
				       source, recvtag, comm },               \
			request, FN_MPI_Isendrecv_replace##c_);               \
	}                                                                     \
	API_ALIAS(MPI_Isendrecv_replace##c_)
/* clang-format on */

SENDRECV(, int);
SENDRECV(_c, MPI_Count);
