/* SPDX-License-Identifier: BSD-3-Clause */
/* keyval.c - keyvals: what happens to an attribute when its object is copied */
#include "mpi_wrappers/api.h"

#include "mpi_wrappers/keyval.h"

/* The function behind MPI_DUP_FN: a copy is the value itself. */
int MPICH_API_PUBLIC MPIR_Dup_fn(MPI_Comm comm, int keyval, void *extra_state,
				 void *value, void *new_value, int *flag);

int MPIR_Dup_fn(MPI_Comm comm, int keyval, void *extra_state, void *value,
		void *new_value, int *flag)
{
	(void)comm;
	(void)keyval;
	(void)extra_state;
	*(void **)new_value = value;
	*flag = 1;
	return MPI_SUCCESS;
}

struct vkeyval *keyval_get(enum vkind on, int keyval, int *code)
{
	struct vkeyval *key = handle_get(V_KEYVAL, keyval);

	*code = MPI_SUCCESS;
	if (key && key->on == on && (uint32_t)keyval >> 30 == 3)
		return key;
	*code = MPI_ERR_KEYVAL;
	return NULL;
}

static int create(enum vkind on, void *copy, void *del, int *keyval,
		  void *extra_state, int function)
{
	struct thread_ctx *ctx = ctx_enter();
	struct vkeyval *key;
	int ret = MPI_SUCCESS;

	real_start();
	key = keyval ? handle_new(V_KEYVAL, sizeof(*key)) : NULL;
	if (key) {
		key->on = on;
		key->copy = (MPI_Comm_copy_attr_function *)copy;
		key->del = (MPI_Comm_delete_attr_function *)del;
		key->extra_state = extra_state;
		*keyval = key->obj.handle;
	} else {
		ret = error_world(keyval ? MPI_ERR_NO_MEM : MPI_ERR_ARG,
				  function);
	}
	ctx_leave(ctx);
	return ret;
}

/* Attributes that have it keep the record.  As in MPICH, copies of the handle
 * may be freed again as long as there are any. */
static int keyval_free(enum vkind on, int *keyval, int function)
{
	struct thread_ctx *ctx = ctx_enter();
	struct vkeyval *key = NULL;
	int ret = MPI_ERR_ARG;

	if (keyval)
		key = keyval_get(on, *keyval, &ret);
	if (key) {
		bool first = !key->freed;

		key->freed = true;
		if (first)
			object_put(key);
		*keyval = MPI_KEYVAL_INVALID;
	} else {
		ret = error_world(ret, function);
	}
	ctx_leave(ctx);
	return ret;
}

/* clang-format off */
#define KEYVALS(Kind, on)						\
int PMPI_##Kind##_create_keyval(MPI_##Kind##_copy_attr_function *copy,	\
				MPI_##Kind##_delete_attr_function *del,	\
				int *keyval, void *extra_state)		\
{									\
	return create(on, (void *)copy, (void *)del, keyval,		\
		      extra_state, FN_MPI_##Kind##_create_keyval);	\
}									\
API_ALIAS(MPI_##Kind##_create_keyval);					\
int PMPI_##Kind##_free_keyval(int *keyval)				\
{									\
	return keyval_free(on, keyval, FN_MPI_##Kind##_free_keyval);	\
}									\
API_ALIAS(MPI_##Kind##_free_keyval)

KEYVALS(Comm, V_COMM);
KEYVALS(Type, V_TYPE);
KEYVALS(Win, V_WIN);
/* clang-format on */

int PMPI_Keyval_create(MPI_Copy_function *copy_fn,
		       MPI_Delete_function *delete_fn, int *keyval,
		       void *extra_state)
{
	return create(V_COMM, (void *)copy_fn, (void *)delete_fn, keyval,
		      extra_state, FN_MPI_Keyval_create);
}
API_ALIAS(MPI_Keyval_create);

int PMPI_Keyval_free(int *keyval)
{
	return keyval_free(V_COMM, keyval, FN_MPI_Keyval_free);
}
API_ALIAS(MPI_Keyval_free);

/* --- what MPICH's Fortran and C++ libraries ask for
 * ------------------------------ */

void MPICH_API_PUBLIC MPII_Keyval_set_proxy(int keyval, attr_copy_proxy *copy,
					    attr_delete_proxy *del);

void MPII_Keyval_set_proxy(int keyval, attr_copy_proxy *copy,
			   attr_delete_proxy *del)
{
	struct vkeyval *key = handle_get(V_KEYVAL, keyval);

	if (!key)
		return;
	key->copy_proxy = copy;
	key->delete_proxy = del;
}
