/* SPDX-License-Identifier: BSD-3-Clause */
/* grequest.c - generalized requests: work done by the program, behind a request
 */
#include "mpi_wrappers/api.h"

#include "mpi_wrappers/lock.h"

/*
 * Nothing of them is in the real library: what there is to know are the
 * program's functions, its state, and whether it has called
 * MPI_Grequest_complete.  The functions are called when and as MPICH calls them.
 */
struct functions {
	MPI_Grequest_query_function *query;
	MPI_Grequest_free_function *free;
	MPI_Grequest_cancel_function *cancel;
	MPIX_Grequest_poll_function *poll; /* NULL: none */
	MPIX_Grequest_wait_function *wait; /* NULL: none */
};

struct greq {
	struct functions fn;
	void *state;
	bool fortran;
	bool freed; /* by MPI_Request_free; lives until it is complete */
	_Atomic bool complete;
};

/* --- calling the program: what it returns is the error
 * -------------------------------------------------------- */

/* Fortran's functions take all by reference, the error last. */

static int call_query(const struct greq *g, MPI_Status *status)
{
	MPI_Fint error = MPI_SUCCESS;

	/* A Fortran status is the same words. */
	if (!g->fortran)
		return (int)process_callback((void *)g->fn.query,
					     (long)g->state, (long)status, 0, 0,
					     0);
	process_callback((void *)g->fn.query, (long)g->state, (long)status,
			 (long)&error, 0, 0);
	return error;
}

static int call_free(const struct greq *g)
{
	MPI_Fint error = MPI_SUCCESS;

	if (!g->fortran)
		return (int)process_callback((void *)g->fn.free,
					     (long)g->state, 0, 0, 0, 0);
	process_callback((void *)g->fn.free, (long)g->state, (long)&error, 0, 0,
			 0);
	return error;
}

static int call_cancel(const struct greq *g)
{
	MPI_Fint error = MPI_SUCCESS, complete = g->complete;

	if (!g->fortran)
		return (int)process_callback((void *)g->fn.cancel,
					     (long)g->state, complete, 0, 0, 0);
	process_callback((void *)g->fn.cancel, (long)g->state, (long)&complete,
			 (long)&error, 0, 0);
	return error;
}

/* By way of this one, since the time limit is no integer. */
static long enter_wait(struct greq *g, MPI_Status *status)
{
	return g->fn.wait(1, &g->state, 0, status);
}

/* --- the kind
 * ------------------------------------------------------------------- */

static bool greq_progress(struct thread_ctx *ctx, struct vrequest *rq)
{
	struct greq *g = rq->temp;

	(void)ctx;
	if (!atomic_load(&g->complete) && g->fn.poll)
		process_callback((void *)g->fn.poll, (long)g->state,
				 (long)&rq->status, 0, 0, 0);
	if (!atomic_load(&g->complete))
		return false;
	request_ours_done(rq);
	return true;
}

/* Nobody but this process's own threads can complete it. */
static void greq_blocked(struct thread_ctx *ctx, struct vrequest *rq,
			 int function)
{
	frontier_blocked(ctx, &rq->need, comm_world, MPI_PROC_NULL, function);
}

static void greq_wait(struct vrequest *rq)
{
	struct greq *g = rq->temp;

	while (g->fn.wait && !atomic_load(&g->complete))
		process_callback((void *)enter_wait, (long)g, (long)&rq->status,
				 0, 0, 0);
}

static int greq_query(struct vrequest *rq)
{
	return call_query(rq->temp, &rq->status);
}

static int greq_end(struct vrequest *rq)
{
	return call_free(rq->temp);
}

static int greq_cancel(struct vrequest *rq)
{
	return call_cancel(rq->temp);
}

/* MPICH calls the program's free function at once.  The request may still be
 * completed by its handle: then it goes. */
static bool greq_free(struct vrequest *rq, int *error)
{
	struct greq *g = rq->temp;

	*error = call_free(g);
	if (atomic_load(&g->complete))
		request_give(rq);
	else
		g->freed = true;
	return true;
}

static const struct request_kind greq_kind = {
	.progress = greq_progress,
	.blocked = greq_blocked,
	.wait = greq_wait,
	.query = greq_query,
	.end = greq_end,
	.cancel = greq_cancel,
	.free = greq_free,
};

/* --- making them
 * ----------------------------------------------------------------- */

static int start(const struct functions *fn, void *state, int function,
		 MPI_Request *request)
{
	struct vrequest *rq;
	struct greq *g;

	if (!request)
		return MPI_ERR_ARG;
	rq = request_ours(&greq_kind, NULL, MPI_DATATYPE_NULL, sizeof(*g));
	if (!rq)
		return MPI_ERR_NO_MEM;
	g = rq->temp;
	g->fn = *fn;
	g->state = state;
	rq->post = function;
	request_posted(rq);
	*request = rq->obj.handle;
	return MPI_SUCCESS;
}

int PMPI_Grequest_start(MPI_Grequest_query_function *query_fn,
			MPI_Grequest_free_function *free_fn,
			MPI_Grequest_cancel_function *cancel_fn,
			void *extra_state, MPI_Request *request)
{
	struct thread_ctx *ctx = ctx_enter();
	const struct functions fn = { query_fn, free_fn, cancel_fn, NULL,
				      NULL };
	int ret = MPI_ERR_ARG;

	if (query_fn && free_fn && cancel_fn)
		ret = start(&fn, extra_state, FN_MPI_Grequest_start, request);
	if (ret)
		ret = error_world(ret, FN_MPI_Grequest_start);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Grequest_start);

/* Extended ones must have all five. */
static bool is_whole(const struct functions *fn)
{
	return fn->query && fn->free && fn->cancel && fn->poll && fn->wait;
}

int PMPIX_Grequest_start(MPI_Grequest_query_function *query_fn,
			 MPI_Grequest_free_function *free_fn,
			 MPI_Grequest_cancel_function *cancel_fn,
			 MPIX_Grequest_poll_function *poll_fn,
			 MPIX_Grequest_wait_function *wait_fn,
			 void *extra_state, MPI_Request *request)
{
	struct thread_ctx *ctx = ctx_enter();
	const struct functions fn = { query_fn, free_fn, cancel_fn, poll_fn,
				      wait_fn };
	int ret = MPI_ERR_ARG;

	if (is_whole(&fn))
		ret = start(&fn, extra_state, FN_MPIX_Grequest_start, request);
	if (ret)
		ret = error_world(ret, FN_MPIX_Grequest_start);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPIX_Grequest_start);

int PMPI_Grequest_complete(MPI_Request request)
{
	struct thread_ctx *ctx = ctx_enter();
	struct vrequest *rq = request_get(request);
	int ret = MPI_SUCCESS;

	if (rq && rq->op == OP_OURS && rq->kind == &greq_kind) {
		struct greq *g = rq->temp;

		/* Another thread may take the record away from now on. */
		if (g->freed)
			request_give(rq);
		else
			atomic_store(&g->complete, true);
	} else {
		/* Null, freed, or another request: the real library says so. */
		ret = REAL(Grequest_complete, real_request(request));
	}
	if (ret)
		ret = error_world(ret, FN_MPI_Grequest_complete);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Grequest_complete);

/* What MPICH's Fortran library asks for: its functions take one argument more.
 */
void MPICH_API_PUBLIC MPII_Grequest_set_lang_f77(MPI_Request request);

void MPII_Grequest_set_lang_f77(MPI_Request request)
{
	struct vrequest *rq = request_get(request);

	if (rq && rq->op == OP_OURS && rq->kind == &greq_kind)
		((struct greq *)rq->temp)->fortran = true;
}

/* --- classes
 * --------------------------------------------------------------------- */

/* Never freed: MPICH has no call for it.  File-scope: belongs to the process. */
static struct {
	struct lock lock;
	struct functions *fn;
	int n;
} classes;

static int class_add(const struct functions *fn, MPIX_Grequest_class *made)
{
	struct functions *more;

	lock_take(&classes.lock);
	more = upper_realloc(classes.fn,
			     (size_t)(classes.n + 1) * sizeof(*more));
	if (more) {
		classes.fn = more;
		classes.fn[classes.n] = *fn;
		*made = ++classes.n;
	}
	lock_give(&classes.lock);
	return more ? MPI_SUCCESS : MPI_ERR_NO_MEM;
}

static int class_get(MPIX_Grequest_class number, struct functions *fn)
{
	int ret = MPI_ERR_ARG;

	lock_take(&classes.lock);
	if (number > 0 && number <= classes.n) {
		*fn = classes.fn[number - 1];
		ret = MPI_SUCCESS;
	}
	lock_give(&classes.lock);
	return ret;
}

int PMPIX_Grequest_class_create(MPI_Grequest_query_function *query_fn,
				MPI_Grequest_free_function *free_fn,
				MPI_Grequest_cancel_function *cancel_fn,
				MPIX_Grequest_poll_function *poll_fn,
				MPIX_Grequest_wait_function *wait_fn,
				MPIX_Grequest_class *greq_class)
{
	struct thread_ctx *ctx = ctx_enter();
	const struct functions fn = { query_fn, free_fn, cancel_fn, poll_fn,
				      wait_fn };
	int ret = MPI_ERR_ARG;

	if (greq_class && is_whole(&fn))
		ret = class_add(&fn, greq_class);
	if (ret)
		ret = error_world(ret, FN_MPIX_Grequest_class_create);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPIX_Grequest_class_create);

int PMPIX_Grequest_class_allocate(MPIX_Grequest_class greq_class,
				  void *extra_state, MPI_Request *request)
{
	struct thread_ctx *ctx = ctx_enter();
	struct functions fn;
	int ret = class_get(greq_class, &fn);

	if (!ret)
		ret = start(&fn, extra_state, FN_MPIX_Grequest_class_allocate,
			    request);
	if (ret)
		ret = error_world(ret, FN_MPIX_Grequest_class_allocate);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPIX_Grequest_class_allocate);
