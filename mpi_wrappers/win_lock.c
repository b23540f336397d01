/* SPDX-License-Identifier: BSD-3-Clause */
/* win_lock.c - locks of windows, flush, sync */
#include "mpi_wrappers/api.h"

#include "mpi_wrappers/p2p.h"
#include "mpi_wrappers/win.h"

/*
 * A lock is three counters of its target (enum win_word), which never run over:
 * numbers are handed out and called up in order, so nobody starves, and what
 * they are at QUIET is all that a restart needs.  They lie in a real window of
 * their own: no rank has to take part for another to lock it (as in Mellor-
 * Crummey and Scott's and Krieger's fair reader-writer locks).
 */

/* Complete here and there when it returns: nothing of it is under way where this
 * thread may hold. */
static int word_add(const struct vwin *w, int target, enum win_word word,
		    int64_t add, int64_t *old)
{
	int64_t before = 0;
	int ret = (int)cross_call7(real_fn(FN_MPI_Fetch_and_op), (long)&add,
				   (long)&before, MPI_INT64_T, target, word,
				   add ? MPI_SUM : MPI_NO_OP, w->control.id);

	if (!ret)
		ret = REAL(Win_flush, target, w->control.id);
	if (old)
		*old = before;
	return ret;
}

/* Until the word has come to this number. */
static int wait_for(struct thread_ctx *ctx, struct vwin *w, int target,
		    enum win_word word, int64_t number, int function)
{
	struct frontier_need need = { 0 };
	int ret;

	for (;;) {
		int64_t now = 0;

		ret = word_add(w, target, word, 0, &now);
		if (ret || now == number)
			break;
		if (atomic_load(&ctx->stop) || frontier_pending)
			frontier_blocked(ctx, &need, w->comm, MPI_ANY_SOURCE,
					 function);
		else
			sys_call(SYS_sched_yield);
	}
	frontier_unblocked(&need);
	return ret;
}

static int acquire(struct thread_ctx *ctx, struct vwin *w, int target,
		   bool exclusive)
{
	int64_t number = 0;
	int ret = word_add(w, target, LOCK_USERS, 1, &number);

	if (!ret)
		ret = wait_for(ctx, w, target,
			       exclusive ? LOCK_WRITE : LOCK_READ, number,
			       FN_MPI_Win_lock);
	if (!ret && !exclusive) /* the next one may read, too */
		ret = word_add(w, target, LOCK_READ, 1, NULL);
	return ret;
}

static int release(const struct vwin *w, int target, bool exclusive)
{
	int ret = MPI_SUCCESS;

	if (exclusive)
		ret = word_add(w, target, LOCK_READ, 1, NULL);
	return ret ? ret : word_add(w, target, LOCK_WRITE, 1, NULL);
}

/* --- one target --------------------------------------------------------------
 */

static bool may_lock(const struct vwin *w, int rank)
{
	if (w->access == WIN_LOCK)
		return !(w->target[rank] & TARGET_LOCKED);
	return w->access <= WIN_REFENCE;
}

static bool is_target(const struct vwin *w, int rank)
{
	return rank >= 0 && rank < w->comm->size;
}

/* Taken note of first, so that another thread cannot lock it as well. */
static bool note_lock(struct vwin *w, int rank, int flags)
{
	bool may;

	lock_take(&w->guard);
	may = may_lock(w, rank);
	if (may) {
		w->target[rank] |= (uint8_t)flags;
		w->locks++;
		win_set_access(w, WIN_LOCK);
	}
	lock_give(&w->guard);
	return may;
}

static void note_unlock(struct vwin *w, int rank)
{
	lock_take(&w->guard);
	w->target[rank] &= TARGET_STARTED;
	if (--w->locks == 0)
		win_set_access(w, WIN_NONE);
	lock_give(&w->guard);
}

static int lock(struct thread_ctx *ctx, struct vwin *w, int lock_type, int rank,
		int assert)
{
	bool exclusive = lock_type == MPI_LOCK_EXCLUSIVE;
	bool check = !(assert & MPI_MODE_NOCHECK);
	int ret;

	if (!note_lock(w, rank,
		       TARGET_LOCKED | (exclusive ? TARGET_EXCLUSIVE : 0) |
			       (check ? 0 : TARGET_NOCHECK)))
		return MPI_ERR_RMA_SYNC;
	ret = check ? acquire(ctx, w, rank, exclusive) : MPI_SUCCESS;
	if (ret)
		note_unlock(w, rank);
	return ret;
}

int PMPI_Win_lock(int lock_type, int rank, int assert, MPI_Win win)
{
	struct thread_ctx *ctx = ctx_enter();
	struct vwin *w = win_get(win);
	int ret;

	if (!w || !is_target(w, rank) || (assert & ~MPI_MODE_NOCHECK) ||
	    (lock_type != MPI_LOCK_SHARED && lock_type != MPI_LOCK_EXCLUSIVE) ||
	    !may_lock(w, rank))
		ret = REAL(Win_lock, lock_type, rank, assert, real_win(win));
	else
		ret = lock(ctx, w, lock_type, rank, assert);
	ret = error_win(win, ret, FN_MPI_Win_lock);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Win_lock);

static int unlock(struct thread_ctx *ctx, struct vwin *w, int rank)
{
	int flags = w->target[rank];
	int ret = REAL(Win_flush, rank, w->obj.real.id);

	if (!ret && !(flags & TARGET_NOCHECK))
		ret = release(w, rank, flags & TARGET_EXCLUSIVE);
	if (ret)
		return ret;
	note_unlock(w, rank);
	if (__builtin_expect(frontier_pending, 0))
		win_polled(ctx, w, FN_MPI_Win_unlock);
	return MPI_SUCCESS;
}

int PMPI_Win_unlock(int rank, MPI_Win win)
{
	struct thread_ctx *ctx = ctx_enter();
	struct vwin *w = win_get(win);
	int ret;

	if (!w || !is_target(w, rank) || w->access != WIN_LOCK)
		ret = REAL(Win_unlock, rank, real_win(win));
	else if (!(w->target[rank] & TARGET_LOCKED))
		ret = MPI_ERR_RMA_SYNC;
	else
		ret = unlock(ctx, w, rank);
	ret = error_win(win, ret, FN_MPI_Win_unlock);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Win_unlock);

/* --- all targets: what can be done at once is ---------------------------------
 */

/* Add to one word of each target; old values to numbers[], if that is given. */
static int words_add(const struct vwin *w, enum win_word word, int64_t add,
		     int64_t *numbers)
{
	static int64_t nowhere; /* what nobody wants to know */
	int ret = MPI_SUCCESS;

	for (int i = 0; i < w->comm->size && !ret; i++)
		ret = (int)cross_call7(real_fn(FN_MPI_Fetch_and_op), (long)&add,
				       (long)(numbers ? &numbers[i] : &nowhere),
				       MPI_INT64_T, i, word, MPI_SUM,
				       w->control.id);
	return ret ? ret : REAL(Win_flush_all, w->control.id);
}

static int acquire_all(struct thread_ctx *ctx, struct vwin *w)
{
	int n = w->comm->size;
	int64_t *numbers = upper_alloc(sizeof(*numbers) * (size_t)n);
	int ret;

	if (!numbers)
		return MPI_ERR_NO_MEM;
	ret = words_add(w, LOCK_USERS, 1, numbers);
	for (int i = 0; i < n && !ret; i++) {
		ret = wait_for(ctx, w, i, LOCK_READ, numbers[i],
			       FN_MPI_Win_lock_all);
		if (!ret)
			ret = word_add(w, i, LOCK_READ, 1, NULL);
	}
	upper_free(numbers);
	return ret;
}

static bool note_lock_all(struct vwin *w, bool check)
{
	bool may;

	lock_take(&w->guard);
	may = w->access <= WIN_REFENCE;
	if (may) {
		win_set_access(w, WIN_LOCK_ALL);
		w->all_nocheck = !check;
	}
	lock_give(&w->guard);
	return may;
}

static void note_unlock_all(struct vwin *w)
{
	lock_take(&w->guard);
	win_set_access(w, WIN_NONE);
	lock_give(&w->guard);
}

static int lock_all(struct thread_ctx *ctx, struct vwin *w, int assert)
{
	bool check = !(assert & MPI_MODE_NOCHECK);
	int ret;

	if (!note_lock_all(w, check))
		return MPI_ERR_RMA_SYNC;
	ret = check ? acquire_all(ctx, w) : MPI_SUCCESS;
	if (ret)
		note_unlock_all(w);
	return ret;
}

int PMPI_Win_lock_all(int assert, MPI_Win win)
{
	struct thread_ctx *ctx = ctx_enter();
	struct vwin *w = win_get(win);
	int ret;

	if (!w || (assert & ~MPI_MODE_NOCHECK) || w->access > WIN_REFENCE)
		ret = REAL(Win_lock_all, assert, real_win(win));
	else
		ret = lock_all(ctx, w, assert);
	ret = error_win(win, ret, FN_MPI_Win_lock_all);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Win_lock_all);

static int unlock_all(struct thread_ctx *ctx, struct vwin *w)
{
	int ret = REAL(Win_flush_all, w->obj.real.id);

	if (!ret && !w->all_nocheck)
		ret = words_add(w, LOCK_WRITE, 1, NULL);
	if (ret)
		return ret;
	note_unlock_all(w);
	if (__builtin_expect(frontier_pending, 0))
		win_polled(ctx, w, FN_MPI_Win_unlock_all);
	return MPI_SUCCESS;
}

int PMPI_Win_unlock_all(MPI_Win win)
{
	struct thread_ctx *ctx = ctx_enter();
	struct vwin *w = win_get(win);
	int ret;

	if (!w)
		ret = REAL(Win_unlock_all, real_win(win));
	else if (w->access != WIN_LOCK_ALL)
		ret = MPI_ERR_RMA_SYNC;
	else
		ret = unlock_all(ctx, w);
	ret = error_win(win, ret, FN_MPI_Win_unlock_all);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Win_unlock_all);

/* --- flush, sync -------------------------------------------------------------
 */

/* The real ones, where an epoch allows it. */
static int flushed(struct thread_ctx *ctx, struct vwin *w, int ret,
		   int function)
{
	if (w && !ret && !win_passive(w))
		ret = MPI_ERR_RMA_SYNC;
	if (__builtin_expect(w && frontier_pending, 0))
		win_polled(ctx, w, function);
	return ret;
}

/* clang-format off */
#define FLUSH(name)							\
int PMPI_Win_##name(int rank, MPI_Win win)				\
{									\
	struct thread_ctx *ctx = ctx_enter();				\
	struct vwin *w = win_get(win);					\
	int ret = REAL(Win_##name, rank, real_win(win));		\
	ret = flushed(ctx, w, ret, FN_MPI_Win_##name);			\
	if (__builtin_expect(ret, 0))					\
		ret = error_win(win, ret, FN_MPI_Win_##name);		\
	ctx_leave(ctx);							\
	return ret;							\
}									\
API_ALIAS(MPI_Win_##name)

#define FLUSH_ALL(name)							\
int PMPI_Win_##name(MPI_Win win)					\
{									\
	struct thread_ctx *ctx = ctx_enter();				\
	struct vwin *w = win_get(win);					\
	int ret = REAL(Win_##name, real_win(win));			\
	ret = flushed(ctx, w, ret, FN_MPI_Win_##name);			\
	if (__builtin_expect(ret, 0))					\
		ret = error_win(win, ret, FN_MPI_Win_##name);		\
	ctx_leave(ctx);							\
	return ret;							\
}									\
API_ALIAS(MPI_Win_##name)

FLUSH(flush);
FLUSH(flush_local);
FLUSH_ALL(flush_all);
FLUSH_ALL(flush_local_all);
FLUSH_ALL(sync);
/* clang-format on */
