/* SPDX-License-Identifier: BSD-3-Clause */
/* bsend.c - buffered sends */
#include "mpi_wrappers/p2p.h"

#include <limits.h>

#include "runtime/lower/lower.h"
#include "runtime/process/process.h"

/*
 * DESIGN
 *
 * The real library keeps lists of its own requests inside the buffer that the
 * program attaches: after a restart they would point nowhere.  So buffered
 * sends are ours: the data is packed into memory of Cairn's allocator and sent
 * as a standard message whose record owns that memory and is detached at once.
 * The attached buffer is only an account: it says how much may be under way, so
 * that a program that overruns its buffer hears of it as natively.
 */
static struct {
	void *buffer;
	size_t size, used;
	bool attached;
} account; /* under request_lock; one a process, as MPI says */

void bsend_release(size_t len)
{
	request_lock();
	account.used -= len;
	request_unlock();
}

static bool charge(size_t len)
{
	bool fits;

	request_lock();
	fits = account.attached && account.used + len <= account.size;
	if (fits)
		account.used += len;
	request_unlock();
	return fits;
}

/* --- packing ---------------------------------------------------------------
 */

static int pack_small(const struct p2p *op, const struct vcomm *c, void **temp,
		      size_t *len)
{
	int size = 0, at = 0;
	int ret = REAL(Pack_size, op->count, real_type(op->type),
		       comm_real(c, op->comm), &size);

	if (ret)
		return ret;
	*temp = upper_alloc((size_t)size + 1);
	if (!*temp)
		return MPI_ERR_NO_MEM;
	ret = (int)cross_call_stack(real_fn(FN_MPI_Pack),
				    (const long[]){
					    (long)op->buf, (long)op->count,
					    real_type(op->type), (long)*temp,
					    size, (long)&at,
					    comm_real(c, op->comm) },
				    7);
	*len = (size_t)at;
	return ret;
}

static int pack_large(const struct p2p *op, const struct vcomm *c, void **temp,
		      size_t *len)
{
	MPI_Count size = 0, at = 0;
	int ret = REAL(Pack_size_c, op->count, real_type(op->type),
		       comm_real(c, op->comm), &size);

	if (ret)
		return ret;
	*temp = upper_alloc((size_t)size + 1);
	if (!*temp)
		return MPI_ERR_NO_MEM;
	ret = (int)cross_call_stack(real_fn(FN_MPI_Pack_c),
				    (const long[]){
					    (long)op->buf, (long)op->count,
					    real_type(op->type), (long)*temp,
					    (long)size, (long)&at,
					    comm_real(c, op->comm) },
				    7);
	*len = (size_t)at;
	return ret;
}

int p2p_pack(const struct p2p *op, const struct vcomm *c, void **temp,
	     size_t *len)
{
	int ret;

	*temp = NULL;
	if (real_table[FN_MPI_Pack_c] && real_table[FN_MPI_Pack_size_c])
		ret = pack_large(op, c, temp, len);
	else
		ret = pack_small(op, c, temp, len);
	if (ret) {
		upper_free(*temp);
		*temp = NULL;
	}
	return ret;
}

/* --- sending ---------------------------------------------------------------
 */

/* Room is made by what has gone out meanwhile. */
static bool charge_or_reap(struct thread_ctx *ctx, size_t len)
{
	if (charge(len))
		return true;
	request_reap(ctx);
	return charge(len);
}

/* The packed bytes as a message of their own; takes temp over.  The program may
 * have freed the communicator of a persistent send: its record is used. */
static int send_packed(struct thread_ctx *ctx, const struct p2p *op,
		       struct vcomm *c, void *temp, size_t len, size_t charged)
{
	struct p2p bytes = *op;
	struct vrequest *rq;
	int ret = MPI_ERR_NO_MEM;

	bytes.post = len > INT_MAX ? FN_MPI_Isend_c : FN_MPI_Isend;
	bytes.buf = temp;
	bytes.count = (MPI_Count)len;
	bytes.type = MPI_PACKED;
	rq = request_take(OP_SEND, c, bytes.type);
	if (rq) {
		request_fill(rq, &bytes);
		ret = p2p_start(ctx, rq);
	}
	if (ret) {
		if (rq)
			request_give(rq);
		upper_free(temp);
		bsend_release(charged);
		return ret;
	}
	rq->hidden = true;
	rq->temp = temp;
	rq->temp_len = charged;
	rq->bsend = true;
	request_detach(ctx, rq);
	return MPI_SUCCESS;
}

int bsend_start(struct thread_ctx *ctx, const struct p2p *op, struct vcomm *c)
{
	void *temp;
	size_t len, charged;
	int ret;

	if (op->peer == MPI_PROC_NULL)
		return MPI_SUCCESS;
	ret = p2p_pack(op, c, &temp, &len);
	if (ret)
		return ret;
	charged = len + MPI_BSEND_OVERHEAD;
	if (!charge_or_reap(ctx, charged)) {
		upper_free(temp);
		return MPI_ERR_BUFFER;
	}
	return send_packed(ctx, op, c, temp, len, charged);
}

static int bsend(const struct p2p *op)
{
	struct thread_ctx *ctx = ctx_enter();
	int ret = bsend_start(ctx, op, comm_get(op->comm));

	if (ret)
		ret = error_comm(op->comm, ret, op->post);
	ctx_leave(ctx);
	return ret;
}

/* Complete from the start, as natively. */
static int ibsend(const struct p2p *op, MPI_Request *request)
{
	struct thread_ctx *ctx = ctx_enter();
	struct vcomm *c = comm_get(op->comm);
	int ret = request ? bsend_start(ctx, op, c) : MPI_ERR_ARG;
	struct vrequest *rq = NULL;

	if (!ret) {
		rq = request_take(OP_BSEND, c, MPI_DATATYPE_NULL);
		if (!rq)
			ret = MPI_ERR_NO_MEM;
	}
	if (rq) {
		rq->status = (MPI_Status){ .MPI_ERROR = MPI_SUCCESS };
		rq->state = REQ_DONE;
		*request = rq->obj.handle;
	}
	if (ret)
		ret = error_comm(op->comm, ret, op->post);
	ctx_leave(ctx);
	return ret;
}

#define BSEND(c_, count_t)                                                     \
	int PMPI_Bsend##c_(const void *buf, count_t count, MPI_Datatype type,  \
			   int dest, int tag, MPI_Comm comm)                   \
	{                                                                      \
		return bsend(&(struct p2p){ FN_MPI_Bsend##c_, (void *)buf,     \
					    count, type, dest, tag, comm });   \
	}                                                                      \
	API_ALIAS(MPI_Bsend##c_);                                              \
	int PMPI_Ibsend##c_(const void *buf, count_t count, MPI_Datatype type, \
			    int dest, int tag, MPI_Comm comm,                  \
			    MPI_Request *request)                              \
	{                                                                      \
		return ibsend(&(struct p2p){ FN_MPI_Ibsend##c_, (void *)buf,   \
					     count, type, dest, tag, comm },   \
			      request);                                        \
	}                                                                      \
	API_ALIAS(MPI_Ibsend##c_)

BSEND(, int);
BSEND(_c, MPI_Count);

/* --- the account -----------------------------------------------------------
 */

static int attach(void *buffer, MPI_Count size, int function)
{
	struct thread_ctx *ctx = ctx_enter();
	int ret = MPI_SUCCESS;

	request_lock();
	if (account.attached || size < 0) {
		ret = size < 0 ? MPI_ERR_ARG : MPI_ERR_BUFFER;
	} else {
		account.buffer = buffer;
		account.size = (size_t)size;
		account.attached = true;
	}
	request_unlock();
	if (ret)
		ret = error_world(ret, function);
	ctx_leave(ctx);
	return ret;
}

/* All messages that were put into the buffer leave it first. */
static int detach(void *buffer_out, MPI_Count *size, int function)
{
	struct thread_ctx *ctx = ctx_enter();
	struct vrequest *rq;

	if (!buffer_out || !size) {
		int ret = error_world(MPI_ERR_ARG, function);

		ctx_leave(ctx);
		return ret;
	}
	while ((rq = request_detached_bsend())) {
		request_wait(ctx, rq, function);
		request_give(rq);
	}
	request_lock();
	*(void **)buffer_out = account.attached ? account.buffer : NULL;
	*size = account.attached ? (MPI_Count)account.size : 0;
	account.attached = false;
	request_unlock();
	ctx_leave(ctx);
	return MPI_SUCCESS;
}

int PMPI_Buffer_attach(void *buffer, int size)
{
	return attach(buffer, size, FN_MPI_Buffer_attach);
}
API_ALIAS(MPI_Buffer_attach);

int PMPI_Buffer_attach_c(void *buffer, MPI_Count size)
{
	return attach(buffer, size, FN_MPI_Buffer_attach_c);
}
API_ALIAS(MPI_Buffer_attach_c);

int PMPI_Buffer_detach(void *buffer_out, int *size)
{
	MPI_Count large = 0;
	int ret = detach(buffer_out, size ? &large : NULL,
			 FN_MPI_Buffer_detach);

	if (!ret)
		*size = (int)large;
	return ret;
}
API_ALIAS(MPI_Buffer_detach);

int PMPI_Buffer_detach_c(void *buffer_out, MPI_Count *size)
{
	return detach(buffer_out, size, FN_MPI_Buffer_detach_c);
}
API_ALIAS(MPI_Buffer_detach_c);
