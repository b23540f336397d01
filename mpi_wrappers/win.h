/* SPDX-License-Identifier: BSD-3-Clause */
/* win.h - one-sided windows: their records, and what their files share */
#ifndef CAIRN_MPI_WIN_H
#define CAIRN_MPI_WIN_H

#include "mpi_wrappers/attr.h"
#include "mpi_wrappers/comm.h"
#include "mpi_wrappers/frontier.h"
#include "mpi_wrappers/handles.h"
#include "mpi_wrappers/lock.h"

struct thread_ctx;
struct vrequest;
struct info_copy;

/*
 * DESIGN (rma.md)
 *
 * The real window is in one lasting passive epoch (lock_all without checks), in
 * which every operation is allowed.  What the program's epochs mean is ours:
 * barriers and messages on a communicator of the window's own, locks that are
 * counters in a small second window.
 */

/* Which epoch this rank has open, as MPICH names them: REFENCE is behind a
 * fence that may begin an epoch, and does with the first operation. */
enum win_epoch {
	WIN_NONE,
	WIN_REFENCE,
	WIN_FENCE,
	WIN_START, /* access */
	WIN_POST,  /* exposure */
	WIN_LOCK,
	WIN_LOCK_ALL,
};

/* What this rank has with a target. */
enum win_target {
	TARGET_STARTED = 1, /* it is in the group of MPI_Win_start */
	TARGET_LOCKED = 2,
	TARGET_EXCLUSIVE = 4,
	TARGET_NOCHECK = 8, /* locked, but nobody was asked */
};

/* A lock: whoever wants it takes a number from `users`; readers wait until
 * `read` has come to theirs and call up the next at once, writers wait until
 * `write` has come to theirs, which counts those who are through. */
enum win_word { LOCK_USERS, LOCK_READ, LOCK_WRITE, LOCK_WORDS };

/* Memory of MPI_Win_allocate and _shared, as the program sees it: in the upper
 * half, always at the same address. */
struct win_memory {
	void *at; /* NULL: none; whole pages */
	size_t len;
	size_t offset; /* of this rank's part */
	/* of an allocate_shared window, where each rank's part is */
	struct win_part {
		size_t offset;
		MPI_Aint size;
		int disp_unit;
	} *part;
	bool linked; /* these are the pages of the real window */
};

struct win_attached {
	struct win_attached *next;
	void *base;
	MPI_Aint size;
};

struct vwin {
	struct vobject obj;
	int function; /* that made it */
	struct attr *attrs;
	struct verrhandler *errhandler;
	struct vcomm *comm; /* its own */

	/* predefined attributes: programs keep pointers to them */
	void *base;
	MPI_Aint size;
	int disp_unit;
	int flavor, model;

	bool any; /* an operation may go to any target, and changes nothing */
	uint8_t access, exposure; /* enum win_epoch */
	bool all_nocheck;	  /* MPI_Win_lock_all asked nobody */
	int locks;		  /* targets locked */
	uint8_t *target;	  /* enum win_target of each */
	struct lock guard;	  /* of all these */

	/* of MPI_Win_start and MPI_Win_post: ranks in comm */
	int *started, nstarted;
	struct vrequest **posted; /* receives of their MPI_Win_complete */
	int nposted;

	struct real_handle control;	   /* the real window of lock words */
	int64_t *words;			   /* this rank's, in the lower half */
	int64_t saved[LOCK_WORDS];	   /* them, before a capture */
	struct frontier_need need;	   /* see win_polled */
	uint32_t polls, polled_epoch;
	struct win_memory memory;
	struct win_attached *attached;
	struct info_copy *info;
	char name[MPI_MAX_OBJECT_NAME];
};

static inline struct vwin *win_get(MPI_Win win)
{
	return handle_get(V_WIN, win);
}

/* win_op - before an operation on a target: MPI_SUCCESS, or MPI_ERR_RMA_SYNC
 * where no epoch allows it. */
int win_op_slow(struct vwin *w, int target);

static inline int win_op(struct vwin *w, int target)
{
	return __builtin_expect(w && w->any, 1) ? MPI_SUCCESS :
						  win_op_slow(w, target);
}

/* win_raise - an error of this window: as its error handler says (error.h). */
int win_raise(struct vwin *w, int code);

/* win_idle - is no epoch open, so that the window may be freed? */
bool win_idle(const struct vwin *w);
/* win_set_access - and what follows from it for operations.  Under guard. */
void win_set_access(struct vwin *w, enum win_epoch access);
bool win_passive(const struct vwin *w);
/* win_polled - a call that programs make in loops until somebody else has
 * changed the window: while an epoch is pending, its members may be needed. */
void win_polled(struct thread_ctx *ctx, struct vwin *w, int function);

/*
 * win_memory.c.  All are collective over the window's communicator when they
 * make a real window.
 *
 * win_memory_make - the real window of an allocate or allocate_shared one, and
 * its memory for the program; after a restart the same memory again.  Gives the
 * real library's error; *real is the window.
 */
int win_memory_make(struct vwin *w, int info, int *real);
void win_memory_free(struct vwin *w);

/* win_real_make - the real window, its lasting epoch, and the one of lock
 * words; win_real_free - the way back (collective). */
int win_real_make(struct vwin *w, int info);
int win_real_free(struct vwin *w);
void win_destroy(void *object);

/* Epochs and restarts (win_epoch.c): win_describe before a capture, win_rebuild
 * after a restart, win_drain at DRAIN: all operations are complete;
 * win_held - this rank holds, so it needs nobody. */
int win_describe(struct err *err);
int win_rebuild(struct err *err);
int win_drain(struct err *err);
void win_held(void);

/* info.c */
int win_hints_read(struct vwin *w);
int win_hints_write(const struct vwin *w, int *info);

#endif
