/* SPDX-License-Identifier: BSD-3-Clause */
/* api.h - what every wrapper needs: real functions, handles going down, errors
 */
#ifndef CAIRN_MPI_API_H
#define CAIRN_MPI_API_H

#include <mpi.h>

#include "mpi_wrappers/comm.h"
#include "mpi_wrappers/error.h"
#include "mpi_wrappers/file.h"
#include "mpi_wrappers/frontier.h"
#include "mpi_wrappers/functions.h" /* generated: FN_..., REAL_... */
#include "mpi_wrappers/handles.h"
#include "mpi_wrappers/objects.h"
#include "mpi_wrappers/recipe.h"
#include "mpi_wrappers/request.h"
#include "runtime/lower/lower.h"
#include "runtime/process/hooks.h"
#include "runtime/process/process.h"

/*
 * API_ALIAS(MPI_Send) - after the definition of PMPI_Send: MPI_Send is another
 * name for it, weak, so that tools that define MPI_Send and call PMPI_Send
 * work.
 */
#define API_ALIAS(name) \
	extern __typeof__(P##name) name __attribute__((weak, alias("P" #name)))

/* By FN_ number (generated from api.tbl). */
extern const char *const api_names[FN_COUNT];
/* FN_ and REAL_ numbers: what is looked up in the real library. */
extern const char *const api_symbols[REAL_COUNT + 1];

/* --- the real library -------------------------------------------------------
 */

/* Its entry points, renewed after a restart.  NULL: not looked up yet, or the
 * library does not have it. */
extern void *real_table[REAL_COUNT];

/* real_fn_slow - start the lower half if there is none; a function that gives
 * MPI_ERR_UNSUPPORTED_OPERATION for one that the library lacks. */
void *real_fn_slow(int function);

/* real_fn - the address to hand to CROSS. */
static inline void *real_fn(int function)
{
	void *fn = real_table[function];

	return __builtin_expect(fn != NULL, 1) ? fn : real_fn_slow(function);
}

/* REAL(Comm_rank, args) - call PMPI_Comm_rank of the real library with real
 * handles; gives its result.  At most six arguments. */
#define REAL(name, ...) real_code(CROSS(real_fn(FN_MPI_##name), ##__VA_ARGS__))

/* A function, so that a code may be dropped where nothing can be done. */
static inline int real_code(long result)
{
	return (int)result;
}

/* real_start - load the lower half and look everything up, unless that was
 * done; never fails but by ending the process with a sentence. */
void real_start(void);
/* real_early - the lower half waits carefully (lower_loops_early), as it does
 * from real_start to MPI_Init. */
void real_early(bool early);
/* real_restart - after a restart: a new lower half with this environment. */
int real_restart(char **envp, struct err *err);
/* The hooks of a process that is not between MPI_Init and MPI_Finalize. */
extern const struct epoch_hooks real_idle_hooks;
/* real_forget - after a restart: nothing of the old one is left. */
void real_forget(void);

/* --- handles on their way down ----------------------------------------------
 */

/* What the real library must see for a handle of the program: predefined ones
 * as they are, ours translated, freed and foreign ones as an invalid handle, so
 * that it raises the error that the program expects. */
static inline int real_of(enum vkind kind, int handle)
{
	const struct vobject *o;

	if ((uint32_t)handle >> 30 != 3)
		return handle;
	o = handle_get(kind, handle);
	return o ? o->real.id : 0;
}

static inline int real_comm(MPI_Comm comm)
{
	return real_of(V_COMM, comm);
}

static inline int real_group(MPI_Group group)
{
	return real_of(V_GROUP, group);
}

static inline int real_type(MPI_Datatype type)
{
	return real_of(V_TYPE, type);
}

static inline int real_op(MPI_Op op)
{
	return real_of(V_OP, op);
}

static inline int real_info(MPI_Info info)
{
	return real_of(V_INFO, info);
}

static inline int real_win(MPI_Win win)
{
	return real_of(V_WIN, win);
}

static inline int real_errhandler(MPI_Errhandler errhandler)
{
	return real_of(V_ERRHANDLER, errhandler);
}

static inline int real_request(MPI_Request request)
{
	return request_real(request).id;
}

/* real_types - an array of n datatypes for the real library: the program's own
 * if it holds predefined ones only (or is null), else a new one that
 * real_types_done frees. */
int *real_types(const MPI_Datatype types[], long n);
void real_types_done(int *real, const MPI_Datatype types[]);

/* How long the arrays of the w collectives are. */
enum comm_length { COMM_LENGTH_PEERS, COMM_LENGTH_IN, COMM_LENGTH_OUT };
long comm_array_length(MPI_Comm comm, enum comm_length what);

const int *real_weights(const int *weights);
MPI_T_pvar_handle real_pvar(MPI_T_pvar_handle handle);
MPI_T_cvar_handle real_cvar(MPI_T_cvar_handle handle);
MPI_T_pvar_session real_pvars(MPI_T_pvar_session session);

/* --- collectives
 * --------------------------------------------------------------- */

/* coll_enter, and which collective of the communicator it is: what ids of new
 * communicators are made of. */
static inline uint64_t coll_enter_count(struct thread_ctx *ctx,
					struct vcomm *comm, int function)
{
	coll_enter(ctx, comm, function);
	return atomic_load_explicit(&comm->entered, memory_order_relaxed);
}

/* --- objects that cannot be restored
 * ------------------------------------------ */

/* opaque_opened/closed - an object made by this function lives / has gone. */
void opaque_opened(int function);
void opaque_closed(int function);
/* opaque_check - 0, or -EBUSY with a sentence that names one of them.  Also in
 * a signal handler, in either half. */
int opaque_check(struct err *err);

#endif
