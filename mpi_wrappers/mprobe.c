/* SPDX-License-Identifier: BSD-3-Clause */
/* mprobe.c - matched probes and receives */
#include "mpi_wrappers/mprobe.h"

#include <errno.h>

#include "mpi_wrappers/deliver.h"
#include "mpi_wrappers/p2p.h"
#include "runtime/lower/lower.h"
#include "runtime/process/process.h"

/* --- taking a message out ----------------------------------------------------
 */

/* A handle for the program; takes d over.  Null and no-proc stay as they are.
 */
static int message_made(struct vcomm *c, int real, struct drained *d,
			const MPI_Status *status, MPI_Message *out)
{
	struct vmessage *m;

	if (!d && (real == MPI_MESSAGE_NULL || real == MPI_MESSAGE_NO_PROC)) {
		*out = real;
		return MPI_SUCCESS;
	}
	m = handle_new(V_MESSAGE, sizeof(*m));
	if (!m)
		return MPI_ERR_NO_MEM;
	m->obj.real.id = real;
	m->comm = c;
	object_ref(c);
	m->drained = d;
	m->status = *status;
	*out = m->obj.handle;
	return MPI_SUCCESS;
}

static void message_free(struct vmessage *m)
{
	object_put(m->comm);
	object_put(m);
}

static bool take_drained(struct vcomm *c, int source, int tag,
			 MPI_Message *message, MPI_Status *status, int *ret)
{
	struct drained *d;

	if (!match_any() || !c)
		return false;
	d = match_take(c, source, tag);
	if (!d)
		return false;
	drained_status(d, status);
	*ret = message_made(c, MPI_MESSAGE_NULL, d, &d->status, message);
	return true;
}

static int mprobe(struct thread_ctx *ctx, int source, int tag, MPI_Comm comm,
		  MPI_Message *message, MPI_Status *status)
{
	struct vcomm *c = comm_get(comm);
	struct frontier_need need = { 0 };
	int real = MPI_MESSAGE_NULL, ret;

	if (!message)
		return MPI_ERR_ARG;
	for (;;) {
		struct lower_flags flags = { (volatile uint32_t *)&ctx->stop,
					     0 };

		if (take_drained(c, source, tag, message, status, &ret))
			break;
		ret = (int)CROSS(lower_loops()->mprobe, source, tag,
				 comm_real(c, comm), &real, status, &flags);
		if (!ret && flags.done)
			ret = message_made(c, real, NULL, status, message);
		if (ret || flags.done)
			break;
		probe_blocked(ctx, &need, c, source, FN_MPI_Mprobe);
	}
	frontier_unblocked(&need);
	return ret;
}

int PMPI_Mprobe(int source, int tag, MPI_Comm comm, MPI_Message *message,
		MPI_Status *status)
{
	struct thread_ctx *ctx = ctx_enter();
	MPI_Status own;
	int ret = mprobe(ctx, source, tag, comm, message,
			 status == MPI_STATUS_IGNORE ? &own : status);

	if (ret)
		ret = error_comm(comm, ret, FN_MPI_Mprobe);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Mprobe);

int PMPI_Improbe(int source, int tag, MPI_Comm comm, int *flag,
		 MPI_Message *message, MPI_Status *user)
{
	struct thread_ctx *ctx = ctx_enter();
	struct vcomm *c = comm_get(comm);
	/* cppcheck-suppress uninitvar ; it is filled before it is read */
	MPI_Status own, *status = user == MPI_STATUS_IGNORE ? &own : user;
	int real = MPI_MESSAGE_NULL, ret;

	if (flag && message &&
	    take_drained(c, source, tag, message, status, &ret)) {
		*flag = 1;
	} else {
		ret = REAL(Improbe, source, tag, comm_real(c, comm), flag,
			   message ? &real : NULL, status);
		if (!ret && *flag)
			ret = message_made(c, real, NULL, status, message);
	}
	if (ret)
		ret = error_comm(comm, ret, FN_MPI_Improbe);
	else if (__builtin_expect(frontier_pending != 0, 0) && c)
		probe_polled(ctx, c, source, *flag);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Improbe);

/* --- receiving it
 * -------------------------------------------------------------- */

/* Invalid, null or no-proc: the real library's business. */
static int receive_odd(const struct p2p *op, MPI_Message *message,
		       MPI_Request *real)
{
	int odd = (uint32_t)*message >> 30 == 3 ? 0 : *message;
	int ret = REAL(Imrecv, op->buf, op->count, real_type(op->type), &odd,
		       real);

	if (!ret)
		*message = odd;
	return ret;
}

/* A record that is DONE, since the message was drained; frees m. */
static int receive_drained(struct thread_ctx *ctx, struct vmessage *m,
			   const struct p2p *op, struct vrequest *rq)
{
	MPI_Status status = { .MPI_ERROR = MPI_SUCCESS };
	bool posted;
	int ret = drained_deliver(ctx, m->drained, op, &status, &posted);

	if (!posted)
		return ret;
	message_free(m);
	request_posted(rq);
	rq->status = status;
	rq->error = ret;
	rq->state = REQ_DONE;
	return MPI_SUCCESS;
}

static int receive_real(struct vmessage *m, const struct p2p *op,
			struct vrequest *rq)
{
	int ret = REAL(Imrecv, op->buf, op->count, real_type(op->type),
		       &m->obj.real.id, &rq->obj.real.id);

	if (ret)
		return ret;
	message_free(m);
	request_posted(rq);
	return MPI_SUCCESS;
}

/* The receive of a matched message as a request; it is never posted again: its
 * message is here, so it is complete after DRAIN. */
static int receive(struct thread_ctx *ctx, const struct p2p *op,
		   MPI_Message *message, struct vrequest **out)
{
	struct vmessage *m = message ? handle_get(V_MESSAGE, *message) : NULL;
	struct vrequest *rq;
	int ret;

	if (!message)
		return MPI_ERR_ARG;
	rq = request_take(OP_RECV, m ? m->comm : comm_world, op->type);
	if (!rq)
		return MPI_ERR_NO_MEM;
	request_fill(rq, op);
	rq->peer = m ? m->status.MPI_SOURCE : MPI_PROC_NULL;
	if (!m) {
		ret = receive_odd(op, message, &rq->obj.real.id);
		if (!ret)
			request_posted(rq);
	} else if (m->drained) {
		ret = receive_drained(ctx, m, op, rq);
	} else {
		ret = receive_real(m, op, rq);
	}
	if (ret) {
		request_give(rq);
		return ret;
	}
	*message = MPI_MESSAGE_NULL;
	*out = rq;
	return MPI_SUCCESS;
}

static int mrecv(const struct p2p *op, MPI_Message *message, MPI_Status *status,
		 int function)
{
	struct thread_ctx *ctx = ctx_enter();
	struct vrequest *rq;
	int ret = status ? receive(ctx, op, message, &rq) : MPI_ERR_ARG;

	if (!ret) {
		rq->hidden = true;
		request_wait(ctx, rq, function);
		request_status(status, rq);
		ret = rq->error;
		request_give(rq);
	}
	/* As natively: not the message's communicator. */
	if (ret)
		ret = error_world(ret, function);
	ctx_leave(ctx);
	return ret;
}

static int imrecv(const struct p2p *op, MPI_Message *message,
		  MPI_Request *request, int function)
{
	struct thread_ctx *ctx = ctx_enter();
	struct vrequest *rq;
	int ret = request ? receive(ctx, op, message, &rq) : MPI_ERR_ARG;

	if (ret)
		ret = error_world(ret, function);
	else
		*request = rq->obj.handle;
	ctx_leave(ctx);
	return ret;
}

#define MRECV(c_, count_t)                                                     \
	int PMPI_Mrecv##c_(void *buf, count_t count, MPI_Datatype type,        \
			   MPI_Message *message, MPI_Status *status)           \
	{                                                                      \
		return mrecv(&(struct p2p){ FN_MPI_Imrecv##c_, buf, count,     \
					    type, MPI_PROC_NULL, MPI_ANY_TAG,  \
					    MPI_COMM_NULL },                   \
			     message, status, FN_MPI_Mrecv##c_);               \
	}                                                                      \
	API_ALIAS(MPI_Mrecv##c_);                                              \
	int PMPI_Imrecv##c_(void *buf, count_t count, MPI_Datatype type,       \
			    MPI_Message *message, MPI_Request *request)        \
	{                                                                      \
		return imrecv(&(struct p2p){ FN_MPI_Imrecv##c_, buf, count,    \
					     type, MPI_PROC_NULL, MPI_ANY_TAG, \
					     MPI_COMM_NULL },                  \
			      message, request, FN_MPI_Imrecv##c_);            \
	}                                                                      \
	API_ALIAS(MPI_Imrecv##c_)

MRECV(, int);
MRECV(_c, MPI_Count);

/* --- for a checkpoint
 * ------------------------------------------------------------ */

struct drain_arg {
	struct drained *(*fn)(struct vcomm *comm, int real,
			      const MPI_Status *status);
};

static int drain_one(void *object, void *arg)
{
	struct vmessage *m = object;
	const struct drain_arg *a = arg;

	if (m->drained)
		return 0;
	m->drained = a->fn(m->comm, m->obj.real.id, &m->status);
	if (!m->drained)
		return -ENOMEM;
	m->obj.real.id = MPI_MESSAGE_NULL;
	return 0;
}

int message_drain(struct drained *(*fn)(struct vcomm *comm, int real,
					const MPI_Status *status))
{
	return handle_each(V_MESSAGE, drain_one, &(struct drain_arg){ fn });
}

static int is_pending(void *object, void *arg)
{
	const struct vmessage *m = object;
	struct drained **d = arg;

	if (!m->drained || m->drained->real == MPI_REQUEST_NULL)
		return 0;
	*d = m->drained;
	return 1;
}

struct drained *message_pending(void)
{
	struct drained *d = NULL;

	handle_each(V_MESSAGE, is_pending, &d);
	return d;
}
