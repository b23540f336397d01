/* SPDX-License-Identifier: BSD-3-Clause */
/* p2p.c - sends and receives, blocking and not */
#include "mpi_wrappers/p2p.h"

#include "mpi_wrappers/deliver.h"
#include "mpi_wrappers/peers.h"
#include "mpi_wrappers/sync.h"
#include "runtime/lower/lower.h"
#include "runtime/process/process.h"

/* --- posting ---------------------------------------------------------------
 */

/* A message leaves this rank: before it is posted, so that it lies behind the
 * synchronous ones that are outstanding. */
static inline void count_sent(const struct vcomm *c, int peer, int tag)
{
	if (peer < 0)
		return;
	peer_sent(comm_peer_world(c, peer));
	if (__builtin_expect(sync_outstanding != 0, 0))
		sync_note(c, peer, tag);
}

/* A receive that finds its message in the drain queue. */
static int receive_drained(struct thread_ctx *ctx, struct vrequest *rq,
			   struct drained *d)
{
	struct p2p op = request_p2p(rq);
	MPI_Status status = { .MPI_ERROR = MPI_SUCCESS };
	bool posted;
	int ret = drained_deliver(ctx, d, &op, &status, &posted);

	if (!posted) {
		match_return(d);
		return ret;
	}
	request_posted(rq);
	rq->status = status;
	rq->error = ret;
	rq->state = REQ_DONE;
	return MPI_SUCCESS;
}

static int post_send(struct vrequest *rq)
{
	struct p2p op = request_p2p(rq);
	int ret = rq->persistent ?
			  (int)CROSS(real_fn(FN_MPI_Start), &rq->obj.real.id) :
			  p2p_post(&op, rq->comm, &rq->obj.real.id);

	if (ret)
		return ret;
	count_sent(rq->comm, rq->peer, rq->tag);
	if (__builtin_expect(rq->op == OP_SSEND, 0) && rq->peer >= 0)
		sync_begin(rq);
	request_posted(rq);
	return MPI_SUCCESS;
}

static int post_receive(struct thread_ctx *ctx, struct vrequest *rq)
{
	struct p2p op;
	int ret;

	if (match_any()) {
		struct drained *d = match_take(rq->comm, rq->peer, rq->tag);

		if (d)
			return receive_drained(ctx, rq, d);
	}
	op = request_p2p(rq);
	ret = rq->persistent ?
		      (int)CROSS(real_fn(FN_MPI_Start), &rq->obj.real.id) :
		      p2p_post(&op, rq->comm, &rq->obj.real.id);
	if (!ret)
		request_posted(rq);
	return ret;
}

int p2p_start(struct thread_ctx *ctx, struct vrequest *rq)
{
	rq->cancelled = false;
	return rq->op == OP_RECV ? post_receive(ctx, rq) : post_send(rq);
}

struct vrequest *p2p_request(struct thread_ctx *ctx, enum request_op kind,
			     const struct p2p *op, int *ret)
{
	struct vcomm *c = comm_get(op->comm);
	struct vrequest *rq;
	int real;

	if (__builtin_expect(!c, 0)) {
		/* The real library knows what is wrong with it. */
		*ret = p2p_post(op, NULL, &real);
		return NULL;
	}
	rq = request_take(kind, c, op->type);
	if (__builtin_expect(!rq, 0)) {
		*ret = MPI_ERR_NO_MEM;
		return NULL;
	}
	request_fill(rq, op);
	*ret = p2p_start(ctx, rq);
	if (__builtin_expect(*ret != MPI_SUCCESS, 0)) {
		request_give(rq);
		return NULL;
	}
	return rq;
}

/* --- non-blocking ----------------------------------------------------------
 */

/* The common case of p2p_request, inline: a standard send, or a receive while
 * nothing is in the drain queue. */
static inline struct vrequest *request_plain(enum request_op kind,
					     const struct p2p *op,
					     struct vcomm *c, int *ret)
{
	struct vrequest *rq = request_take_here(kind, c, op->type);

	if (__builtin_expect(!rq, 0)) {
		*ret = MPI_ERR_NO_MEM;
		return NULL;
	}
	request_fill(rq, op);
	*ret = p2p_post(op, c, &rq->obj.real.id);
	if (__builtin_expect(*ret != MPI_SUCCESS, 0)) {
		request_give(rq);
		return NULL;
	}
	if (kind == OP_SEND)
		count_sent(c, op->peer, op->tag);
	request_posted_here(rq);
	return rq;
}

static inline __attribute__((always_inline)) int start(enum request_op kind,
						       int function,
						       const struct p2p *op,
						       MPI_Request *request)
{
	struct thread_ctx *ctx = ctx_enter();
	struct vcomm *c = comm_get(op->comm);
	struct vrequest *rq;
	int ret = MPI_SUCCESS;

	if (__builtin_expect(!request, 0)) {
		ret = error_comm(op->comm, MPI_ERR_ARG, function);
		ctx_leave(ctx);
		return ret;
	}
	if (__builtin_expect(c && kind != OP_SSEND &&
				     !(kind == OP_RECV && match_any()),
			     1))
		rq = request_plain(kind, op, c, &ret);
	else
		rq = p2p_request(ctx, kind, op, &ret);
	if (__builtin_expect(rq != NULL, 1))
		*request = rq->obj.handle;
	else
		ret = error_comm(op->comm, ret, function);
	ctx_leave(ctx);
	return ret;
}

/* The four of a mode: Isend, Isend_c, Send, Send_c.  A ready send is a standard
 * one whose receive is posted already; after a restart that need not be so in
 * the real library, but no send is ever posted again. */
#define START_SEND(name, kind)                                                 \
	int PMPI_##name(const void *buf, int count, MPI_Datatype type,         \
			int dest, int tag, MPI_Comm comm,                      \
			MPI_Request *request)                                  \
	{                                                                      \
		return start(kind, FN_MPI_##name,                              \
			     &(struct p2p){ FN_MPI_##name, (void *)buf, count, \
					    type, dest, tag, comm },           \
			     request);                                         \
	}                                                                      \
	API_ALIAS(MPI_##name);                                                 \
	int PMPI_##name##_c(const void *buf, MPI_Count count,                  \
			    MPI_Datatype type, int dest, int tag,              \
			    MPI_Comm comm, MPI_Request *request)               \
	{                                                                      \
		return start(kind, FN_MPI_##name##_c,                          \
			     &(struct p2p){ FN_MPI_##name##_c, (void *)buf,    \
					    count, type, dest, tag, comm },    \
			     request);                                         \
	}                                                                      \
	API_ALIAS(MPI_##name##_c)

START_SEND(Isend, OP_SEND);
START_SEND(Irsend, OP_SEND);
START_SEND(Issend, OP_SSEND);

int PMPI_Irecv(void *buf, int count, MPI_Datatype type, int source, int tag,
	       MPI_Comm comm, MPI_Request *request)
{
	return start(OP_RECV, FN_MPI_Irecv,
		     &(struct p2p){ FN_MPI_Irecv, buf, count, type, source, tag,
				    comm },
		     request);
}
API_ALIAS(MPI_Irecv);

int PMPI_Irecv_c(void *buf, MPI_Count count, MPI_Datatype type, int source,
		 int tag, MPI_Comm comm, MPI_Request *request)
{
	return start(OP_RECV, FN_MPI_Irecv_c,
		     &(struct p2p){ FN_MPI_Irecv_c, buf, count, type, source,
				    tag, comm },
		     request);
}
API_ALIAS(MPI_Irecv_c);

/* --- blocking --------------------------------------------------------------
 */

/* The operation was posted, but this thread must look up before it is complete:
 * from now on a record says what is under way. */
static int finish_blocking(struct thread_ctx *ctx, enum request_op kind,
			   const struct p2p *op, struct vcomm *c, int real,
			   MPI_Status *status, int function)
{
	struct vrequest *rq = request_take(kind, c, op->type);
	static uint32_t never;
	int done = 0, ret;

	if (!rq) /* no memory: no checkpoint during this call */
		return (int)CROSS(lower_loops()->wait, &real, status, &never,
				  &done);
	request_fill(rq, op);
	rq->hidden = true;
	rq->obj.real.id = real;
	if (kind == OP_SSEND && op->peer >= 0)
		sync_begin(rq);
	request_posted(rq);
	request_wait(ctx, rq, function);
	request_status(status, rq);
	ret = rq->error;
	request_give(rq);
	return ret;
}

/* Post and wait by one crossing. */
static inline int blocking_call(struct thread_ctx *ctx, const struct p2p *op,
				const struct vcomm *c, MPI_Status *status,
				int *done, int *real)
{
	struct lower_p2p lower = {
		real_fn(op->post),     op->buf,	 (long)op->count,
		real_type(op->type),   op->peer, op->tag,
		comm_real(c, op->comm)
	};

	return (int)CROSS(lower_loops()->send_recv, &lower, status, &ctx->stop,
			  done, real);
}

/* By way of a record from the start. */
static int send_by_request(struct thread_ctx *ctx, enum request_op kind,
			   int function, const struct p2p *op)
{
	int ret;
	struct vrequest *rq = p2p_request(ctx, kind, op, &ret);

	if (!rq)
		return ret;
	rq->hidden = true;
	request_wait(ctx, rq, function);
	ret = rq->error;
	request_give(rq);
	return ret;
}

static int send_by_loop(struct thread_ctx *ctx, enum request_op kind,
			int function, const struct p2p *op)
{
	struct vcomm *c = comm_get(op->comm);
	int real = MPI_REQUEST_NULL, done = 0;
	int ret = blocking_call(ctx, op, c, MPI_STATUS_IGNORE, &done, &real);

	if (__builtin_expect(!c || ret, 0))
		return ret; /* nothing was posted, or the network is gone */
	count_sent(c, op->peer, op->tag);
	if (__builtin_expect(!done, 0))
		ret = finish_blocking(ctx, kind, op, c, real, MPI_STATUS_IGNORE,
				      function);
	return ret;
}

static inline int send_blocking(enum request_op kind, int function,
				const struct p2p *op)
{
	struct thread_ctx *ctx = ctx_enter();
	/* What other threads post behind a synchronous send must be counted. */
	int ret = kind == OP_SSEND && request_threaded ?
			  send_by_request(ctx, kind, function, op) :
			  send_by_loop(ctx, kind, function, op);

	if (__builtin_expect(ret != MPI_SUCCESS, 0))
		ret = error_comm(op->comm, ret, function);
	ctx_leave(ctx);
	return ret;
}

#define SEND(name, iname, kind)                                               \
	int PMPI_##name(const void *buf, int count, MPI_Datatype type,        \
			int dest, int tag, MPI_Comm comm)                     \
	{                                                                     \
		return send_blocking(kind, FN_MPI_##name,                     \
				     &(struct p2p){ FN_MPI_##iname,           \
						    (void *)buf, count, type, \
						    dest, tag, comm });       \
	}                                                                     \
	API_ALIAS(MPI_##name);                                                \
	int PMPI_##name##_c(const void *buf, MPI_Count count,                 \
			    MPI_Datatype type, int dest, int tag,             \
			    MPI_Comm comm)                                    \
	{                                                                     \
		return send_blocking(kind, FN_MPI_##name##_c,                 \
				     &(struct p2p){ FN_MPI_##iname##_c,       \
						    (void *)buf, count, type, \
						    dest, tag, comm });       \
	}                                                                     \
	API_ALIAS(MPI_##name##_c)

SEND(Send, Isend, OP_SEND);
SEND(Rsend, Irsend, OP_SEND);
SEND(Ssend, Issend, OP_SSEND);

/* The message is in the drain queue.  False: the arguments were wrong, or
 * another thread took it: go on as usual. */
static bool recv_drained(struct thread_ctx *ctx, const struct p2p *op,
			 const struct vcomm *c, MPI_Status *status, int *ret)
{
	struct drained *d = c ? match_take(c, op->peer, op->tag) : NULL;
	bool posted;

	if (!d)
		return false;
	*ret = drained_deliver(ctx, d, op, status, &posted);
	if (!posted)
		match_return(d);
	return true;
}

static inline int recv_blocking(int function, const struct p2p *op,
				MPI_Status *user)
{
	struct thread_ctx *ctx = ctx_enter();
	struct vcomm *c = comm_get(op->comm);
	/* cppcheck-suppress uninitvar ; it is filled before it is read */
	MPI_Status own, *status = user == MPI_STATUS_IGNORE ? &own : user;
	int real = MPI_REQUEST_NULL, done = 0, ret = MPI_ERR_ARG;

	if (__builtin_expect(!user, 0))
		goto out; /* before it is posted */
	if (match_any() && recv_drained(ctx, op, c, status, &ret))
		goto out;
	ret = blocking_call(ctx, op, c, status, &done, &real);
	if (__builtin_expect(done && ret == MPI_SUCCESS && c != NULL, 1)) {
		if (__builtin_expect(op->peer == MPI_PROC_NULL, 0))
			request_status_nobody(status);
		else
			peer_received(comm_peer_world(c, status->MPI_SOURCE));
	} else if (c && real != MPI_REQUEST_NULL && !done && !ret) {
		ret = finish_blocking(ctx, OP_RECV, op, c, real, status,
				      function);
	} else if (c && done) {
		request_received(c, op->peer, status, ret);
	}
out:
	if (__builtin_expect(ret != MPI_SUCCESS, 0))
		ret = error_comm(op->comm, ret, function);
	ctx_leave(ctx);
	return ret;
}

int PMPI_Recv(void *buf, int count, MPI_Datatype type, int source, int tag,
	      MPI_Comm comm, MPI_Status *status)
{
	return recv_blocking(FN_MPI_Recv,
			     &(struct p2p){ FN_MPI_Irecv, buf, count, type,
					    source, tag, comm },
			     status);
}
API_ALIAS(MPI_Recv);

int PMPI_Recv_c(void *buf, MPI_Count count, MPI_Datatype type, int source,
		int tag, MPI_Comm comm, MPI_Status *status)
{
	return recv_blocking(FN_MPI_Recv_c,
			     &(struct p2p){ FN_MPI_Irecv_c, buf, count, type,
					    source, tag, comm },
			     status);
}
API_ALIAS(MPI_Recv_c);
