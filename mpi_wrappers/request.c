/* SPDX-License-Identifier: BSD-3-Clause */
/* request.c - the pool of request records, and one request's way to its end */
#include "mpi_wrappers/request.h"

#include <errno.h>

#include "mpi_wrappers/api.h"
#include "mpi_wrappers/match.h"
#include "mpi_wrappers/p2p.h"
#include "mpi_wrappers/peers.h"
#include "mpi_wrappers/sync.h"
#include "runtime/lower/lower.h"
#include "runtime/process/process.h"

/*
 * The pool.  File-scope: there is one program a process.  Records are never
 * freed, so a stale handle finds a record that says FREE.  `lock` guards the
 * free list and the lists of detached records when several threads call MPI.
 */
struct vrequest *request_free_list;
static struct vrequest *detached_list, **detached_end = &detached_list;
static uint32_t ndetached;
uint64_t request_last_number;
static atomic_flag lock = ATOMIC_FLAG_INIT;

void request_lock_slow(void)
{
	while (atomic_flag_test_and_set_explicit(&lock, memory_order_acquire))
		sys_call(SYS_sched_yield);
}

void request_unlock_slow(void)
{
	atomic_flag_clear_explicit(&lock, memory_order_release);
}

/* --- records ---------------------------------------------------------------
 */

static struct vrequest *pop(void)
{
	struct vrequest *rq;

	request_lock();
	rq = request_free_list;
	if (rq)
		request_free_list = rq->next;
	request_unlock();
	return rq ? rq : handle_new(V_REQUEST, sizeof(*rq));
}

struct vrequest *request_take(enum request_op op, struct vcomm *comm,
			      MPI_Datatype type)
{
	struct vrequest *rq = pop();

	if (!rq)
		return NULL;
	rq->op = op;
	rq->state = REQ_INACTIVE;
	rq->owns = OWNS_PARTS;
	rq->obj.real.id = MPI_REQUEST_NULL;
	rq->comm = comm;
	if (comm) {
		keep_object(&comm->obj);
		rq->owns |= OWNS_COMM;
	}
	request_set_type(rq, type);
	rq->error = MPI_SUCCESS;
	rq->made = request_number();
	return rq;
}

static void give_parts(struct vrequest *rq)
{
	for (int i = 0; i < 2; i++) {
		if (rq->child[i])
			request_give(rq->child[i]);
		rq->child[i] = NULL;
	}
	if (rq->op == OP_OURS && rq->kind->give)
		rq->kind->give(rq);
	if (rq->temp && rq->bsend)
		bsend_release(rq->temp_len);
	upper_free(rq->temp);
	upper_free(rq->second);
	rq->temp = rq->second = NULL;
	if (rq->recipe)
		recipe_free(rq->recipe);
	rq->recipe = NULL;
}

void request_give_parts(struct vrequest *rq)
{
	if (rq->owns & OWNS_PARTS)
		give_parts(rq);
	if (rq->need.epoch)
		frontier_unblocked(&rq->need);
	rq->need.epoch = 0;
	if (rq->owns & OWNS_COMM)
		drop_object(&rq->comm->obj);
	if (rq->owns & OWNS_TYPE)
		drop_object(rq->type_ref);
	rq->type_ref = NULL;
}

void request_give(struct vrequest *rq)
{
	request_give_here(rq);
}

static int adopt(void *object, void *comm)
{
	struct vrequest *rq = object;

	if (rq->state != REQ_FREE && rq->comm == comm &&
	    !(rq->owns & OWNS_COMM)) {
		rq->owns |= OWNS_COMM;
		object_ref(comm);
	}
	return 0;
}

/* With several threads every record has its reference from the start, and the
 * pool must not be looked at. */
void request_adopt(struct vcomm *comm)
{
	if (!request_threaded && handle_each(V_REQUEST, adopt, comm))
		object_ref(comm); /* no memory: it stays for good */
}

void request_posted(struct vrequest *rq)
{
	rq->state = REQ_POSTED;
	rq->seq = request_number();
}

/* --- completion ------------------------------------------------------------
 */

/* A receive that failed otherwise took no message off the wire. */
static bool took_message(int error)
{
	int class = MPI_SUCCESS;

	CROSS(real_fn(FN_MPI_Error_class), error, &class);
	return class == MPI_ERR_TRUNCATE;
}

void request_received_error(const struct vcomm *c, int source, int error)
{
	if (took_message(error))
		peer_received(comm_peer_world(c, source));
}

/* The real library took it back (ch4:ucx never does: TRAPS MPI 8). */
static void send_was_cancelled(const struct vrequest *rq)
{
	int world = rq->peer < 0 ? -1 : comm_peer_world(rq->comm, rq->peer);

	if ((unsigned int)world >= (unsigned int)npeers)
		return;
	__atomic_fetch_sub(&peers[world].sent, 1, __ATOMIC_RELAXED);
	if (sync_outstanding)
		sync_unnote(rq);
}

static void send_finished(struct vrequest *rq, const MPI_Status *status)
{
	if (__builtin_expect(rq->cancelled, 0) &&
	    (status->count_hi_and_cancelled & 1))
		send_was_cancelled(rq);
	if (rq->op == OP_SSEND && rq->peer >= 0)
		sync_end(rq);
}

void request_finished(struct vrequest *rq, const MPI_Status *status, int error)
{
	if (rq->op == OP_RECV && !(status->count_hi_and_cancelled & 1))
		request_received(rq->comm, rq->peer, status, error);
	else if (rq->op == OP_SEND || rq->op == OP_SSEND)
		send_finished(rq, status);
	else if (rq->op == OP_BARRIER)
		frontier_barrier_end(rq->comm, rq->ordinal);
	rq->status = *status;
	rq->error = error;
	rq->state = REQ_DONE;
	if (__builtin_expect(rq->need.epoch != 0, 0))
		frontier_unblocked(&rq->need);
}

static bool progress_children(struct thread_ctx *ctx, struct vrequest *rq)
{
	bool received = request_progress(ctx, rq->child[0]);
	bool sent = request_progress(ctx, rq->child[1]);

	if (!received || !sent)
		return false;
	rq->status = rq->child[0]->status;
	rq->error = rq->child[0]->error ? rq->child[0]->error :
					  rq->child[1]->error;
	rq->state = REQ_DONE;
	return true;
}

static bool progress_posted(struct vrequest *rq)
{
	MPI_Status status = { .MPI_ERROR = MPI_SUCCESS };
	int real = rq->obj.real.id;
	int done = 0, ret;

	ret = (int)CROSS(real_fn(FN_MPI_Test), &real, &done, &status);
	if (!done && !ret)
		return false;
	rq->obj.real.id = real;
	request_finished(rq, &status, ret);
	return true;
}

static bool progress_special(struct thread_ctx *ctx, struct vrequest *rq)
{
	return rq->op == OP_OURS      ? rq->kind->progress(ctx, rq) :
	       rq->op == OP_FILE_COLL ? request_file_progress(rq) :
					progress_posted(rq);
}

bool request_progress(struct thread_ctx *ctx, struct vrequest *rq)
{
	if (rq->state == REQ_AWAIT)
		sync_poll(ctx);
	if (rq->state != REQ_POSTED)
		return rq->state != REQ_AWAIT;
	if (__builtin_expect(rq->op >= OP_OURS, 0))
		return progress_special(ctx, rq);
	if (rq->child[0])
		return progress_children(ctx, rq);
	return progress_posted(rq);
}

void request_status_empty(MPI_Status *status)
{
	if (status == MPI_STATUS_IGNORE)
		return;
	status->MPI_SOURCE = MPI_ANY_SOURCE;
	status->MPI_TAG = MPI_ANY_TAG;
	status->count_lo = 0;
	status->count_hi_and_cancelled = 0;
}

void request_status_nobody(MPI_Status *status)
{
	request_status_empty(status);
	status->MPI_SOURCE = MPI_PROC_NULL;
}

void request_status(MPI_Status *status, const struct vrequest *rq)
{
	int error;

	if (status == MPI_STATUS_IGNORE)
		return;
	if (rq->op <= OP_BSEND) {
		/* MPICH touches nothing else in a send's status. */
		status->count_hi_and_cancelled &= ~1;
		status->count_hi_and_cancelled |=
			rq->status.count_hi_and_cancelled & 1;
		return;
	}
	if (__builtin_expect(rq->op == OP_RECV && rq->peer == MPI_PROC_NULL,
			     0)) {
		request_status_nobody(status);
		return;
	}
	error = status->MPI_ERROR; /* only functions of many requests set it */
	*status = rq->status;
	status->MPI_ERROR = error;
}

/* --- waiting ---------------------------------------------------------------
 */

/* What could end the wait for this one: a matching receive or send of the peer.
 * A standard send ends by itself once its receiver drains: ask for that.  One
 * that lies behind a synchronous send must not be drained before it is matched,
 * and needs the peer as the synchronous one does (sync.c); so does one that the
 * receiver has no room for. */
static int blocked_by(struct vrequest *rq)
{
	if (rq->state == REQ_AWAIT || rq->op == OP_RECV || rq->op == OP_SSEND)
		return rq->peer;
	if (rq->op != OP_SEND)
		return MPI_PROC_NULL;
	return drain_ask(rq) ? MPI_PROC_NULL : rq->peer;
}

void request_blocked(struct thread_ctx *ctx, struct vrequest *rq, int function)
{
	if (frontier_pending)
		private_service(ctx);
	rq->owns |= OWNS_NEED;
	if (rq->op == OP_OURS) {
		rq->kind->blocked(ctx, rq, function);
		return;
	}
	if (rq->child[0]) {
		for (int i = 0; i < 2; i++)
			if (rq->child[i]->state != REQ_DONE)
				request_blocked(ctx, rq->child[i], function);
		return;
	}
	if (rq->op == OP_COLLECTIVE || rq->op == OP_FILE_COLL)
		function = rq->post; /* says more than MPI_Wait */
	if (rq->op == OP_BARRIER)
		frontier_barrier_blocked(ctx, rq->comm, rq->ordinal, function);
	else
		frontier_blocked(ctx, &rq->need, rq->comm, blocked_by(rq),
				 function);
}

void request_wait(struct thread_ctx *ctx, struct vrequest *rq, int function)
{
	while (!request_progress(ctx, rq)) {
		if (atomic_load(&ctx->stop) || frontier_pending)
			request_blocked(ctx, rq, function);
		else if (rq->state == REQ_POSTED && !rq->child[0])
			request_wait_real(ctx, rq);
		else
			sys_call(SYS_sched_yield);
	}
}

/* In the lower half until it is complete or this thread is told to look up. */
void request_wait_real(struct thread_ctx *ctx, struct vrequest *rq)
{
	MPI_Status status = { .MPI_ERROR = MPI_SUCCESS };
	int real = rq->obj.real.id;
	int done = 0, ret;

	if (__builtin_expect(rq->op == OP_FILE_COLL || rq->op == OP_OURS, 0)) {
		/* not alone, and not without a look at others */
		sys_call(SYS_sched_yield);
		return;
	}
	ret = (int)CROSS(lower_loops()->wait, &real, &status, &ctx->stop,
			 &done);
	if (!done && !ret)
		return;
	rq->obj.real.id = real;
	request_finished(rq, &status, ret);
}

/* --- what the program gave away --------------------------------------------
 */

static struct vrequest *detached_pop(void)
{
	struct vrequest *rq;

	request_lock();
	rq = detached_list;
	if (rq) {
		detached_list = rq->next;
		if (!detached_list)
			detached_end = &detached_list;
		ndetached--;
	}
	request_unlock();
	return rq;
}

static void detached_push(struct vrequest *rq)
{
	request_lock();
	rq->next = NULL;
	*detached_end = rq;
	detached_end = &rq->next;
	ndetached++;
	request_unlock();
}

/* Look at a few, so that a program that frees all its sends does not gather
 * records without end. */
static void detached_reap(struct thread_ctx *ctx, uint32_t most)
{
	while (most-- > 0) {
		struct vrequest *rq = detached_pop();

		if (!rq)
			return;
		if (!request_progress(ctx, rq)) {
			detached_push(rq);
			continue;
		}
		if (rq->obj.real.id != MPI_REQUEST_NULL)
			CROSS(real_fn(FN_MPI_Request_free), &rq->obj.real.id);
		request_give(rq);
	}
}

struct vrequest *request_detached_bsend(void)
{
	struct vrequest **p = &detached_list, *rq;

	request_lock();
	while ((rq = *p) && !rq->bsend)
		p = &rq->next;
	if (rq) {
		*p = rq->next;
		if (!*p)
			detached_end = p;
		ndetached--;
	}
	request_unlock();
	return rq;
}

void request_reap(struct thread_ctx *ctx)
{
	detached_reap(ctx, ndetached);
}

void request_detach(struct thread_ctx *ctx, struct vrequest *rq)
{
	detached_reap(ctx, 4);
	rq->detached = true;
	detached_push(rq);
}

void request_finalize(void)
{
	struct thread_ctx *ctx = ctx_here();

	/* What is still under way the real library finishes or drops, as it
	 * would have done natively. */
	request_reap(ctx);
	for (struct vrequest *rq = detached_list; rq; rq = rq->next)
		if (rq->obj.real.id != MPI_REQUEST_NULL)
			CROSS(real_fn(FN_MPI_Request_free), &rq->obj.real.id);
	detached_list = NULL;
	detached_end = &detached_list;
}

/* --- cancel, free, look ------------------------------------------------------
 */

static void cancel(struct vrequest *rq)
{
	for (int i = 0; i < 2; i++)
		if (rq->child[i])
			cancel(rq->child[i]);
	if (rq->state != REQ_POSTED || rq->child[0])
		return; /* complete already, or on its receiver's side */
	rq->cancelled = true;
}

int PMPI_Cancel(MPI_Request *request)
{
	struct thread_ctx *ctx = ctx_enter();
	struct vrequest *rq = request ? request_get(*request) : NULL;
	int real = request ? request_real(*request).id : 0;
	int ret = MPI_SUCCESS;

	if (!request)
		ret = MPI_ERR_ARG;
	else if (rq && rq->op == OP_OURS)
		ret = rq->kind->cancel(rq);
	else if (!rq || rq->state == REQ_POSTED || rq->state == REQ_INACTIVE)
		ret = rq && rq->child[0] ? MPI_SUCCESS : REAL(Cancel, &real);
	if (rq && !ret && rq->op != OP_OURS)
		cancel(rq);
	if (ret)
		ret = error_world(ret, FN_MPI_Cancel);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Cancel);

int PMPI_Request_free(MPI_Request *request)
{
	struct thread_ctx *ctx = ctx_enter();
	struct vrequest *rq = request ? request_get(*request) : NULL;
	int real = request ? request_real(*request).id : 0;
	int ret = MPI_SUCCESS;

	if (!rq) {
		ret = REAL(Request_free, request ? &real : NULL);
	} else if (rq->op == OP_OURS && rq->kind->free &&
		   rq->kind->free(rq, &ret)) {
		; /* as the kind sees fit */
	} else if (rq->state == REQ_POSTED || rq->state == REQ_AWAIT) {
		request_detach(ctx, rq);
	} else {
		if (rq->obj.real.id != MPI_REQUEST_NULL)
			ret = REAL(Request_free, &rq->obj.real.id);
		request_give(rq);
	}
	if (ret)
		ret = error_world(ret, FN_MPI_Request_free);
	else
		*request = MPI_REQUEST_NULL;
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Request_free);

int PMPI_Request_get_status(MPI_Request request, int *flag, MPI_Status *status)
{
	struct thread_ctx *ctx = ctx_enter();
	struct vrequest *rq = request_get(request);
	int ret = MPI_SUCCESS;

	if (!rq) {
		ret = REAL(Request_get_status, request_real(request).id, flag,
			   status);
	} else if (!flag || !status) {
		ret = MPI_ERR_ARG;
	} else if (rq->state == REQ_INACTIVE) {
		*flag = 1;
		request_status_empty(status);
	} else {
		*flag = request_progress(ctx, rq);
		if (*flag && rq->op == OP_OURS && rq->kind->query)
			ret = rq->kind->query(rq);
		if (*flag)
			request_status(status, rq);
		else if (frontier_pending)
			request_blocked(ctx, rq, FN_MPI_Request_get_status);
	}
	if (ret)
		ret = error_world(ret, FN_MPI_Request_get_status);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Request_get_status);
