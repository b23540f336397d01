/* SPDX-License-Identifier: BSD-3-Clause */
/* p2p.c - sends and receives, blocking and not */
#include "mpi_wrappers/p2p.h"

#include "mpi_wrappers/deliver.h"
#include "mpi_wrappers/peers.h"
#include "mpi_wrappers/sync.h"
#include "runtime/lower/lower.h"
#include "runtime/process/process.h"

/*
 * What a message costs beside the real function is latency between two writes
 * of FS (cross.S), so nothing goes through memory that can stay in a register.
 * An operation is passed by value and taken apart by the compiler, which it
 * does only as long as nobody wants it whole: what is not inline gets the
 * parts.
 */
#define HOT   static inline __attribute__((always_inline))
#define APART static __attribute__((noinline))
#define PARTS(op)                                                        \
	(op).post, (op).buf, (op).count, (op).type, (op).peer, (op).tag, \
		(op).comm
#define PARTS_GIVEN                                                        \
	int post, void *buf, MPI_Count count, MPI_Datatype type, int peer, \
		int tag, MPI_Comm comm
#define WHOLE ((struct p2p){ post, buf, count, type, peer, tag, comm })

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

static int post_real(struct vrequest *rq)
{
	struct p2p op = request_p2p(rq);

	return rq->persistent ?
		       (int)CROSS(real_fn(FN_MPI_Start), &rq->obj.real.id) :
		       p2p_post(&op, rq->comm, &rq->obj.real.id);
}

static int post_send(struct vrequest *rq)
{
	int ret = post_real(rq);

	if (ret)
		return ret;
	count_sent(rq->comm, rq->peer, rq->tag);
	if (__builtin_expect(rq->op == OP_SSEND, 0) && rq->peer >= 0)
		sync_begin(rq);
	request_posted(rq);
	return MPI_SUCCESS;
}

static int post_ssend(struct thread_ctx *ctx, struct vrequest *rq)
{
	int ret;

	drain_sync_begin(ctx, rq->comm, rq->peer, rq->tag, rq->post);
	ret = post_send(rq);
	drain_sync_end();
	return ret;
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
	if (rq->op == OP_RECV)
		return post_receive(ctx, rq);
	return rq->op == OP_SSEND ? post_ssend(ctx, rq) : post_send(rq);
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

APART int start_any(struct thread_ctx *ctx, enum request_op kind, int function,
		    PARTS_GIVEN, MPI_Request *request)
{
	struct vrequest *rq = NULL;
	int ret = MPI_ERR_ARG;

	if (request) /* else nothing is posted */
		rq = p2p_request(ctx, kind, &WHOLE, &ret);
	if (!rq)
		return error_comm(comm, ret, function);
	*request = rq->obj.handle;
	return MPI_SUCCESS;
}

/* The common case of p2p_request: one thread calls MPI, a standard send with no
 * synchronous one before it, or a receive while nothing is in the drain queue.
 */
static inline bool starts_plainly(enum request_op kind, const struct vcomm *c)
{
	if (!c || kind == OP_SSEND || request_threaded || !request_free_list)
		return false;
	return kind == OP_RECV ? !match_any() : !sync_outstanding;
}

HOT int start_plain(enum request_op kind, int function, struct p2p op,
		    struct vcomm *c, MPI_Request *request)
{
	struct vrequest *rq = request_free_list;
	int ret;

	request_free_list = rq->next;
	rq->mode = REQUEST_PLAIN(kind);
	rq->comm = c;
	rq->seq = ++request_last_number;
	request_set_type(rq, op.type);
	rq->peer = op.peer;
	rq->tag = op.tag;
	rq->buf = op.buf;
	rq->count = op.count;
	rq->post = op.post;
	ret = p2p_post(&op, c, &rq->obj.real.id);
	if (__builtin_expect(ret != MPI_SUCCESS, 0)) {
		request_give(rq);
		return error_comm(op.comm, ret, function);
	}
	if (kind == OP_SEND && op.peer >= 0)
		peer_sent(comm_peer_world(c, op.peer));
	*request = rq->obj.handle;
	return MPI_SUCCESS;
}

HOT int start(enum request_op kind, int function, struct p2p op,
	      MPI_Request *request)
{
	struct thread_ctx *ctx = ctx_enter();
	struct vcomm *c = comm_get(op.comm);
	int ret = __builtin_expect(request && starts_plainly(kind, c), 1) ?
			  start_plain(kind, function, op, c, request) :
			  start_any(ctx, kind, function, PARTS(op), request);

	ctx_leave(ctx);
	return ret;
}

/* The four of a mode: Isend, Isend_c, Send, Send_c.  A ready send is a standard
 * one whose receive is posted already; after a restart that need not be so in
 * the real library, but no send is ever posted again. */
#define START_SEND(name, kind)                                                \
	int PMPI_##name(const void *buf, int count, MPI_Datatype type,        \
			int dest, int tag, MPI_Comm comm,                     \
			MPI_Request *request)                                 \
	{                                                                     \
		return start(kind, FN_MPI_##name,                             \
			     (struct p2p){ FN_MPI_##name, (void *)buf, count, \
					   type, dest, tag, comm },           \
			     request);                                        \
	}                                                                     \
	API_ALIAS(MPI_##name);                                                \
	int PMPI_##name##_c(const void *buf, MPI_Count count,                 \
			    MPI_Datatype type, int dest, int tag,             \
			    MPI_Comm comm, MPI_Request *request)              \
	{                                                                     \
		return start(kind, FN_MPI_##name##_c,                         \
			     (struct p2p){ FN_MPI_##name##_c, (void *)buf,    \
					   count, type, dest, tag, comm },    \
			     request);                                        \
	}                                                                     \
	API_ALIAS(MPI_##name##_c)

START_SEND(Isend, OP_SEND);
START_SEND(Irsend, OP_SEND);
START_SEND(Issend, OP_SSEND);

int PMPI_Irecv(void *buf, int count, MPI_Datatype type, int source, int tag,
	       MPI_Comm comm, MPI_Request *request)
{
	return start(OP_RECV, FN_MPI_Irecv,
		     (struct p2p){ FN_MPI_Irecv, buf, count, type, source, tag,
				   comm },
		     request);
}
API_ALIAS(MPI_Irecv);

int PMPI_Irecv_c(void *buf, MPI_Count count, MPI_Datatype type, int source,
		 int tag, MPI_Comm comm, MPI_Request *request)
{
	return start(OP_RECV, FN_MPI_Irecv_c,
		     (struct p2p){ FN_MPI_Irecv_c, buf, count, type, source,
				   tag, comm },
		     request);
}
API_ALIAS(MPI_Irecv_c);

/* --- blocking --------------------------------------------------------------
 */

/* The operation was posted, but this thread must look up before it is complete:
 * from now on a record says what is under way. */
APART int finish_blocking(struct thread_ctx *ctx, enum request_op kind,
			  PARTS_GIVEN, struct vcomm *c, int real,
			  MPI_Status *status, int function)
{
	struct vrequest *rq = request_take(kind, c, type);
	static uint32_t never;
	int done = 0, ret;

	if (!rq) /* no memory: no checkpoint during this call */
		return (int)CROSS(lower_loops()->wait, &real, status, &never,
				  &done);
	request_fill(rq, &WHOLE);
	rq->hidden = true;
	rq->obj.real.id = real;
	if (kind == OP_SSEND && peer >= 0)
		sync_begin(rq);
	request_posted(rq);
	request_wait(ctx, rq, function);
	request_status(status, rq);
	ret = rq->error;
	request_give(rq);
	return ret;
}

/* Post and wait by one crossing. */
HOT int blocking_call(struct p2p op, const struct vcomm *c,
		      struct lower_call *call)
{
	call->post = real_fn(op.post);
	return (int)cross_call7(lower_loops()->send_recv, (long)op.buf,
				(long)op.count, real_type(op.type), op.peer,
				op.tag, comm_real(c, op.comm), (long)call);
}

/* By way of a record from the start. */
APART int send_by_request(struct thread_ctx *ctx, enum request_op kind,
			  int function, PARTS_GIVEN)
{
	int ret;
	struct vrequest *rq = p2p_request(ctx, kind, &WHOLE, &ret);

	if (!rq)
		return ret;
	rq->hidden = true;
	request_wait(ctx, rq, function);
	ret = rq->error;
	request_give(rq);
	return ret;
}

HOT int send_by_loop(struct thread_ctx *ctx, enum request_op kind, int function,
		     struct p2p op)
{
	struct vcomm *c = comm_get(op.comm);
	struct lower_call call = { .status = MPI_STATUS_IGNORE,
				   .stop = &ctx->stop,
				   .req = MPI_REQUEST_NULL };
	int ret;

	if (kind == OP_SSEND) { /* and no other thread calls MPI */
		drain_sync_begin(ctx, c, op.peer, op.tag, function);
		drain_sync_end();
	}
	ret = blocking_call(op, c, &call);
	if (__builtin_expect(!c || ret, 0))
		return ret; /* nothing was posted, or the network is gone */
	count_sent(c, op.peer, op.tag);
	if (__builtin_expect(!call.done, 0))
		ret = finish_blocking(ctx, kind, PARTS(op), c, call.req,
				      MPI_STATUS_IGNORE, function);
	return ret;
}

HOT int send_blocking(enum request_op kind, int function, struct p2p op)
{
	struct thread_ctx *ctx = ctx_enter();
	/* What other threads post behind a synchronous send must be counted. */
	int ret = kind == OP_SSEND && request_threaded ?
			  send_by_request(ctx, kind, function, PARTS(op)) :
			  send_by_loop(ctx, kind, function, op);

	if (__builtin_expect(ret != MPI_SUCCESS, 0))
		ret = error_comm(op.comm, ret, function);
	ctx_leave(ctx);
	return ret;
}

#define SEND(name, iname, kind)                                              \
	int PMPI_##name(const void *buf, int count, MPI_Datatype type,       \
			int dest, int tag, MPI_Comm comm)                    \
	{                                                                    \
		return send_blocking(kind, FN_MPI_##name,                    \
				     (struct p2p){ FN_MPI_##iname,           \
						   (void *)buf, count, type, \
						   dest, tag, comm });       \
	}                                                                    \
	API_ALIAS(MPI_##name);                                               \
	int PMPI_##name##_c(const void *buf, MPI_Count count,                \
			    MPI_Datatype type, int dest, int tag,            \
			    MPI_Comm comm)                                   \
	{                                                                    \
		return send_blocking(kind, FN_MPI_##name##_c,                \
				     (struct p2p){ FN_MPI_##iname##_c,       \
						   (void *)buf, count, type, \
						   dest, tag, comm });       \
	}                                                                    \
	API_ALIAS(MPI_##name##_c)

SEND(Send, Isend, OP_SEND);
SEND(Rsend, Irsend, OP_SEND);
SEND(Ssend, Issend, OP_SSEND);

/* The message is in the drain queue.  False: the arguments were wrong, or
 * another thread took it: go on as usual. */
APART bool recv_drained(struct thread_ctx *ctx, PARTS_GIVEN,
			const struct vcomm *c, MPI_Status *status, int *ret)
{
	struct drained *d = c ? match_take(c, peer, tag) : NULL;
	bool posted;
	int error;

	if (!d)
		return false;
	error = drained_deliver(ctx, d, &WHOLE, status, &posted);
	if (!posted)
		match_return(d);
	*ret = error;
	return true;
}

/* Through the real library. */
HOT int recv_real(struct thread_ctx *ctx, int function, struct p2p op,
		  struct vcomm *c, MPI_Status *status)
{
	struct lower_call call = { .status = status,
				   .stop = &ctx->stop,
				   .req = MPI_REQUEST_NULL };
	int ret = blocking_call(op, c, &call);

	if (__builtin_expect(call.done && ret == MPI_SUCCESS && c != NULL, 1)) {
		if (__builtin_expect(op.peer == MPI_PROC_NULL, 0))
			request_status_nobody(status);
		else
			peer_received(comm_peer_world(c, status->MPI_SOURCE));
	} else if (c && call.req != MPI_REQUEST_NULL && !call.done && !ret) {
		ret = finish_blocking(ctx, OP_RECV, PARTS(op), c, call.req,
				      status, function);
	} else if (c && call.done) {
		request_received(c, op.peer, status, ret);
	}
	return ret;
}

HOT int recv_blocking(int function, struct p2p op, MPI_Status *user)
{
	struct thread_ctx *ctx = ctx_enter();
	struct vcomm *c = comm_get(op.comm);
	/* cppcheck-suppress uninitvar ; it is filled before it is read */
	MPI_Status own, *status = user == MPI_STATUS_IGNORE ? &own : user;
	int ret = MPI_ERR_ARG;

	if (__builtin_expect(user != NULL, 1) && /* else nothing is posted */
	    (!match_any() || !recv_drained(ctx, PARTS(op), c, status, &ret)))
		ret = recv_real(ctx, function, op, c, status);
	if (__builtin_expect(ret != MPI_SUCCESS, 0))
		ret = error_comm(op.comm, ret, function);
	ctx_leave(ctx);
	return ret;
}

int PMPI_Recv(void *buf, int count, MPI_Datatype type, int source, int tag,
	      MPI_Comm comm, MPI_Status *status)
{
	return recv_blocking(FN_MPI_Recv,
			     (struct p2p){ FN_MPI_Irecv, buf, count, type,
					   source, tag, comm },
			     status);
}
API_ALIAS(MPI_Recv);

int PMPI_Recv_c(void *buf, MPI_Count count, MPI_Datatype type, int source,
		int tag, MPI_Comm comm, MPI_Status *status)
{
	return recv_blocking(FN_MPI_Recv_c,
			     (struct p2p){ FN_MPI_Irecv_c, buf, count, type,
					   source, tag, comm },
			     status);
}
API_ALIAS(MPI_Recv_c);
