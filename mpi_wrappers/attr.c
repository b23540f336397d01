/* SPDX-License-Identifier: BSD-3-Clause */
/* attr.c - setting, asking for and deleting attributes */
#include "mpi_wrappers/api.h"

#include "mpi_wrappers/init.h"
#include "mpi_wrappers/win.h"

/*
 * Predefined attributes of communicators are copies of the real library's
 * values in memory of ours: C programs keep pointers to them.  Windows'
 * are in their records.  Keyvals of C are odd; Fortran's, one above, are asked
 * for through its own entry points.
 */
static struct {
	int keyval; /* C's */
	int value;
	bool known, present;
} predefined[] = {
	{ .keyval = MPI_TAG_UB },
	{ .keyval = MPI_HOST },
	{ .keyval = MPI_IO },
	{ .keyval = MPI_WTIME_IS_GLOBAL },
	{ .keyval = MPI_UNIVERSE_SIZE },
	{ .keyval = MPI_LASTUSEDCODE },
	{ .keyval = MPI_APPNUM },
};

/* TAG_UB is remembered by programs: a library with a smaller one cannot take
 * over. */
int attr_predefined_read(void)
{
	for (size_t i = 0; i < sizeof(predefined) / sizeof(*predefined); i++) {
		int *value = NULL, flag = 0;
		int ret = REAL(Comm_get_attr, MPI_COMM_WORLD,
			       predefined[i].keyval, &value, &flag);

		if (ret)
			return ret;
		if (predefined[i].known) {
			if (predefined[i].keyval == MPI_TAG_UB &&
			    (!flag || *value < predefined[i].value))
				return MPI_ERR_TAG;
			continue; /* the program has seen the first ones */
		}
		predefined[i].known = true;
		predefined[i].present = flag;
		predefined[i].value = flag ? *value : 0;
	}
	return MPI_SUCCESS;
}

static int predefined_get(int keyval, void *value, int *flag,
			  enum attr_type type)
{
	int c_keyval = keyval & 1 ? keyval : keyval - 1;

	for (size_t i = 0; i < sizeof(predefined) / sizeof(*predefined); i++) {
		if (predefined[i].keyval != c_keyval)
			continue;
		/* This one grows as the program adds error classes. */
		if (c_keyval == MPI_LASTUSEDCODE) {
			int *now = NULL, there = 0;

			REAL(Comm_get_attr, MPI_COMM_WORLD, c_keyval, &now,
			     &there);
			if (there)
				predefined[i].value = *now;
		}
		*flag = predefined[i].present;
		if (*flag && type == ATTR_PTR)
			*(int **)value = &predefined[i].value;
		else if (*flag)
			*(intptr_t *)value = predefined[i].value;
		return MPI_SUCCESS;
	}
	return MPI_ERR_KEYVAL;
}

static bool is_predefined(int keyval)
{
	return (uint32_t)keyval >> 30 == 1;
}

/* --- one object of any kind
 * -------------------------------------------------------- */

/* Where an object's attributes hang; NULL with an error class for a bad handle.
 * Predefined datatypes get a record when they get an attribute. */
static struct attr **list_of(enum vkind on, int handle, int *code)
{
	void *object = handle_get(on, handle);

	if (!object && on == V_TYPE && (uint32_t)handle >> 30 == 1 &&
	    ((uint32_t)handle >> 26 & 15) == V_TYPE)
		object = handle_builtin(V_TYPE, handle, sizeof(struct vtype));
	*code = on == V_COMM ? MPI_ERR_COMM :
		on == V_TYPE ? MPI_ERR_TYPE :
			       MPI_ERR_WIN;
	if (!object)
		return NULL;
	*code = MPI_SUCCESS;
	return on == V_COMM ? &((struct vcomm *)object)->attrs :
	       on == V_TYPE ? &((struct vtype *)object)->attrs :
			      &((struct vwin *)object)->attrs;
}

static int raise(enum vkind on, int handle, int code, int function)
{
	return !code	    ? MPI_SUCCESS :
	       on == V_COMM ? error_comm(handle, code, function) :
	       on == V_WIN  ? error_win(handle, code, function) :
			      error_world(code, function);
}

static int set(enum vkind on, int handle, int keyval, void *value,
	       enum attr_type type, int function)
{
	struct thread_ctx *ctx = ctx_enter();
	struct attr **list;
	int ret;

	real_start();
	list = list_of(on, handle, &ret);
	if (list)
		ret = attr_set(list, on, handle, keyval, (intptr_t)value, type);
	ret = raise(on, handle, ret, function);
	ctx_leave(ctx);
	return ret;
}

static int win_predefined_get(struct vwin *w, int keyval, void *value,
			      int *flag, enum attr_type type)
{
	int c_keyval = keyval & 1 ? keyval : keyval - 1;
	int *number = c_keyval == MPI_WIN_DISP_UNIT	? &w->disp_unit :
		      c_keyval == MPI_WIN_CREATE_FLAVOR ? &w->flavor :
		      c_keyval == MPI_WIN_MODEL		? &w->model :
							  NULL;

	if (!number && c_keyval != MPI_WIN_BASE && c_keyval != MPI_WIN_SIZE)
		return MPI_ERR_KEYVAL;
	*flag = 1;
	if (c_keyval == MPI_WIN_BASE)
		*(void **)value = w->base;
	else if (type == ATTR_PTR)
		*(void **)value = number ? (void *)number : &w->size;
	else
		*(intptr_t *)value = number ? *number : w->size;
	return MPI_SUCCESS;
}

static int get(enum vkind on, int handle, int keyval, void *value, int *flag,
	       enum attr_type type, int function)
{
	struct thread_ctx *ctx = ctx_enter();
	struct attr **list;
	int ret;

	real_start();
	list = list_of(on, handle, &ret);
	if (list && (!value || !flag))
		ret = MPI_ERR_ARG;
	else if (list && is_predefined(keyval) && on == V_COMM)
		ret = predefined_get(keyval, value, flag, type);
	else if (list && is_predefined(keyval) && on == V_WIN)
		ret = win_predefined_get(win_get(handle), keyval, value, flag,
					 type);
	else if (list)
		ret = attr_get(*list, on, keyval, value, flag, type);
	ret = raise(on, handle, ret, function);
	ctx_leave(ctx);
	return ret;
}

static int del(enum vkind on, int handle, int keyval, int function)
{
	struct thread_ctx *ctx = ctx_enter();
	struct attr **list;
	int ret;

	real_start();
	list = list_of(on, handle, &ret);
	if (list)
		ret = attr_delete(list, on, handle, keyval);
	ret = raise(on, handle, ret, function);
	ctx_leave(ctx);
	return ret;
}

/* --- the three kinds, in C and as MPICH's Fortran library asks
 * ---------------------- */

/* clang-format off */
#define ATTRS(Kind, ctype, on)						\
int PMPI_##Kind##_set_attr(ctype object, int keyval, void *value)	\
{									\
	return set(on, object, keyval, value, ATTR_PTR,			\
		   FN_MPI_##Kind##_set_attr);				\
}									\
API_ALIAS(MPI_##Kind##_set_attr);					\
int PMPI_##Kind##_get_attr(ctype object, int keyval, void *value, int *flag) \
{									\
	return get(on, object, keyval, value, flag, ATTR_PTR,		\
		   FN_MPI_##Kind##_get_attr);				\
}									\
API_ALIAS(MPI_##Kind##_get_attr);					\
int PMPI_##Kind##_delete_attr(ctype object, int keyval)			\
{									\
	return del(on, object, keyval, FN_MPI_##Kind##_delete_attr);	\
}									\
API_ALIAS(MPI_##Kind##_delete_attr);					\
int MPICH_API_PUBLIC MPII_##Kind##_set_attr(ctype object, int keyval,	\
					    void *value, enum attr_type type); \
int MPII_##Kind##_set_attr(ctype object, int keyval, void *value,	\
			   enum attr_type type)				\
{									\
	return set(on, object, keyval, value, type,			\
		   FN_MPI_##Kind##_set_attr);				\
}									\
int MPICH_API_PUBLIC MPII_##Kind##_get_attr(ctype object, int keyval,	\
					    void *value, int *flag,	\
					    enum attr_type type);	\
int MPII_##Kind##_get_attr(ctype object, int keyval, void *value, int *flag, \
			   enum attr_type type)				\
{									\
	return get(on, object, keyval, value, flag, type,		\
		   FN_MPI_##Kind##_get_attr);				\
}									\
int MPII_##Kind##_get_attr(ctype object, int keyval, void *value, int *flag, \
			   enum attr_type type)

ATTRS(Comm, MPI_Comm, V_COMM);
ATTRS(Type, MPI_Datatype, V_TYPE);
ATTRS(Win, MPI_Win, V_WIN);
/* clang-format on */

int PMPI_Attr_put(MPI_Comm comm, int keyval, void *attribute_val)
{
	return set(V_COMM, comm, keyval, attribute_val, ATTR_PTR,
		   FN_MPI_Attr_put);
}
API_ALIAS(MPI_Attr_put);

int PMPI_Attr_get(MPI_Comm comm, int keyval, void *attribute_val, int *flag)
{
	return get(V_COMM, comm, keyval, attribute_val, flag, ATTR_PTR,
		   FN_MPI_Attr_get);
}
API_ALIAS(MPI_Attr_get);

int PMPI_Attr_delete(MPI_Comm comm, int keyval)
{
	return del(V_COMM, comm, keyval, FN_MPI_Attr_delete);
}
API_ALIAS(MPI_Attr_delete);
