/* SPDX-License-Identifier: BSD-3-Clause */
/* partitioned.c - partitioned communication, by messages of our own */
#include "mpi_wrappers/partitioned.h"

#include <errno.h>
#include <limits.h>

#include "mpi_wrappers/comm_private.h"
#include "mpi_wrappers/deliver.h"
#include "mpi_wrappers/gid.h"
#include "mpi_wrappers/lock.h"
#include "mpi_wrappers/p2p.h"

/*
 * DESIGN
 *
 * The real library's partitioned requests know each other by address once they
 * have met, and what they send is no message that a probe finds: neither could
 * be drained, or made again on one side only.  So they never exist.
 *
 * All of it travels as ordinary counted messages on a communicator of ours that
 * has the world's ranks (`channels`), so DRAIN takes it off the wire and
 * receives are posted again as any others.
 *   - MPI_Psend_init gives the request a channel: a tag that no other request
 *     between the two ranks has.  It is announced by a message with tag 0, which
 *     says to which (communicator, source, tag) it belongs.
 *   - MPI_Precv_init waits for an announcement: they match in the order in which
 *     they were made, as MPI has it.  One that is freed before it has met its
 *     sender stays in the list, to keep that order.
 *   - When all partitions of a started send are ready its whole buffer is sent
 *     on the channel; a started receive that has its channel receives there.
 *     MPICH 4.0.2 does not send earlier either.  It waits for the receiver to
 *     start; MPI does not ask for that, and here nobody waits.
 *
 * What a checkpoint must keep is in the records: how many partitions are not
 * ready yet, the channel, and the message under way (child[0]).
 */
struct part {
	bool send;
	bool matched; /* channel and size are known */
	int partitions;
	_Atomic int left; /* partitions that are not ready */
	int channel;
	MPI_Count total; /* elements */
	int64_t size;	 /* bytes that the sender sends */
	struct waiting *waiting;
	atomic_flag busy; /* several threads may look at one receive */
};

#define ANNOUNCEMENTS 0 /* tag of announcements; others are channels */

struct announcement {
	uint64_t gid;
	int32_t source; /* rank in the communicator */
	int32_t tag;
	int32_t channel;
	int32_t unused;
	int64_t size;
};

struct announced {
	struct announced *next;
	struct announcement a;
};

/* A receive that has not met its sender; rq is NULL when it was freed. */
struct waiting {
	struct waiting *next;
	uint64_t gid;
	int source, tag;
	struct vrequest *rq;
};

/* File-scope: belongs to the process, as the world does.  `lock` guards the
 * lists; `taking` is held while announcements are received. */
static struct vcomm *channels;
static struct announced *announced_list;
static struct waiting *waiting_list;
static uint32_t next_channel;
static struct lock lock = LOCK_INIT;
static atomic_flag taking = ATOMIC_FLAG_INIT;

/* MPI has tags up to 32767 everywhere.  A channel is used again when its request
 * is freed and all others have had their turn: its messages are long received.
 */
#define CHANNELS 32768
static uint64_t channel_used[CHANNELS / 64] = { 1 << ANNOUNCEMENTS };

/* 0: all are in use. */
static int channel_take(void)
{
	int channel = 0;

	lock_take(&lock);
	for (int i = 0; i < CHANNELS && !channel; i++) {
		uint32_t c = ++next_channel % CHANNELS;

		if (!(channel_used[c / 64] & 1ULL << c % 64)) {
			channel_used[c / 64] |= 1ULL << c % 64;
			channel = (int)c;
		}
	}
	lock_give(&lock);
	return channel;
}

int part_init(struct err *err)
{
	int real = MPI_COMM_NULL, code;

	if (REAL(Comm_dup, MPI_COMM_WORLD, &real))
		return err_set(err, -EIO,
			       "the MPI library cannot duplicate "
			       "MPI_COMM_WORLD for partitioned messages");
	channels = comm_new(real, FN_MPI_Psend_init, NULL, comm_world, &code);
	if (!channels || comm_publish(channels, GID_PARTS))
		return err_set(err, -ENOMEM,
			       "no memory for partitioned messages");
	return 0;
}

void part_fini(void)
{
	frontier_unregister(channels);
	REAL(Comm_free, &channels->obj.real.id);
	channels->obj.real.id = 0;
}

/* --- announcements
 * --------------------------------------------------------------
 */

static void meet(struct vrequest *rq, const struct announcement *a)
{
	struct part *p = rq->temp;

	p->channel = a->channel;
	p->size = a->size;
	p->waiting = NULL;
	p->matched = true;
}

/* The oldest receive that waits for it; NULL: it must wait itself.  Out of the
 * list.  Under lock. */
static struct waiting *waiting_take(const struct announcement *a)
{
	struct waiting **p = &waiting_list, *w;

	while ((w = *p) && (w->gid != a->gid || w->source != a->source ||
			    w->tag != a->tag))
		p = &w->next;
	if (w)
		*p = w->next;
	return w;
}

/* Takes n over. */
static void announced_add(struct announced *n)
{
	struct announced **p = &announced_list;
	struct waiting *w;

	lock_take(&lock);
	w = waiting_take(&n->a);
	if (w && w->rq)
		meet(w->rq, &n->a);
	if (!w) {
		while (*p)
			p = &(*p)->next;
		n->next = NULL;
		*p = n;
	}
	lock_give(&lock);
	if (w)
		upper_free(n);
	upper_free(w);
}

/* The next one, from the drain queue or the real library. */
static bool announcement_receive(struct thread_ctx *ctx,
				 struct announcement *a)
{
	struct drained *d = match_any() ? match_take(channels, MPI_ANY_SOURCE,
						     ANNOUNCEMENTS) :
					  NULL;
	MPI_Status status;
	int flag = 0, message;

	if (d) {
		drained_finish(ctx, d);
		*a = *(const struct announcement *)d->bytes;
		drained_free(d);
		return true;
	}
	if (REAL(Improbe, MPI_ANY_SOURCE, ANNOUNCEMENTS, channels->obj.real.id,
		 &flag, &message, &status) ||
	    !flag)
		return false;
	(void)REAL(Mrecv, a, sizeof(*a), MPI_BYTE, &message, &status);
	peer_received(comm_peer_world(channels, status.MPI_SOURCE));
	return true;
}

/* All that have come.  Those of one sender must stay in order: one thread at a
 * time. */
static void announcements_take(struct thread_ctx *ctx)
{
	if (atomic_flag_test_and_set(&taking))
		return;
	for (;;) {
		struct announced *n = upper_alloc(sizeof(*n));

		if (!n)
			break;
		if (!announcement_receive(ctx, &n->a)) {
			upper_free(n);
			break;
		}
		announced_add(n);
	}
	atomic_flag_clear(&taking);
}

/* The oldest one for this receive, or a place in the list of those that wait.
 */
static int await(struct vrequest *rq)
{
	struct announced **p = &announced_list, *n;
	struct waiting **end = &waiting_list;
	struct waiting *w = upper_alloc(sizeof(*w));

	if (!w)
		return MPI_ERR_NO_MEM;
	*w = (struct waiting){ NULL, rq->comm->gid, rq->peer, rq->tag, rq };
	lock_take(&lock);
	while ((n = *p) && (n->a.gid != w->gid || n->a.source != w->source ||
			    n->a.tag != w->tag))
		p = &n->next;
	if (n) {
		*p = n->next;
		meet(rq, &n->a);
	} else {
		while (*end)
			end = &(*end)->next;
		*end = w;
		((struct part *)rq->temp)->waiting = w;
		w = NULL;
	}
	lock_give(&lock);
	upper_free(n);
	upper_free(w);
	return MPI_SUCCESS;
}

static int announce(struct thread_ctx *ctx, const struct vrequest *rq)
{
	const struct part *p = rq->temp;
	int peer = comm_peer_world(rq->comm, rq->peer);
	struct p2p op = { FN_MPI_Isend, NULL,	       sizeof(struct announcement),
			  MPI_BYTE,	peer,	       ANNOUNCEMENTS,
			  channels->obj.handle };
	struct announcement *a = upper_alloc(sizeof(*a));
	struct vrequest *message = a ? request_take(OP_SEND, channels,
						    MPI_BYTE) :
				       NULL;
	int ret;

	if (!message) {
		upper_free(a);
		return MPI_ERR_NO_MEM;
	}
	*a = (struct announcement){ .gid = rq->comm->gid,
				    .source = rq->comm->rank,
				    .tag = rq->tag,
				    .channel = p->channel,
				    .size = p->size };
	op.buf = a;
	request_fill(message, &op);
	message->temp = a;
	message->hidden = true;
	ret = p2p_start(ctx, message);
	if (ret)
		request_give(message);
	else
		request_detach(ctx, message);
	return ret;
}

/* --- the data
 * -------------------------------------------------------------------
 */

static struct vrequest *child_of(const struct vrequest *rq)
{
	return __atomic_load_n(&rq->child[0], __ATOMIC_ACQUIRE);
}

/* The whole buffer, on the channel. */
static int transfer(struct thread_ctx *ctx, struct vrequest *rq)
{
	const struct part *p = rq->temp;
	bool large = p->total > INT_MAX;
	struct p2p op = { p->send ? large ? FN_MPI_Isend_c : FN_MPI_Isend :
			  large	  ? FN_MPI_Irecv_c :
				    FN_MPI_Irecv,
			  rq->buf,
			  p->total,
			  rq->type,
			  comm_peer_world(rq->comm, rq->peer),
			  p->channel,
			  channels->obj.handle };
	struct vrequest *child;
	int ret;

	child = p2p_request(ctx, p->send ? OP_SEND : OP_RECV, &op, &ret);
	if (!child)
		return ret;
	child->hidden = true;
	__atomic_store_n(&rq->child[0], child, __ATOMIC_RELEASE);
	return MPI_SUCCESS;
}

static int64_t size_of(const struct vrequest *rq)
{
	const struct part *p = rq->temp;
	MPI_Count size = 0;

	if (p->total)
		(void)REAL(Type_size_x, real_type(rq->type), &size);
	return size * p->total;
}

/* As MPICH has it: what was sent, and an error if that is not what fits. */
static void received(struct vrequest *rq, int error)
{
	const struct part *p = rq->temp;

	rq->status.MPI_SOURCE = rq->peer;
	rq->status.MPI_TAG = rq->tag;
	(void)REAL(Status_set_elements_x, &rq->status, MPI_BYTE, p->size);
	rq->error = p->size != size_of(rq) ? MPI_ERR_OTHER : error;
}

static void done(struct vrequest *rq, struct vrequest *child)
{
	const struct part *p = rq->temp;

	rq->error = child ? child->error : MPI_SUCCESS;
	if (!p->send && child)
		received(rq, child->error);
	else if (!p->send)
		request_status_nobody(&rq->status);
	rq->child[0] = NULL;
	if (child)
		request_give(child);
	request_ours_done(rq);
}

/* One thread at a time: is there a message under way, and is it complete? */
static bool look(struct thread_ctx *ctx, struct vrequest *rq)
{
	struct part *p = rq->temp;
	int ret = MPI_SUCCESS;

	if (rq->state != REQ_POSTED)
		return true;
	if (p->send && atomic_load(&p->left) > 0)
		return false;
	if (rq->peer == MPI_PROC_NULL) {
		done(rq, NULL);
		return true;
	}
	if (!p->send && !p->matched)
		announcements_take(ctx);
	if (!p->send && p->matched && !child_of(rq))
		ret = transfer(ctx, rq);
	if (ret) {
		done(rq, NULL);
		rq->error = ret;
		return true;
	}
	if (!child_of(rq) || !request_progress(ctx, child_of(rq)))
		return false;
	done(rq, child_of(rq));
	return true;
}

/* --- the kind
 * -------------------------------------------------------------------
 */

static bool part_progress(struct thread_ctx *ctx, struct vrequest *rq)
{
	struct part *p = rq->temp;
	bool is_done;

	if (atomic_flag_test_and_set(&p->busy))
		return false;
	is_done = look(ctx, rq);
	atomic_flag_clear(&p->busy);
	return is_done;
}

static int part_start(struct thread_ctx *ctx, struct vrequest *rq)
{
	struct part *p = rq->temp;

	atomic_store(&p->left, p->partitions);
	rq->error = MPI_SUCCESS;
	request_posted(rq);
	if (!p->send)
		part_progress(ctx, rq);
	return MPI_SUCCESS;
}

/* By partitions that are not ready: only this rank's threads can help. */
static void part_blocked(struct thread_ctx *ctx, struct vrequest *rq,
			 int function)
{
	const struct part *p = rq->temp;

	if (child_of(rq) && child_of(rq)->state != REQ_DONE)
		request_blocked(ctx, child_of(rq), function);
	else
		frontier_blocked(ctx, &rq->need, rq->comm,
				 p->send ? MPI_PROC_NULL : rq->peer, function);
}

/* As natively. */
static int part_cancel(struct vrequest *rq)
{
	(void)rq;
	return MPI_ERR_INTERN;
}

static void part_give(struct vrequest *rq)
{
	struct part *p = rq->temp;

	lock_take(&lock);
	if (p->waiting)
		p->waiting->rq = NULL;
	if (p->send)
		channel_used[p->channel / 64] &= ~(1ULL << p->channel % 64);
	channel_used[0] |= 1 << ANNOUNCEMENTS; /* p->channel may be 0: none */
	lock_give(&lock);
}

static const struct request_kind part_kind = {
	.start = part_start,
	.progress = part_progress,
	.blocked = part_blocked,
	.cancel = part_cancel,
	.give = part_give,
};

/* --- making one
 * -----------------------------------------------------------------
 */

struct arguments {
	int function;
	void *buf;
	int partitions;
	MPI_Count count;
	MPI_Datatype type;
	int peer, tag;
	MPI_Comm comm;
	MPI_Info info;
	MPI_Request *request;
};

/* The real function: for what is wrong with the arguments, and for processes
 * beyond the world. */
static int make_real(const struct arguments *a, int *real)
{
	return (int)cross_call_stack(
		real_fn(a->function),
		(const long[]){ (long)a->buf, a->partitions, (long)a->count,
				real_type(a->type), a->peer, a->tag,
				real_comm(a->comm), real_info(a->info),
				(long)(a->request ? real : NULL) },
		9);
}

/* What the real function checks an ordinary persistent send has checked, and
 * that has no effect on others. */
static bool is_valid(const struct arguments *a)
{
	int real = MPI_REQUEST_NULL;
	bool empty = a->count == 0;

	if (!a->request || a->count < 0 || (!empty && a->partitions <= 0) ||
	    a->partitions < 0 ||
	    (a->info != MPI_INFO_NULL && !real_info(a->info)))
		return false;
	if (cross_call_stack(real_fn(FN_MPI_Send_init),
			     (const long[]){ (long)a->buf, !empty,
					     empty ? MPI_BYTE :
						     real_type(a->type),
					     a->peer, a->tag,
					     real_comm(a->comm), (long)&real },
			     7))
		return false;
	(void)REAL(Request_free, &real);
	return true;
}

static int make_opaque(const struct arguments *a)
{
	int real = MPI_REQUEST_NULL;
	int ret = make_real(a, &real);

	if (!ret)
		*a->request = request_opaque((struct real_handle){ real },
					     a->function);
	return ret;
}

static int prepare(struct thread_ctx *ctx, struct vrequest *rq)
{
	struct part *p = rq->temp;

	if (rq->peer == MPI_PROC_NULL)
		return MPI_SUCCESS;
	if (!p->send) {
		announcements_take(ctx);
		return await(rq);
	}
	p->channel = channel_take();
	if (!p->channel)
		return MPI_ERR_OTHER;
	p->size = size_of(rq);
	return announce(ctx, rq);
}

static int make(struct thread_ctx *ctx, struct vcomm *c,
		const struct arguments *a)
{
	struct vrequest *rq = request_ours(&part_kind, c, a->type,
					   sizeof(struct part));
	struct part *p;
	int ret;

	if (!rq)
		return MPI_ERR_NO_MEM;
	rq->persistent = true;
	rq->post = a->function;
	rq->buf = a->buf;
	rq->count = a->count;
	rq->peer = a->peer;
	rq->tag = a->tag;
	p = rq->temp;
	p->send = a->function == FN_MPI_Psend_init;
	p->partitions = a->partitions;
	p->total = a->count * a->partitions;
	ret = prepare(ctx, rq);
	if (ret)
		request_give(rq);
	else
		*a->request = rq->obj.handle;
	return ret;
}

static int init(const struct arguments *a)
{
	struct thread_ctx *ctx = ctx_enter();
	struct vcomm *c = comm_get(a->comm);
	int ret;

	if (!c || c->opaque || !channels || !is_valid(a))
		ret = make_opaque(a);
	else
		ret = make(ctx, c, a);
	if (ret)
		ret = error_comm(a->comm, ret, a->function);
	ctx_leave(ctx);
	return ret;
}

int PMPI_Psend_init(const void *buf, int partitions, MPI_Count count,
		    MPI_Datatype datatype, int dest, int tag, MPI_Comm comm,
		    MPI_Info info, MPI_Request *request)
{
	return init(&(struct arguments){ FN_MPI_Psend_init, (void *)buf,
					 partitions, count, datatype, dest, tag,
					 comm, info, request });
}
API_ALIAS(MPI_Psend_init);

int PMPI_Precv_init(void *buf, int partitions, MPI_Count count,
		    MPI_Datatype datatype, int dest, int tag, MPI_Comm comm,
		    MPI_Info info, MPI_Request *request)
{
	return init(&(struct arguments){ FN_MPI_Precv_init, buf, partitions,
					 count, datatype, dest, tag, comm, info,
					 request });
}
API_ALIAS(MPI_Precv_init);

/* --- partitions
 * -----------------------------------------------------------------
 */

/* Ours, if it may be made ready; else the error, or that it is the real
 * library's (0 and NULL). */
static struct vrequest *active(MPI_Request request, bool send, int *error)
{
	struct vrequest *rq = request_get(request);
	const struct part *p;

	*error = MPI_SUCCESS;
	if (!rq || rq->op != OP_OURS)
		return NULL;
	p = rq->temp;
	*error = MPI_ERR_REQUEST;
	if (rq->kind != &part_kind || p->send != send ||
	    rq->state == REQ_INACTIVE)
		return NULL;
	return rq;
}

static bool is_partition(const struct vrequest *rq, int partition)
{
	const struct part *p = rq->temp;

	return partition >= 0 && partition < p->partitions;
}

/* n more are ready; the last one sends. */
static int ready(struct thread_ctx *ctx, struct vrequest *rq, int n)
{
	struct part *p = rq->temp;

	if (n <= 0 || atomic_fetch_sub(&p->left, n) != n ||
	    rq->peer == MPI_PROC_NULL)
		return MPI_SUCCESS;
	return transfer(ctx, rq);
}

static int pready(struct thread_ctx *ctx, struct vrequest *rq, int low,
		  int high)
{
	if (!is_partition(rq, low) || !is_partition(rq, high) || low > high)
		return MPI_ERR_OTHER;
	return ready(ctx, rq, high - low + 1);
}

static int pready_list(struct thread_ctx *ctx, struct vrequest *rq, int n,
		       const int list[])
{
	if (n < 0 || (n > 0 && !list))
		return MPI_ERR_ARG;
	for (int i = 0; i < n; i++)
		if (!is_partition(rq, list[i]))
			return MPI_ERR_OTHER;
	return ready(ctx, rq, n);
}

int PMPI_Pready(int partition, MPI_Request request)
{
	struct thread_ctx *ctx = ctx_enter();
	int ret;
	struct vrequest *rq = active(request, true, &ret);

	if (rq)
		ret = pready(ctx, rq, partition, partition);
	else if (!ret)
		ret = REAL(Pready, partition, real_request(request));
	if (ret)
		ret = error_world(ret, FN_MPI_Pready);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Pready);

int PMPI_Pready_range(int partition_low, int partition_high,
		      MPI_Request request)
{
	struct thread_ctx *ctx = ctx_enter();
	int ret;
	struct vrequest *rq = active(request, true, &ret);

	if (rq)
		ret = pready(ctx, rq, partition_low, partition_high);
	else if (!ret)
		ret = REAL(Pready_range, partition_low, partition_high,
			   real_request(request));
	if (ret)
		ret = error_world(ret, FN_MPI_Pready_range);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Pready_range);

int PMPI_Pready_list(int length, int array_of_partitions[],
		     MPI_Request request)
{
	struct thread_ctx *ctx = ctx_enter();
	int ret;
	struct vrequest *rq = active(request, true, &ret);

	if (rq)
		ret = pready_list(ctx, rq, length, array_of_partitions);
	else if (!ret)
		ret = REAL(Pready_list, length, array_of_partitions,
			   real_request(request));
	if (ret)
		ret = error_world(ret, FN_MPI_Pready_list);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Pready_list);

static int parrived(struct thread_ctx *ctx, struct vrequest *rq, int partition,
		    int *flag)
{
	if (!flag)
		return MPI_ERR_ARG;
	if (!is_partition(rq, partition))
		return MPI_ERR_OTHER;
	*flag = request_progress(ctx, rq);
	if (!*flag && frontier_pending)
		request_blocked(ctx, rq, FN_MPI_Parrived);
	return MPI_SUCCESS;
}

int PMPI_Parrived(MPI_Request request, int partition, int *flag)
{
	struct thread_ctx *ctx = ctx_enter();
	int ret;
	struct vrequest *rq = active(request, false, &ret);

	if (rq)
		ret = parrived(ctx, rq, partition, flag);
	else if (request == MPI_REQUEST_NULL) /* where MPICH 4.0.2 crashes */
		ret = flag ? (*flag = 1, MPI_SUCCESS) : MPI_ERR_ARG;
	else if (!ret)
		ret = REAL(Parrived, real_request(request), partition, flag);
	if (ret)
		ret = error_world(ret, FN_MPI_Parrived);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Parrived);
