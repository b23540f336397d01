/* SPDX-License-Identifier: BSD-3-Clause */
/* attr.h - attributes and keyvals, entirely on our side */
#ifndef CAIRN_MPI_ATTR_H
#define CAIRN_MPI_ATTR_H

#include <mpi.h>

#include "mpi_wrappers/handles.h"

/* How a value was set or is asked for: MPICH's numbers, which its Fortran
 * library hands to MPII_Comm_set_attr and the like. */
enum attr_type {
	ATTR_PTR = 0,  /* C: a pointer */
	ATTR_AINT = 1, /* Fortran: an address-sized integer */
	ATTR_INT = 3,  /* Fortran's first binding: an INTEGER */
};

/* Proxies call the program's function in its own language. */
typedef int attr_copy_proxy(MPI_Comm_copy_attr_function *fn, int handle,
			    int keyval, void *extra_state, enum attr_type type,
			    void *value, void **new_value, int *flag);
typedef int attr_delete_proxy(MPI_Comm_delete_attr_function *fn, int handle,
			      int keyval, enum attr_type type, void *value,
			      void *extra_state);

struct vkeyval {
	struct vobject obj;
	enum vkind on; /* V_COMM, V_TYPE, V_WIN */
	MPI_Comm_copy_attr_function *copy;
	MPI_Comm_delete_attr_function *del;
	attr_copy_proxy *copy_proxy;
	attr_delete_proxy *delete_proxy;
	void *extra_state;
	bool freed; /* by the program; attributes still refer to it */
};

struct attr { /* newest first */
	struct attr *next;
	struct vkeyval *key; /* referenced */
	enum attr_type type;
	intptr_t value;
};

/*
 * All give MPI_SUCCESS, an error class, or what the program's copy or delete
 * function returned.  handle: the object's, for these functions.
 */
int attr_set(struct attr **list, enum vkind on, int handle, int keyval,
	     intptr_t value, enum attr_type type);
int attr_get(struct attr *list, enum vkind on, int keyval, void *value,
	     int *flag, enum attr_type type);
int attr_delete(struct attr **list, enum vkind on, int handle, int keyval);
/* for a duplicate of the object `handle` */
int attr_copy_all(struct attr *list, int handle, struct attr **copy);
/* newest first; stops at the first that fails */
int attr_delete_all(struct attr **list, int handle);

#endif
