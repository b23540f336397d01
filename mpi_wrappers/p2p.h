/* SPDX-License-Identifier: BSD-3-Clause */
/* p2p.h - what the files of point-to-point communication share */
#ifndef CAIRN_MPI_P2P_H
#define CAIRN_MPI_P2P_H

#include "mpi_wrappers/api.h"
#include "mpi_wrappers/peers.h"
#include "mpi_wrappers/request.h"
#include "runtime/base/sys.h"

/*
 * References without locked instructions where one thread calls MPI; the last
 * one goes the ordinary way.
 */
static inline void keep_object(struct vobject *object)
{
	if (request_threaded)
		object_ref(object);
	else
		atomic_store_explicit(
			&object->refs,
			atomic_load_explicit(&object->refs,
					     memory_order_relaxed) +
				1,
			memory_order_relaxed);
}

static inline void drop_object(struct vobject *object)
{
	int refs = atomic_load_explicit(&object->refs, memory_order_relaxed);

	if (request_threaded || refs <= 1)
		object_put(object);
	else
		atomic_store_explicit(&object->refs, refs - 1,
				      memory_order_relaxed);
}

static inline int comm_real(const struct vcomm *c, MPI_Comm comm)
{
	return __builtin_expect(c != NULL, 1) ? c->obj.real.id :
						real_comm(comm);
}

/*
 * The pool (request.c).  What a halo exchange does for each message is inline:
 * with one thread that calls MPI there is no lock and no call.  A record in the
 * free list is clean: mode and need are 0, children, temp, recipe and
 * type_ref NULL.
 */
extern struct vrequest *request_free_list;
extern uint64_t request_last_number;
void request_give_parts(struct vrequest *rq);
void request_lock_slow(void);
void request_unlock_slow(void);

static inline void request_lock(void)
{
	if (__builtin_expect(request_threaded, 0))
		request_lock_slow();
}

static inline void request_unlock(void)
{
	if (__builtin_expect(request_threaded, 0))
		request_unlock_slow();
}

/* Between threads any order is a right one; within one it grows. */
static inline uint64_t request_number(void)
{
	return request_threaded ? __atomic_add_fetch(&request_last_number, 1,
						     __ATOMIC_RELAXED) :
				  ++request_last_number;
}

/* The type of a record's data, which must outlive the operation. */
static inline void request_set_type(struct vrequest *rq, MPI_Datatype type)
{
	rq->type = type;
	if (__builtin_expect((uint32_t)type >> 30 != 3, 1))
		return;
	rq->type_ref = handle_get(V_TYPE, type);
	if (!rq->type_ref)
		return;
	keep_object(rq->type_ref);
	rq->owns |= OWNS_TYPE;
}

static inline void request_give_here(struct vrequest *rq)
{
	if (__builtin_expect(rq->owns != 0, 0))
		request_give_parts(rq);
	rq->mode = 0;
	request_lock();
	rq->next = request_free_list;
	request_free_list = rq;
	request_unlock();
}

/* Wait in the lower half, once; the state may be DONE after it. */
void request_wait_real(struct thread_ctx *ctx, struct vrequest *rq);

/* A receive is complete with this status and error: count its message. */
void request_received_error(const struct vcomm *c, int source, int error);

static inline void request_received(const struct vcomm *c, int peer,
				    const MPI_Status *status, int error)
{
	int source = peer >= 0 ? peer : status->MPI_SOURCE;

	if (source < 0 || source >= c->npeers)
		return; /* MPI_PROC_NULL, or nothing was received */
	if (__builtin_expect(error != MPI_SUCCESS, 0))
		request_received_error(c, source, error);
	else
		peer_received(comm_peer_world(c, source));
}

/*
 * One operation as the program gave it.  post is the api number of the
 * non-blocking function; `large` ones take an MPI_Count, which crosses as the
 * same word.
 */
struct p2p {
	int post;
	void *buf;
	MPI_Count count;
	MPI_Datatype type;
	int peer, tag;
	MPI_Comm comm;
};

/* p2p_post - call the real function; gives its error and the real request. */
static inline __attribute__((always_inline)) int p2p_post(const struct p2p *op,
							  const struct vcomm *c,
							  int *real)
{
	return (int)cross_call7(real_fn(op->post), (long)op->buf,
				(long)op->count, real_type(op->type), op->peer,
				op->tag, comm_real(c, op->comm), (long)real);
}

/* request_fill - the operation's arguments into a fresh record. */
static inline void request_fill(struct vrequest *rq, const struct p2p *op)
{
	rq->post = op->post;
	rq->buf = op->buf;
	rq->count = op->count;
	rq->peer = op->peer;
	rq->tag = op->tag;
}

/* The same from a record: again after a restart, or a persistent one started
 * as a plain one. */
static inline struct p2p request_p2p(const struct vrequest *rq)
{
	return (struct p2p){ rq->post, rq->buf, rq->count,	     rq->type,
			     rq->peer, rq->tag, rq->comm->obj.handle };
}

/* p2p_start - post rq's operation (fresh or persistent and inactive): looks in
 * the drain queue first, counts, keeps the order.  Gives the real library's
 * error; the state is POSTED or DONE on success. */
int p2p_start(struct thread_ctx *ctx, struct vrequest *rq);

/* p2p_request - take a record for op and post it; NULL and *ret on failure. */
struct vrequest *p2p_request(struct thread_ctx *ctx, enum request_op kind,
			     const struct p2p *op, int *ret);

/* p2p_pack - op's data as packed bytes in memory of ours (upper_free); c is its
 * communicator's record. */
int p2p_pack(const struct p2p *op, const struct vcomm *c, void **temp,
	     size_t *len);

/* bsend_start - send op's data from memory of ours, charged to the buffer that
 * the program attached.  bsend_release - that memory is free again. */
int bsend_start(struct thread_ctx *ctx, const struct p2p *op, struct vcomm *c);
void bsend_release(size_t len);

/* probe.c: as request_blocked, for a probe.  probe_polled - one that does not
 * wait has found a message, or none, while an epoch is pending. */
void probe_blocked(struct thread_ctx *ctx, struct frontier_need *need,
		   const struct vcomm *c, int source, int function);
void probe_polled(struct thread_ctx *ctx, const struct vcomm *c, int source,
		  bool found);

/* request_reap - free the records of detached requests that are complete. */
void request_reap(struct thread_ctx *ctx);
/* request_detached_bsend - take the oldest buffered send that is under way off
 * the list of detached requests; NULL if there is none. */
struct vrequest *request_detached_bsend(void);

#endif
