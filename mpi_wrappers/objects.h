/* SPDX-License-Identifier: BSD-3-Clause */
/* objects.h - records of groups, datatypes, ops, infos, error handlers */
#ifndef CAIRN_MPI_OBJECTS_H
#define CAIRN_MPI_OBJECTS_H

#include "mpi_wrappers/attr.h"
#include "mpi_wrappers/handles.h"
#include "mpi_wrappers/recipe.h"
#include "runtime/base/err.h"

struct vcomm;

struct vgroup {
	struct vobject obj;
	int size;   /* -1: not described yet */
	int *world; /* rank in the group -> world rank */
};

struct vtype {
	struct vobject obj;
	struct recipe *recipe; /* NULL: cannot be made again */
	struct attr *attrs;
	bool committed;
	bool permanent; /* the real library keeps it: the f90 types */
	char *name;	/* NULL: none was set */
};

struct vop {
	struct vobject obj;
	struct op_body *body; /* op.c */
	int commute;
};

struct vinfo {
	struct vobject obj;
	struct info_copy *copy; /* as of the last capture */
};

struct verrhandler {
	struct vobject obj; /* real: for sessions only */
	enum vkind on;
	void (*fn)(void);
	void *cxx; /* C++'s function that calls fn; NULL: C or Fortran */
	void *thunk;
};

/*
 * xxx_made - a record for what the real library has just made; *out is the
 * program's new handle (predefined and null ones stay as they are).  Gives
 * MPI_SUCCESS or an error class.
 */
int group_made(int real, MPI_Group *out);
int info_made(int real, MPI_Info *out);
/* without the call that made it: not restorable */
int type_adopted(int real, MPI_Datatype *out);
int type_made(int real, int function, const long args[], MPI_Datatype *out);
/* parent: whose collective number `count` made it */
int comm_made(struct vcomm *parent, uint64_t count, int real, int function,
	      MPI_Comm *out);
int comm_made_opaque(int real, int function, MPI_Comm *out);

/* errhandler_get - the record of a handler, also of a predefined one; NULL: none
 * such. */
struct verrhandler *errhandler_get(MPI_Errhandler handle);

/* info_copy_merge - what a real info holds, added to a copy as text (made if it
 * is NULL): MPI_SUCCESS or an error.  info_copy_write - a real info of it. */
int info_copy_merge(int real, struct info_copy **copy);
int info_copy_write(const struct info_copy *copy, int *real);

/* type_virtual - the program's handle of a real datatype. */
MPI_Datatype type_virtual(int real);

/*
 * xxx_describe - before a capture: ask the real library for what is needed to
 * make the objects again.  0 or -Exxx with a sentence.
 * xxx_rebuild - after a restart: make the real objects again.
 */
int group_describe(struct err *err);
int group_rebuild(struct err *err);
int info_describe(struct err *err);
int info_rebuild(struct err *err);
int type_describe(struct err *err);
int type_rebuild(struct err *err);
int op_rebuild(struct err *err);
int errhandler_rebuild(struct err *err);

/* MPI_T, as often as the program had initialized it. */
int tool_rebuild(struct err *err);

/* The program's error classes and codes, with their old numbers. */
int errcode_rebuild(struct err *err);

/* objects_init - destructors; once, before the first handle. */
void objects_init(void);
void comm_destroy(void *object);
void group_destroy(void *object);
void type_destroy(void *object);
void op_destroy(void *object);
void info_destroy(void *object);
void errhandler_destroy(void *object);
void file_destroy(void *object);

#endif
