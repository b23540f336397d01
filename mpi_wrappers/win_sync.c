/* SPDX-License-Identifier: BSD-3-Clause */
/* win_sync.c - fence, post, start, complete, wait: epochs of windows */
#include "mpi_wrappers/api.h"

#include "mpi_wrappers/barrier.h"
#include "mpi_wrappers/comm_private.h"
#include "mpi_wrappers/p2p.h"
#include "mpi_wrappers/win.h"

/*
 * What is allowed when is MPICH's (ch4_impl.h's checks), error for error.  The
 * real window is in a passive epoch always.  Its own functions look at their
 * arguments first and refuse for that epoch then: so a call with an argument
 * that is wrong, or at the wrong time, is handed to them for its error.
 */

static bool is_fence(uint8_t epoch)
{
	return epoch <= WIN_FENCE;
}

static bool is_none(uint8_t epoch)
{
	return epoch <= WIN_REFENCE;
}

bool win_passive(const struct vwin *w)
{
	return w->access >= WIN_LOCK;
}

bool win_idle(const struct vwin *w)
{
	return is_none(w->access) && is_none(w->exposure);
}

void win_set_access(struct vwin *w, enum win_epoch access)
{
	w->access = (uint8_t)access;
	w->any = access == WIN_FENCE || access >= WIN_LOCK;
}

int win_op_slow(struct vwin *w, int target)
{
	int ret = MPI_SUCCESS;

	/* The real library knows what is wrong, or there is nothing to do. */
	if (!w || target < 0 || target >= w->comm->size)
		return MPI_SUCCESS;
	lock_take(&w->guard);
	if (w->access == WIN_NONE ||
	    (w->access == WIN_START && !(w->target[target] & TARGET_STARTED)))
		ret = MPI_ERR_RMA_SYNC;
	if (w->access == WIN_REFENCE && w->exposure == WIN_REFENCE) {
		win_set_access(w, WIN_FENCE);
		w->exposure = WIN_FENCE;
	}
	lock_give(&w->guard);
	return ret;
}

/*
 * Somebody who waits for a change of the window by looking at it again and again
 * waits for the others without saying so.  After some looks in one epoch all of
 * them are asked to go on, until this rank holds.
 */
#define POLLS 16

void win_polled(struct thread_ctx *ctx, struct vwin *w, int function)
{
	uint32_t epoch = frontier_pending;

	if (w->polled_epoch != epoch) {
		w->polled_epoch = epoch;
		w->polls = 0;
	}
	if (++w->polls > POLLS)
		frontier_blocked(ctx, &w->need, w->comm, MPI_ANY_SOURCE,
				 function);
}

/* --- fence -------------------------------------------------------------------
 */

#define FENCE_ASSERTS                                          \
	(MPI_MODE_NOSTORE | MPI_MODE_NOPUT | MPI_MODE_NOPRECEDE | \
	 MPI_MODE_NOSUCCEED)

/* The barrier is there whatever is asserted: operations of the next epoch must
 * not come before what this rank has stored. */
static int fence(struct thread_ctx *ctx, struct vwin *w, int assert)
{
	int ret = REAL(Win_flush_all, w->obj.real.id);

	if (!ret)
		ret = barrier_enter(ctx, w->comm, FN_MPI_Win_fence);
	if (ret)
		return ret;
	lock_take(&w->guard);
	w->exposure = assert & MPI_MODE_NOSUCCEED ? WIN_NONE : WIN_REFENCE;
	win_set_access(w, w->exposure);
	lock_give(&w->guard);
	return MPI_SUCCESS;
}

int PMPI_Win_fence(int assert, MPI_Win win)
{
	struct thread_ctx *ctx = ctx_enter();
	struct vwin *w = win_get(win);
	int ret;

	if (!w || (assert & ~FENCE_ASSERTS) || !is_fence(w->access) ||
	    !is_fence(w->exposure))
		ret = REAL(Win_fence, assert, real_win(win));
	else
		ret = fence(ctx, w, assert);
	ret = error_win(win, ret, FN_MPI_Win_fence);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Win_fence);

/* --- groups ------------------------------------------------------------------
 */

static int rank_of_world(const struct vcomm *c, int world)
{
	for (int i = 0; i < c->size; i++)
		if (c->world[i] == world)
			return i;
	return -1;
}

/* The ranks of a group in the window's communicator, a new array. */
static int group_members(const struct vwin *w, MPI_Group group, int **ranks,
			 int *n)
{
	int ret = comm_group_ranks(real_group(group), ranks, n);

	for (int i = 0; !ret && i < *n; i++) {
		(*ranks)[i] = rank_of_world(w->comm, (*ranks)[i]);
		if ((*ranks)[i] < 0)
			ret = MPI_ERR_GROUP;
	}
	if (ret)
		upper_free(*ranks);
	return ret;
}

/* Messages without data, on the window's communicator. */
enum { TAG_POST = 1, TAG_COMPLETE };

static struct p2p message(const struct vwin *w, int post, int peer, int tag)
{
	return (struct p2p){ post, NULL,    0,	MPI_BYTE,
			     peer, tag, w->comm->obj.handle };
}

static int tell(struct thread_ctx *ctx, const struct vwin *w, int peer, int tag)
{
	struct p2p op = message(w, FN_MPI_Isend, peer, tag);
	int ret = MPI_SUCCESS;
	struct vrequest *rq = p2p_request(ctx, OP_SEND, &op, &ret);

	if (!rq)
		return ret;
	rq->hidden = true;
	if (request_progress(ctx, rq))
		request_give(rq);
	else
		request_detach(ctx, rq);
	return MPI_SUCCESS;
}

static struct vrequest *expect(struct thread_ctx *ctx, const struct vwin *w,
			       int peer, int tag, int *ret)
{
	struct p2p op = message(w, FN_MPI_Irecv, peer, tag);
	struct vrequest *rq = p2p_request(ctx, OP_RECV, &op, ret);

	if (rq)
		rq->hidden = true;
	return rq;
}

/* --- access ------------------------------------------------------------------
 */

static int wait_for_posts(struct thread_ctx *ctx, const struct vwin *w,
			  const int ranks[], int n)
{
	int ret = MPI_SUCCESS;

	for (int i = 0; i < n && !ret; i++) {
		struct vrequest *rq = expect(ctx, w, ranks[i], TAG_POST, &ret);

		if (!rq)
			return ret;
		request_wait(ctx, rq, FN_MPI_Win_start);
		ret = rq->error;
		request_give(rq);
	}
	return ret;
}

static int start(struct thread_ctx *ctx, struct vwin *w, MPI_Group group,
		 int assert)
{
	int *ranks, n, ret = group_members(w, group, &ranks, &n);

	if (ret)
		return ret;
	if (!(assert & MPI_MODE_NOCHECK))
		ret = wait_for_posts(ctx, w, ranks, n);
	if (ret) {
		upper_free(ranks);
		return ret;
	}
	lock_take(&w->guard);
	for (int i = 0; i < n; i++)
		w->target[ranks[i]] |= TARGET_STARTED;
	w->started = ranks;
	w->nstarted = n;
	win_set_access(w, WIN_START);
	lock_give(&w->guard);
	return MPI_SUCCESS;
}

/* Whose handler hears of an error: MPICH looks at the group before the
 * window. */
static MPI_Win told(MPI_Win win, MPI_Group group)
{
	return group == MPI_GROUP_NULL ? MPI_WIN_NULL : win;
}

int PMPI_Win_start(MPI_Group group, int assert, MPI_Win win)
{
	struct thread_ctx *ctx = ctx_enter();
	struct vwin *w = win_get(win);
	int ret;

	if (!w || (assert & ~MPI_MODE_NOCHECK) || !is_none(w->access) ||
	    group == MPI_GROUP_NULL)
		ret = REAL(Win_start, real_group(group), assert, real_win(win));
	else
		ret = start(ctx, w, group, assert);
	ret = error_win(told(win, group), ret, FN_MPI_Win_start);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Win_start);

static int complete(struct thread_ctx *ctx, struct vwin *w)
{
	int ret = MPI_SUCCESS;

	for (int i = 0; i < w->nstarted && !ret; i++)
		ret = REAL(Win_flush, w->started[i], w->obj.real.id);
	for (int i = 0; i < w->nstarted && !ret; i++)
		ret = tell(ctx, w, w->started[i], TAG_COMPLETE);
	if (ret)
		return ret;
	lock_take(&w->guard);
	for (int i = 0; i < w->nstarted; i++)
		w->target[w->started[i]] &= (uint8_t)~TARGET_STARTED;
	upper_free(w->started);
	w->started = NULL;
	w->nstarted = 0;
	win_set_access(w, WIN_NONE);
	lock_give(&w->guard);
	return MPI_SUCCESS;
}

int PMPI_Win_complete(MPI_Win win)
{
	struct thread_ctx *ctx = ctx_enter();
	struct vwin *w = win_get(win);
	int ret;

	if (!w || w->access != WIN_START)
		ret = REAL(Win_complete, real_win(win));
	else
		ret = complete(ctx, w);
	ret = error_win(win, ret, FN_MPI_Win_complete);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Win_complete);

/* --- exposure ----------------------------------------------------------------
 */

/* The receives first: they are what MPI_Win_test looks at. */
static int post_all(struct thread_ctx *ctx, struct vwin *w, const int ranks[],
		    int n, bool check)
{
	int ret = MPI_SUCCESS;

	w->posted = upper_alloc(sizeof(struct vrequest *) * (size_t)(n + 1));
	if (!w->posted)
		return MPI_ERR_NO_MEM;
	for (w->nposted = 0; w->nposted < n; w->nposted++) {
		struct vrequest *rq = expect(ctx, w, ranks[w->nposted],
					     TAG_COMPLETE, &ret);

		if (!rq)
			return ret;
		w->posted[w->nposted] = rq;
	}
	for (int i = 0; check && i < n && !ret; i++)
		ret = tell(ctx, w, ranks[i], TAG_POST);
	return ret;
}

static int post(struct thread_ctx *ctx, struct vwin *w, MPI_Group group,
		int assert)
{
	int *ranks, n, ret = group_members(w, group, &ranks, &n);

	if (ret)
		return ret;
	ret = post_all(ctx, w, ranks, n, !(assert & MPI_MODE_NOCHECK));
	upper_free(ranks);
	if (!ret)
		w->exposure = WIN_POST;
	return ret;
}

#define POST_ASSERTS (MPI_MODE_NOCHECK | MPI_MODE_NOSTORE | MPI_MODE_NOPUT)

int PMPI_Win_post(MPI_Group group, int assert, MPI_Win win)
{
	struct thread_ctx *ctx = ctx_enter();
	struct vwin *w = win_get(win);
	int ret;

	if (!w || (assert & ~POST_ASSERTS) || group == MPI_GROUP_NULL)
		ret = REAL(Win_post, real_group(group), assert, real_win(win));
	else if (!is_none(w->exposure))
		ret = MPI_ERR_RMA_SYNC;
	else
		ret = post(ctx, w, group, assert);
	ret = error_win(told(win, group), ret, FN_MPI_Win_post);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Win_post);

/* All have completed: the epoch is over. */
static int exposed(struct vwin *w)
{
	int ret = MPI_SUCCESS;

	for (int i = 0; i < w->nposted; i++) {
		if (w->posted[i]->error)
			ret = w->posted[i]->error;
		request_give(w->posted[i]);
	}
	upper_free(w->posted);
	w->posted = NULL;
	w->nposted = 0;
	w->exposure = WIN_NONE;
	return ret;
}

static int wait_exposed(struct thread_ctx *ctx, struct vwin *w)
{
	for (int i = 0; i < w->nposted; i++)
		request_wait(ctx, w->posted[i], FN_MPI_Win_wait);
	return exposed(w);
}

int PMPI_Win_wait(MPI_Win win)
{
	struct thread_ctx *ctx = ctx_enter();
	struct vwin *w = win_get(win);
	int ret;

	if (!w || w->exposure != WIN_POST)
		ret = REAL(Win_wait, real_win(win));
	else
		ret = wait_exposed(ctx, w);
	ret = error_win(win, ret, FN_MPI_Win_wait);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Win_wait);

static int test_exposed(struct thread_ctx *ctx, struct vwin *w, int *flag)
{
	*flag = 0;
	for (int i = 0; i < w->nposted; i++) {
		struct vrequest *rq = w->posted[i];

		if (request_progress(ctx, rq))
			continue;
		if (frontier_pending)
			request_blocked(ctx, rq, FN_MPI_Win_test);
		return MPI_SUCCESS;
	}
	*flag = 1;
	return exposed(w);
}

int PMPI_Win_test(MPI_Win win, int *flag)
{
	struct thread_ctx *ctx = ctx_enter();
	struct vwin *w = win_get(win);
	int ret;

	if (!w || !flag || w->exposure != WIN_POST)
		ret = REAL(Win_test, real_win(win), flag);
	else
		ret = test_exposed(ctx, w, flag);
	ret = error_win(win, ret, FN_MPI_Win_test);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Win_test);
