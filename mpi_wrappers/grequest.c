/* SPDX-License-Identifier: BSD-3-Clause */
/* grequest.c - generalized requests: work done by the program, behind a request
 */
#include "mpi_wrappers/api.h"

#include "mpi_wrappers/lock.h"

/*
 * The real library calls the program's functions through thunks.  One thunk a
 * function, kept for the life of the process: programs make many requests of
 * few functions.
 */
static struct {
	struct lock lock;
	struct callback {
		struct callback *next;
		void *fn, *thunk;
	} * first;
} callbacks;

static void *callback_of(void *fn)
{
	struct callback *c;

	if (!fn)
		return NULL;
	lock_take(&callbacks.lock);
	for (c = callbacks.first; c && c->fn != fn; c = c->next)
		;
	if (!c) {
		c = upper_alloc(sizeof(*c));
		if (c) {
			c->fn = fn;
			c->thunk = lower_callback(fn, NULL);
			c->next = callbacks.first;
			callbacks.first = c;
		}
	}
	lock_give(&callbacks.lock);
	return c ? c->thunk : NULL;
}

static int started(int ret, int made, int function, MPI_Request *request)
{
	if (ret)
		return error_world(ret, function);
	*request = request_opaque((struct real_handle){ made }, function);
	return MPI_SUCCESS;
}

int PMPI_Grequest_start(MPI_Grequest_query_function *query_fn,
			MPI_Grequest_free_function *free_fn,
			MPI_Grequest_cancel_function *cancel_fn,
			void *extra_state, MPI_Request *request)
{
	struct thread_ctx *ctx = ctx_enter();
	int made = MPI_REQUEST_NULL;
	int ret = REAL(Grequest_start, callback_of((void *)query_fn),
		       callback_of((void *)free_fn),
		       callback_of((void *)cancel_fn), extra_state,
		       request ? &made : NULL);

	ret = started(ret, made, FN_MPI_Grequest_start, request);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Grequest_start);

int PMPI_Grequest_complete(MPI_Request request)
{
	struct thread_ctx *ctx = ctx_enter();
	int ret = REAL(Grequest_complete, real_request(request));

	ret = error_world(ret, FN_MPI_Grequest_complete);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Grequest_complete);

int PMPIX_Grequest_start(MPI_Grequest_query_function *query_fn,
			 MPI_Grequest_free_function *free_fn,
			 MPI_Grequest_cancel_function *cancel_fn,
			 MPIX_Grequest_poll_function *poll_fn,
			 MPIX_Grequest_wait_function *wait_fn,
			 void *extra_state, MPI_Request *request)
{
	struct thread_ctx *ctx = ctx_enter();
	int made = MPI_REQUEST_NULL;
	int ret = (int)
		cross_call_stack(real_fn(FN_MPIX_Grequest_start),
				 (const long[]){
					 (long)callback_of((void *)query_fn),
					 (long)callback_of((void *)free_fn),
					 (long)callback_of((void *)cancel_fn),
					 (long)callback_of((void *)poll_fn),
					 (long)callback_of((void *)wait_fn),
					 (long)extra_state,
					 (long)(request ? &made : NULL) },
				 7);

	ret = started(ret, made, FN_MPIX_Grequest_start, request);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPIX_Grequest_start);

int PMPIX_Grequest_class_create(MPI_Grequest_query_function *query_fn,
				MPI_Grequest_free_function *free_fn,
				MPI_Grequest_cancel_function *cancel_fn,
				MPIX_Grequest_poll_function *poll_fn,
				MPIX_Grequest_wait_function *wait_fn,
				MPIX_Grequest_class *greq_class)
{
	struct thread_ctx *ctx = ctx_enter();
	int ret = (int)CROSS(real_fn(FN_MPIX_Grequest_class_create),
			     callback_of((void *)query_fn),
			     callback_of((void *)free_fn),
			     callback_of((void *)cancel_fn),
			     callback_of((void *)poll_fn),
			     callback_of((void *)wait_fn), greq_class);

	/* Never freed: MPICH has no call for it. */
	if (!ret)
		opaque_opened(FN_MPIX_Grequest_class_create);
	ret = error_world(ret, FN_MPIX_Grequest_class_create);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPIX_Grequest_class_create);

int PMPIX_Grequest_class_allocate(MPIX_Grequest_class greq_class,
				  void *extra_state, MPI_Request *request)
{
	struct thread_ctx *ctx = ctx_enter();
	int made = MPI_REQUEST_NULL;
	int ret = (int)CROSS(real_fn(FN_MPIX_Grequest_class_allocate),
			     greq_class, extra_state, request ? &made : NULL);

	ret = started(ret, made, FN_MPIX_Grequest_class_allocate, request);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPIX_Grequest_class_allocate);

/* What MPICH's Fortran library asks for: its functions take one argument more,
 * which the real library knows how to give. */
void MPICH_API_PUBLIC MPII_Grequest_set_lang_f77(MPI_Request request);

void MPII_Grequest_set_lang_f77(MPI_Request request)
{
	struct thread_ctx *ctx = ctx_enter();
	void *fn = real_fn(REAL_MPII_Grequest_set_lang_f77);

	CROSS(fn, real_request(request));
	ctx_leave(ctx);
}
