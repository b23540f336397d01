/* SPDX-License-Identifier: BSD-3-Clause */
/* tool.c - MPI_T: initialized again in a new lower half, and its handles renewed
 */
#include "mpi_wrappers/api.h"

#include <errno.h>
#include <string.h>

#include "mpi_wrappers/lock.h"

/*
 * The program's handles of control variables, and of sessions of performance
 * variables, are records of ours: a new lower half gives new real ones by the
 * same index.  What the program has written into a control variable is written
 * again.
 *
 * A handle of a performance variable or of an event, or one that is bound to an
 * object, still refuses checkpoints (opaque.c).  MPICH 4.0.2, as Debian builds
 * it, has no such variable and no event.
 */
struct handle {
	struct handle *next;
	void *real;
	int index; /* of the control variable */
	int count;
	int function; /* what made it */
	bool bound;
};

struct written {
	struct written *next;
	int index;
	char value[]; /* as long as the variable is */
};

/* File-scope: belongs to the process, like the interface. */
static struct lock lock = LOCK_INIT;
static struct handle *handles;
static struct written *written_list;
/* How often, and at which level, the program initialized the interface. */
static int initialized;
static int level;

/* --- the interface
 * ------------------------------------------------------------- */

int PMPI_T_init_thread(int required, int *provided)
{
	struct thread_ctx *ctx = ctx_enter();
	int ret = REAL(T_init_thread, required, provided);

	if (!ret) {
		initialized++;
		level = required;
	}
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_T_init_thread);

int PMPI_T_finalize(void)
{
	struct thread_ctx *ctx = ctx_enter();
	int ret = REAL(T_finalize);

	if (!ret)
		initialized--;
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_T_finalize);

/* --- handles
 * -------------------------------------------------------------------
 */

static struct handle *handle_new_of(int function)
{
	struct handle *h = upper_alloc(sizeof(*h));

	if (!h)
		return NULL;
	h->function = function;
	lock_take(&lock);
	h->next = handles;
	handles = h;
	lock_give(&lock);
	return h;
}

/* The record behind a handle that this function has made; NULL: it is none of
 * ours. */
static struct handle *handle_of(const void *program, int function)
{
	struct handle *h;

	lock_take(&lock);
	for (h = handles; h && (h != program || h->function != function);
	     h = h->next)
		;
	lock_give(&lock);
	return h;
}

static void handle_drop(struct handle *h)
{
	struct handle **p = &handles;

	lock_take(&lock);
	while (*p != h)
		p = &(*p)->next;
	*p = h->next;
	lock_give(&lock);
	if (h->bound)
		opaque_closed(h->function);
	upper_free(h);
}

MPI_T_cvar_handle real_cvar(MPI_T_cvar_handle handle)
{
	const struct handle *h = handle_of(handle, FN_MPI_T_cvar_handle_alloc);

	return h ? h->real : NULL;
}

MPI_T_pvar_session real_pvars(MPI_T_pvar_session session)
{
	const struct handle *h = handle_of(session,
					   FN_MPI_T_pvar_session_create);

	return h ? h->real : NULL;
}

/* --- control variables
 * ---------------------------------------------------------
 */

static bool is_bound(int index)
{
	int length = 0, level_of, bind = MPI_T_BIND_NO_OBJECT, scope;
	int type;
	MPI_T_enum values;

	(void)cross_call_stack(
		real_fn(FN_MPI_T_cvar_get_info),
		(const long[]){ index, 0, (long)&length, (long)&level_of,
				(long)&type, (long)&values, 0, (long)&length,
				(long)&bind, (long)&scope },
		10);
	return bind != MPI_T_BIND_NO_OBJECT;
}

int PMPI_T_cvar_handle_alloc(int cvar_index, void *obj_handle,
			     MPI_T_cvar_handle *handle, int *count)
{
	struct thread_ctx *ctx = ctx_enter();
	struct handle *h = handle ? handle_new_of(FN_MPI_T_cvar_handle_alloc) :
				    NULL;
	int ret;

	ret = handle && !h ? MPI_T_ERR_OUT_OF_HANDLES :
			     REAL(T_cvar_handle_alloc, cvar_index, obj_handle,
				  h ? &h->real : NULL, count);
	if (!ret && h) {
		h->index = cvar_index;
		h->count = *count;
		h->bound = is_bound(cvar_index);
		if (h->bound)
			opaque_opened(h->function);
		*handle = (MPI_T_cvar_handle)h;
	} else if (h) {
		handle_drop(h);
	}
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_T_cvar_handle_alloc);

int PMPI_T_cvar_handle_free(MPI_T_cvar_handle *handle)
{
	struct thread_ctx *ctx = ctx_enter();
	struct handle *h = handle ? handle_of(*handle,
					      FN_MPI_T_cvar_handle_alloc) :
				    NULL;
	void *real = h ? h->real : NULL;
	int ret = REAL(T_cvar_handle_free, handle ? &real : NULL);

	if (!ret && h)
		handle_drop(h);
	if (!ret)
		*handle = MPI_T_CVAR_HANDLE_NULL;
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_T_cvar_handle_free);

/* Its length in bytes. */
static size_t length_of(const struct handle *h)
{
	int length = 0, level_of, bind, scope, type = MPI_CHAR, size = 1;
	MPI_T_enum values;

	(void)cross_call_stack(
		real_fn(FN_MPI_T_cvar_get_info),
		(const long[]){ h->index, 0, (long)&length, (long)&level_of,
				(long)&type, (long)&values, 0, (long)&length,
				(long)&bind, (long)&scope },
		10);
	/* There may be no MPI yet; these are all that there are. */
	if (type == MPI_INT || type == MPI_UNSIGNED)
		size = sizeof(int);
	else if (type == MPI_DOUBLE)
		size = sizeof(double);
	else if (type != MPI_CHAR)
		size = sizeof(long long);
	return (size_t)h->count * (size_t)size;
}

/* Under lock. */
static struct written *written_find(int index)
{
	struct written *w = written_list;

	while (w && w->index != index)
		w = w->next;
	return w;
}

/* Without memory for it a restart would lose it: the program hears of it. */
static int keep_written(const struct handle *h, const void *value)
{
	size_t len = length_of(h);
	struct written *w = upper_alloc(sizeof(*w) + len), *old;

	if (!w)
		return MPI_T_ERR_MEMORY;
	w->index = h->index;
	/* a text may end before its room does */
	if (len == (size_t)h->count)
		len = strnlen(value, len - 1) + 1;
	memcpy(w->value, value, len);
	lock_take(&lock);
	old = written_find(h->index);
	if (old) {
		memcpy(old->value, w->value, len);
	} else {
		w->next = written_list;
		written_list = w;
		w = NULL;
	}
	lock_give(&lock);
	upper_free(w);
	return MPI_SUCCESS;
}

int PMPI_T_cvar_write(MPI_T_cvar_handle handle, const void *buf)
{
	struct thread_ctx *ctx = ctx_enter();
	const struct handle *h = handle_of(handle, FN_MPI_T_cvar_handle_alloc);
	int ret = REAL(T_cvar_write, h ? h->real : NULL, buf);

	if (!ret && h)
		ret = keep_written(h, buf);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_T_cvar_write);

/* --- sessions of performance variables
 * -----------------------------------------
 */

int PMPI_T_pvar_session_create(MPI_T_pvar_session *session)
{
	struct thread_ctx *ctx = ctx_enter();
	struct handle *h = session ? handle_new_of(
					     FN_MPI_T_pvar_session_create) :
				     NULL;
	int ret = session && !h ? MPI_T_ERR_OUT_OF_SESSIONS :
				  REAL(T_pvar_session_create,
				       h ? &h->real : NULL);

	if (!ret)
		*session = (MPI_T_pvar_session)h;
	else if (h)
		handle_drop(h);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_T_pvar_session_create);

int PMPI_T_pvar_session_free(MPI_T_pvar_session *session)
{
	struct thread_ctx *ctx = ctx_enter();
	struct handle *h = session ? handle_of(*session,
					       FN_MPI_T_pvar_session_create) :
				     NULL;
	void *real = h ? h->real : NULL;
	int ret = REAL(T_pvar_session_free, session ? &real : NULL);

	if (!ret && h)
		handle_drop(h);
	if (!ret)
		*session = MPI_T_PVAR_SESSION_NULL;
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_T_pvar_session_free);

/* --- after a restart
 * -----------------------------------------------------------
 */

static int write_again(const struct written *w)
{
	void *real = NULL;
	int count = 0;
	int ret = REAL(T_cvar_handle_alloc, w->index, NULL, &real, &count);

	if (!ret) {
		ret = REAL(T_cvar_write, real, w->value);
		(void)REAL(T_cvar_handle_free, &real);
	}
	return ret;
}

static int renew(struct handle *h)
{
	if (h->function == FN_MPI_T_pvar_session_create)
		return REAL(T_pvar_session_create, &h->real);
	return REAL(T_cvar_handle_alloc, h->index, NULL, &h->real, &h->count);
}

int tool_rebuild(struct err *err)
{
	/* What was written outlives the interface. */
	bool only_written = !initialized && written_list;
	int provided, ret = 0;

	for (int i = 0; i < initialized + only_written && !ret; i++)
		ret = REAL(T_init_thread, level, &provided);
	if (ret)
		return err_set(err, -EIO,
			       "MPI_T cannot be initialized again");
	for (const struct written *w = written_list; w && !ret; w = w->next)
		ret = write_again(w);
	for (struct handle *h = initialized ? handles : NULL; h && !ret;
	     h = h->next)
		ret = renew(h);
	if (only_written)
		(void)REAL(T_finalize);
	return ret ? err_set(err, -EIO,
			     "a handle of MPI_T cannot be made again: error %d",
			     ret) :
		     0;
}
