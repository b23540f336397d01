/* SPDX-License-Identifier: BSD-3-Clause */
/* op.c - reduction operations of the program */
#include "mpi_wrappers/api.h"

#include <errno.h>

#include "mpi_wrappers/lock.h"

/*
 * The real library calls a thunk, which comes back to the upper half, gives the
 * datatype its virtual handle and calls the program's function.  A non-blocking
 * reduction may outlive the program's handle, so the part that the thunk leads
 * to is never freed; there is one for each function, however often the program
 * makes an op of it.
 */
struct op_body {
	struct op_body *next;
	void *fn;
	void *cxx;  /* C++'s function that calls fn; NULL: C or Fortran */
	bool large; /* counts are MPI_Count */
	void *thunk;
	int last_real;	  /* the datatype of the last call, */
	int last_virtual; /* and what the program calls it */
};

static struct {
	struct lock lock;
	struct op_body *first;
} bodies;

static MPI_Datatype body_type(struct op_body *body, int real)
{
	const struct vobject *t;

	if ((uint32_t)real >> 30 < 2)
		return real;
	t = handle_get(V_TYPE, body->last_virtual);
	if (body->last_real == real && t && t->real.id == real)
		return body->last_virtual;
	body->last_real = real;
	body->last_virtual = type_virtual(real);
	return body->last_virtual;
}

/* len points to an int, or to an MPI_Count: the program knows which. */
static void op_called(void *in, void *inout, void *len, int *real_type_in)
{
	struct op_body *body = lower_closure();
	MPI_Datatype type = body_type(body, *real_type_in);

	/* C++'s takes the length and the datatype by value. */
	if (body->cxx)
		process_callback(body->cxx, (long)in, (long)inout, *(int *)len,
				 type, (long)body->fn);
	else
		process_callback(body->fn, (long)in, (long)inout, (long)len,
				 (long)&type, 0);
}

static struct op_body *body_new(void *fn, void *cxx, bool large)
{
	struct op_body *body = upper_alloc(sizeof(*body));

	if (!body)
		return NULL;
	body->fn = fn;
	body->cxx = cxx;
	body->large = large;
	body->thunk = lower_callback((void *)op_called, body);
	if (!body->thunk) {
		upper_free(body);
		return NULL;
	}
	body->next = bodies.first;
	bodies.first = body;
	return body;
}

static struct op_body *body_get(void *fn, void *cxx, bool large)
{
	struct op_body *body;

	lock_take(&bodies.lock);
	for (body = bodies.first; body; body = body->next)
		if (body->fn == fn && body->cxx == cxx && body->large == large)
			break;
	if (!body)
		body = body_new(fn, cxx, large);
	lock_give(&bodies.lock);
	return body;
}

void op_destroy(void *object)
{
	struct vop *op = object;

	if (op->obj.real.id)
		REAL(Op_free, &op->obj.real.id);
}

static int real_create(struct vop *op)
{
	int fn = op->body->large ? FN_MPI_Op_create_c : FN_MPI_Op_create;

	return (int)CROSS(real_fn(fn), op->body->thunk, op->commute,
			  &op->obj.real.id);
}

static int create(void *fn, int commute, bool large, MPI_Op *op, int function)
{
	struct thread_ctx *ctx = ctx_enter();
	struct vop *o = NULL;
	int ret = fn && op ? MPI_ERR_NO_MEM : MPI_ERR_ARG;

	real_start();
	if (fn && op)
		o = handle_new(V_OP, sizeof(*o));
	if (o) {
		o->commute = commute;
		o->body = body_get(fn, NULL, large);
		ret = o->body ? real_create(o) : MPI_ERR_NO_MEM;
	}
	if (ret) {
		object_put(o);
		ret = error_world(ret, function);
	} else {
		*op = o->obj.handle;
	}
	ctx_leave(ctx);
	return ret;
}

int PMPI_Op_create(MPI_User_function *user_fn, int commute, MPI_Op *op)
{
	return create((void *)user_fn, commute, false, op, FN_MPI_Op_create);
}
API_ALIAS(MPI_Op_create);

int PMPI_Op_create_c(MPI_User_function_c *user_fn, int commute, MPI_Op *op)
{
	return create((void *)user_fn, commute, true, op, FN_MPI_Op_create_c);
}
API_ALIAS(MPI_Op_create_c);

int PMPI_Op_free(MPI_Op *op)
{
	struct thread_ctx *ctx = ctx_enter();
	struct vop *o = op ? handle_get(V_OP, *op) : NULL;
	int real, ret = MPI_SUCCESS;

	if (o) {
		object_put(o);
		*op = MPI_OP_NULL;
	} else {
		real = op ? real_op(*op) : 0;
		ret = REAL(Op_free, op ? &real : NULL);
		ret = error_world(ret, FN_MPI_Op_free);
	}
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Op_free);

static int rebuild_one(void *object, void *arg)
{
	struct vop *op = object;

	if (!real_create(op))
		return 0;
	return err_set(arg, -EIO, "a reduction operation cannot be made again");
}

int op_rebuild(struct err *err)
{
	return handle_each(V_OP, rebuild_one, err);
}

/* What MPICH's C++ library asks for: the function that calls the program's. */
void MPICH_API_PUBLIC MPII_Op_set_cxx(MPI_Op op, void (*call)(void));

void MPII_Op_set_cxx(MPI_Op op, void (*call)(void))
{
	struct thread_ctx *ctx = ctx_enter();
	struct vop *o = handle_get(V_OP, op);
	struct op_body *body;

	if (o) {
		body = body_get(o->body->fn, (void *)call, o->body->large);
		if (body) {
			o->body = body;
			REAL(Op_free, &o->obj.real.id);
			real_create(o);
		}
	}
	ctx_leave(ctx);
}
