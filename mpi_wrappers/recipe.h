/* SPDX-License-Identifier: BSD-3-Clause */
/* recipe.h - a call kept with its arguments, to be made again */
#ifndef CAIRN_MPI_RECIPE_H
#define CAIRN_MPI_RECIPE_H

#include <mpi.h>

#include "mpi_wrappers/handles.h"

struct vcomm;

/* Generated for functions that make datatypes and persistent collectives: a
 * letter for each parameter (C T O I handles, i ints, a Aints and Counts, t
 * datatypes, N what comes out, . anything else), and how long an array is (a
 * letter: that parameter's value; P < > see comm_array_length; . unknown). */
struct api_recipe {
	const char *kinds, *lengths;
};
extern const struct api_recipe api_recipes[];

#define RECIPE_ARGS 12
struct recipe {
	int function;
	int nargs;
	long arg[RECIPE_ARGS]; /* virtual handles; arrays are copies */
	void *copies;	       /* one block for all arrays */
};

/* recipe_make - keep a call that succeeded: args are the program's.  Holds a
 * reference to each object among them.  NULL without memory, or when the
 * function has no recipe. */
struct recipe *recipe_make(int function, const long args[]);
void recipe_free(struct recipe *recipe);
/* recipe_call - call the real function with the real handles of now; *made is
 * what came out.  Gives its MPI error code.  (A persistent collective's array
 * of datatypes stays valid until recipe_free.) */
int recipe_call(struct recipe *recipe, int *made);
/* recipe_types - the datatypes it was made of, in order, at most max; gives
 * their number. */
int recipe_types(const struct recipe *recipe, MPI_Datatype types[], int max);

/* Implemented beside the requests: a persistent collective's request, which
 * owns the recipe (also when it gives no request), and memory that must live
 * until a non-blocking collective completes (freed by upper_free). */
MPI_Request request_persistent_collective(struct vcomm *comm,
					  struct real_handle real, int function,
					  struct recipe *recipe);
void request_keep(MPI_Request request, void *memory);

#endif
