/* SPDX-License-Identifier: BSD-3-Clause */
/* drain_take.c - taking what the real library holds out of it */
#include "mpi_wrappers/drain_take.h"

#include <errno.h>
#include <limits.h>

#include "mpi_wrappers/drain.h"
#include "mpi_wrappers/mprobe.h"
#include "mpi_wrappers/p2p.h"
#include "mpi_wrappers/peers.h"
#include "mpi_wrappers/sync.h"
#include "runtime/process/process.h"

/* --- what there is
 * ------------------------------------------------------------ */

struct list {
	void **items;
	uint32_t n, room;
};

static int list_add(struct list *list, void *item)
{
	if (list->n == list->room) {
		uint32_t room = list->room ? list->room * 2 : 64;
		void **items = upper_realloc(list->items,
					     room * sizeof(*items));

		if (!items)
			return -ENOMEM;
		list->items = items;
		list->room = room;
	}
	list->items[list->n++] = item;
	return 0;
}

/* Those that are freed, too: messages to them may be under way (TRAPS MPI 7).
 */
static int add_comm(void *object, void *arg)
{
	struct vcomm *c = object;

	if (c->obj.real.id == 0 || c->obj.real.id == MPI_COMM_NULL)
		return 0;
	return list_add(arg, c);
}

static int add_request(struct vrequest *rq, void *arg)
{
	if (rq->state != REQ_POSTED || rq->child[0] || rq->op == OP_OURS)
		return 0;
	return list_add(arg, rq);
}

int drain_view_init(struct drain_view *view)
{
	struct list comms = { 0 }, requests = { 0 };
	int ret = add_comm(comm_world, &comms);

	if (!ret)
		ret = add_comm(comm_self, &comms);
	if (!ret)
		ret = handle_each(V_COMM, add_comm, &comms);
	if (!ret)
		ret = request_each(add_request, &requests);
	*view = (struct drain_view){ (struct vcomm **)comms.items, comms.n,
				     (struct vrequest **)requests.items,
				     requests.n };
	if (ret)
		drain_view_fini(view);
	return ret;
}

void drain_view_fini(struct drain_view *view)
{
	upper_free(view->comms);
	upper_free(view->requests);
	*view = (struct drain_view){ 0 };
}

static int has_gid(void *object, void *arg)
{
	const struct vcomm *c = object;

	return c->gid == *(const uint64_t *)arg;
}

struct found {
	uint64_t gid;
	struct vcomm *comm;
};

static int find_gid(void *object, void *arg)
{
	struct found *found = arg;

	if (!has_gid(object, &found->gid))
		return 0;
	found->comm = object;
	return 1;
}

struct vcomm *drain_comm(uint64_t gid)
{
	struct found found = { .gid = gid };

	if (!find_gid(comm_world, &found) && !find_gid(comm_self, &found))
		handle_each(V_COMM, find_gid, &found);
	return found.comm;
}

/* --- messages
 * ------------------------------------------------------------------ */

/* An entry with room for the message of this status. */
static struct drained *entry_new(struct vcomm *comm, const MPI_Status *status)
{
	struct drained *d = upper_alloc(sizeof(*d));
	MPI_Count len = 0;

	if (!d)
		return NULL;
	d->status = *status;
	(void)REAL(Get_elements_x, &d->status, MPI_BYTE, &len);
	d->bytes = upper_alloc((size_t)len + 1);
	if (!d->bytes) {
		upper_free(d);
		return NULL;
	}
	match_charge(d, len);
	d->comm = comm;
	object_ref(comm);
	d->source = status->MPI_SOURCE;
	d->tag = status->MPI_TAG;
	d->real = MPI_REQUEST_NULL;
	return d;
}

static int entry_receive(struct drained *d, int message)
{
	int fn = d->len > INT_MAX ? FN_MPI_Imrecv_c : FN_MPI_Imrecv;

	return CROSS(real_fn(fn), d->bytes, d->len, MPI_BYTE, &message,
		     &d->real) ?
		       -EIO :
		       0;
}

/* An entry for a message that the program has matched. */
static struct drained *entry_make(struct vcomm *comm, int message,
				  const MPI_Status *status)
{
	struct drained *d = entry_new(comm, status);

	if (d && entry_receive(d, message)) {
		drained_free(d);
		return NULL;
	}
	return d;
}

/* Is there a message?  1: its status is in *status; 0, or -EIO. */
static int look(const struct vcomm *comm, int source, int tag,
		MPI_Status *status)
{
	int flag = 0;

	status->MPI_ERROR = MPI_SUCCESS;
	if (REAL(Iprobe, source, tag, comm->obj.real.id, &flag, status))
		return -EIO;
	return flag != 0;
}

static bool fits(const MPI_Status *status, uint64_t most)
{
	uint64_t used = atomic_load(&match_bytes);
	MPI_Count len = 0;

	(void)REAL(Get_elements_x, status, MPI_BYTE, &len);
	return used < most && (uint64_t)len <= most - used;
}

/* There is memory first, and only then is the message out of the real library:
 * what cannot be kept stays there.  No other thread runs, so the first message
 * of its source and tag is the one that was seen. */
static int take_seen(struct vcomm *comm, const MPI_Status *status)
{
	int flag = 0, message = MPI_MESSAGE_NULL, ret = -EIO;
	struct drained *d = entry_new(comm, status);

	if (!d)
		return -ENOMEM;
	if (!REAL(Improbe, d->source, d->tag, comm->obj.real.id, &flag,
		  &message, &d->status) &&
	    flag)
		ret = entry_receive(d, message);
	if (ret)
		drained_free(d);
	else
		match_append(d);
	return ret;
}

int drain_take(struct vcomm *comm, int source, int tag, uint64_t most)
{
	int n = 0;

	for (;;) {
		MPI_Status status;
		int ret = look(comm, source, tag, &status);

		if (ret <= 0)
			return ret ? ret : n;
		if (!fits(&status, most))
			return -ENOBUFS;
		ret = take_seen(comm, &status);
		if (ret)
			return ret;
		n++;
	}
}

/* One test; counts it when its bytes are here. */
static bool entry_here(struct drained *d)
{
	int done = 0;

	if (d->real == MPI_REQUEST_NULL)
		return true;
	if (REAL(Test, &d->real, &done, MPI_STATUS_IGNORE) == MPI_SUCCESS &&
	    !done)
		return false;
	d->real = MPI_REQUEST_NULL;
	peer_received(comm_peer_world(d->comm, d->source));
	return true;
}

static int count_missing(struct drained *d, void *arg)
{
	*(int *)arg += !entry_here(d);
	return 0;
}

int drain_missing_bytes(void)
{
	struct drained *matched;
	int missing = 0;

	match_each(count_missing, &missing);
	while ((matched = message_pending()))
		if (!entry_here(matched))
			return missing + 1;
	return missing;
}

int drain_messages(void)
{
	return message_drain(entry_make);
}

/* --- requests
 * ------------------------------------------------------------------ */

/* A barrier that not all have entered cannot end, and need not: this rank is
 * beyond its target and enters it again after a restart. */
static bool may_step_out(const struct vrequest *rq)
{
	const struct vcomm *c = rq->comm;

	return rq->op == OP_BARRIER && c->slot &&
	       rq->ordinal > atomic_load(&c->slot->target);
}

static void test_sync(struct vrequest *rq)
{
	MPI_Status status = { .MPI_ERROR = MPI_SUCCESS };
	int real = rq->obj.real.id, done = 0;
	int ret = REAL(Test, &real, &done, &status);

	if (!done && !ret)
		return;
	rq->obj.real.id = real;
	if (status.count_hi_and_cancelled & 1)
		request_finished(rq, &status, ret); /* it was never sent */
	else
		sync_drained(rq, &status, ret);
}

static void test_one(struct thread_ctx *ctx, struct vrequest *rq)
{
	if (rq->op == OP_SSEND && rq->peer >= 0)
		test_sync(rq);
	else
		request_progress(ctx, rq);
}

uint32_t drain_test(struct drain_view *view)
{
	struct thread_ctx *ctx = ctx_here();
	uint32_t kept = 0, pending = 0;

	/* Order matters to the receives that stay; what is done is dropped. */
	for (uint32_t i = 0; i < view->nrequests; i++) {
		struct vrequest *rq = view->requests[i];

		test_one(ctx, rq);
		if (rq->state != REQ_POSTED)
			continue;
		view->requests[kept++] = rq;
		pending += rq->op != OP_RECV && !may_step_out(rq);
	}
	view->nrequests = kept;
	return pending;
}

bool drain_cancelling(const struct drain_view *view)
{
	for (uint32_t i = 0; i < view->nrequests; i++) {
		const struct vrequest *rq = view->requests[i];

		if (rq->cancelled && rq->state == REQ_POSTED &&
		    (rq->op == OP_SEND || rq->op == OP_SSEND))
			return true;
	}
	return false;
}
