/* SPDX-License-Identifier: BSD-3-Clause */
/* request_epoch.c - all requests at once: for epochs and restarts */
#include <errno.h>

#include "mpi_wrappers/agree.h"
#include "mpi_wrappers/p2p.h"
#include "runtime/process/process.h"

/* --- making them for the generated wrappers
 * -------------------------------------- */

static MPI_Request made(struct vrequest *rq, struct real_handle real,
			int function)
{
	/* Without memory for a record the request goes straight through, and no
	 * epoch can know it; the program is about to fail anyway. */
	if (!rq)
		return real.id;
	rq->post = function;
	rq->peer = MPI_PROC_NULL;
	rq->obj.real = real;
	return rq->obj.handle;
}

MPI_Request request_collective(struct vcomm *comm, struct real_handle real,
			       int function)
{
	struct vrequest *rq = request_take(OP_COLLECTIVE, comm,
					   MPI_DATATYPE_NULL);

	if (rq)
		request_posted(rq);
	return made(rq, real, function);
}

MPI_Request request_persistent_collective(struct vcomm *comm,
					  struct real_handle real, int function,
					  struct recipe *recipe)
{
	struct vrequest *rq = request_take(OP_PERSISTENT_COLLECTIVE, comm,
					   MPI_DATATYPE_NULL);

	if (rq) {
		rq->persistent = true;
		rq->recipe = recipe;
		rq->ordinal = comm ? atomic_load(&comm->entered) : 0;
	} else if (recipe) {
		recipe_free(recipe);
	}
	return made(rq, real, function);
}

MPI_Request request_opaque(struct real_handle real, int function)
{
	struct vrequest *rq = request_take(OP_OPAQUE, NULL, MPI_DATATYPE_NULL);

	if (rq &&
	    (function == FN_MPI_Psend_init || function == FN_MPI_Precv_init))
		rq->persistent = true;
	else if (rq)
		request_posted(rq);
	return made(rq, real, function);
}

void request_keep(MPI_Request handle, void *memory)
{
	struct vrequest *rq = request_get(handle);

	if (rq && rq->temp) /* MPI_Ialltoallw has two arrays of datatypes */
		rq->second = memory;
	else if (rq)
		rq->temp = memory;
}

struct real_handle request_real(MPI_Request handle)
{
	const struct vrequest *rq;

	if ((uint32_t)handle >> 30 != 3)
		return (struct real_handle){ handle };
	rq = request_get(handle);
	return rq ? rq->obj.real : (struct real_handle){ 0 };
}

/* --- all of them
 * ------------------------------------------------------------------ */

struct gather {
	struct vrequest **rq;
	uint32_t n, room;
};

static int gather_one(void *object, void *arg)
{
	struct vrequest *rq = object;
	struct gather *g = arg;

	if (rq->state == REQ_FREE)
		return 0;
	if (g->n == g->room) {
		uint32_t room = g->room ? g->room * 2 : 64;
		struct vrequest **more = upper_realloc(g->rq,
						       room * sizeof(*more));

		if (!more)
			return -ENOMEM;
		g->rq = more;
		g->room = room;
	}
	g->rq[g->n++] = rq;
	return 0;
}

static bool before_by_seq(const struct vrequest *a, const struct vrequest *b)
{
	return a->seq < b->seq;
}

static bool before_by_made(const struct vrequest *a, const struct vrequest *b)
{
	return a->made < b->made;
}

/* Heap sort: no malloc, no recursion. */
static void sift(struct vrequest **rq, uint32_t i, uint32_t n,
		 bool (*before)(const struct vrequest *,
				const struct vrequest *))
{
	for (;;) {
		uint32_t child = 2 * i + 1;
		struct vrequest *swap = rq[i];

		if (child >= n)
			return;
		if (child + 1 < n && before(rq[child], rq[child + 1]))
			child++;
		if (!before(swap, rq[child]))
			return;
		rq[i] = rq[child];
		rq[child] = swap;
		i = child;
	}
}

static void sort(struct vrequest **rq, uint32_t n,
		 bool (*before)(const struct vrequest *,
				const struct vrequest *))
{
	for (uint32_t i = n / 2; i-- > 0;)
		sift(rq, i, n, before);
	while (n > 1) {
		struct vrequest *swap = rq[0];

		rq[0] = rq[--n];
		rq[n] = swap;
		sift(rq, 0, n, before);
	}
}

static int each_sorted(int (*fn)(struct vrequest *rq, void *arg), void *arg,
		       bool (*before)(const struct vrequest *,
				      const struct vrequest *))
{
	struct gather g = { 0 };
	int ret = handle_each(V_REQUEST, gather_one, &g);

	if (!ret)
		sort(g.rq, g.n, before);
	for (uint32_t i = 0; i < g.n && !ret; i++)
		ret = fn(g.rq[i], arg);
	upper_free(g.rq);
	return ret;
}

int request_each(int (*fn)(struct vrequest *rq, void *arg), void *arg)
{
	return each_sorted(fn, arg, before_by_seq);
}

static int refuse_opaque(struct vrequest *rq, void *arg)
{
	if (!request_is_opaque(rq))
		return 0;
	return err_set(arg, -EBUSY,
		       "rank %d has a request of %s, which cannot be restored "
		       "yet: checkpoints work again once it is complete",
		       comm_world->rank, api_names[rq->post]);
}

int request_check(struct err *err)
{
	return request_each(refuse_opaque, err);
}

/* --- after a restart
 * ---------------------------------------------------------------- */

/* Persistent requests first, in the order in which the program made them: those
 * of collectives must be made in the same order by all members. */
static int remake(struct vrequest *rq, void *arg)
{
	struct p2p op;

	(void)arg;
	if (!rq->persistent || rq->op == OP_OURS)
		return 0;
	rq->obj.real.id = MPI_REQUEST_NULL;
	if (rq->op == OP_PERSISTENT_COLLECTIVE && !agree_is_shared(rq))
		return 0; /* can only be freed any more */
	if (rq->op == OP_PERSISTENT_COLLECTIVE)
		return rq->recipe && recipe_call(rq->recipe,
						 &rq->obj.real.id) ==
					       MPI_SUCCESS ?
			       0 :
			       -EIO;
	if (request_is_opaque(rq))
		return -ENOTSUP;
	op = request_p2p(rq);
	return p2p_post(&op, rq->comm, &rq->obj.real.id) ? -EIO : 0;
}

static int repost(struct vrequest *rq, void *arg)
{
	struct p2p op;

	(void)arg;
	if (rq->state != REQ_POSTED || rq->child[0] || rq->op == OP_OURS)
		return 0;
	if (rq->op == OP_BARRIER)
		return REAL(Ibarrier, rq->comm->obj.real.id, &rq->obj.real.id) ?
			       -EIO :
			       0;
	if (rq->op != OP_RECV)
		return -EPROTO; /* DRAIN left it: cannot be */
	if (rq->persistent)
		return REAL(Start, &rq->obj.real.id) ? -EIO : 0;
	op = request_p2p(rq);
	return p2p_post(&op, rq->comm, &rq->obj.real.id) ? -EIO : 0;
}

int request_rebuild(void)
{
	int ret = agree_persistent();

	if (!ret)
		ret = each_sorted(remake, NULL, before_by_made);
	agree_persistent_drop();
	return ret ? ret : request_each(repost, NULL);
}
