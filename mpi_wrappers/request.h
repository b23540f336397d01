/* SPDX-License-Identifier: BSD-3-Clause */
/* request.h - requests: what must be known to finish or repeat an operation */
#ifndef CAIRN_MPI_REQUEST_H
#define CAIRN_MPI_REQUEST_H

#include "mpi_wrappers/comm.h"
#include "mpi_wrappers/frontier.h"

struct recipe;
struct thread_ctx;
struct vfile;

/*
 * DESIGN
 *
 * Each request that the program holds is a record with every argument of its
 * operation, so that a pending receive can be posted again after a restart and
 * a completed operation can be remembered until the program asks for it.
 * Records come from a pool of their own and keep their handles for good: the
 * fast path takes one from a free list and puts it back, nothing more.  An
 * epoch walks over the whole pool; nothing else does.
 *
 * The state says where an operation is:
 *   FREE      in the free list
 *   INACTIVE  persistent, not started
 *   POSTED    obj.real is the pending request of the real library; with
 *             children (sendrecv), they are
 *   AWAIT     a synchronous send that a checkpoint took off the wire: nothing
 *             is left of it in the real library, but its receiver has not
 *             matched it yet (sync.c)
 *   DONE      complete; status and error are kept for the program's wait
 */
enum request_op {
	OP_SEND,
	OP_SSEND,
	OP_BSEND, /* what MPI_Bsend_init and MPI_Ibsend give: the message
		     itself is an OP_SEND of ours (bsend.c) */
	OP_RECV,
	OP_SENDRECV, /* child[0] receives, child[1] sends */
	OP_COLLECTIVE,
	OP_PERSISTENT_COLLECTIVE,
	OP_BARRIER, /* MPI_Ibarrier, or an interrupted MPI_Barrier (barrier.c)
		     */
	/* From here on requests are not of messages or plain collectives, and
	 * have no children: one comparison leads past them. */
	OP_OURS,    /* nothing of it is in the real library: kind tells what it
		       does (partitioned communication, generalized requests) */
	OP_FILE,	 /* on a file; complete before a capture */
	OP_FILE_COLL,	 /* goes on only when all older ones of its file are
			    complete (request_file.c) */
	OP_OPAQUE, /* cannot be restored: only lives in the real library */
};

enum request_state {
	REQ_FREE,
	REQ_INACTIVE,
	REQ_POSTED,
	REQ_AWAIT,
	REQ_DONE,
};

/* What request_give must look after; most records own nothing. */
enum request_owns {
	OWNS_COMM = 1, /* a reference to comm (request_adopt) */
	OWNS_TYPE = 2, /* type_ref */
	OWNS_NEED = 4, /* a thread was blocked by it while an epoch was pending:
			  need */
	OWNS_PARTS = 8, /* perhaps children, memory, a recipe */
};

struct vrequest;

/*
 * What a request of OP_OURS does; a NULL is what ordinary ones do.  All run in
 * the upper half, and none parks.
 *   start     it is INACTIVE: POSTED or DONE after it, or an error
 *   progress  it is POSTED: is it complete?  Then request_ours_done was called
 *   blocked   request_blocked: by whom
 *   wait      MPI_Waitall has come to it
 *   query     the program is to learn how it ended: fill status, give the error
 *   end       it has learned: the last thing before the record is given back
 *             or is INACTIVE; gives an error, too
 *   cancel    gives an error, or MPI_SUCCESS
 *   free      by MPI_Request_free; true: the record is the kind's to give back
 *   give      the record is given back
 */
struct request_kind {
	int (*start)(struct thread_ctx *ctx, struct vrequest *rq);
	bool (*progress)(struct thread_ctx *ctx, struct vrequest *rq);
	void (*blocked)(struct thread_ctx *ctx, struct vrequest *rq,
			int function);
	void (*wait)(struct vrequest *rq);
	int (*query)(struct vrequest *rq);
	int (*end)(struct vrequest *rq);
	int (*cancel)(struct vrequest *rq);
	bool (*free)(struct vrequest *rq, int *error);
	void (*give)(struct vrequest *rq);
};

/* What a message needs comes first, within one line of the cache. */
struct vrequest {
	struct vobject obj;
	union {
		struct {
			uint8_t op, state, owns;
			bool persistent;
			bool detached;	/* given away by MPI_Request_free */
			bool hidden;	/* of a blocking call, or a child: no
					   handle out */
			bool cancelled; /* MPI_Cancel was called */
			bool bsend;	/* temp is charged to the attached
					   buffer */
		};
		uint64_t mode; /* all of them: one store, one comparison */
	};
	struct vcomm *comm;
	struct vrequest *next; /* of the free list, of detached ones */
	uint64_t seq;	       /* order of posting */
	int peer, tag;
	void *buf;
	MPI_Count count;
	MPI_Datatype type; /* virtual; type_ref keeps it */
	int post;	   /* api number of what posts it: FN_MPI_Isend, ... or
			      of what makes it: FN_MPI_Send_init, ... */
	struct vobject *type_ref;
	struct frontier_need need;
	int error;
	MPI_Status status;
	uint64_t made; /* order of making (persistent ones) */
	struct vrequest *child[2];
	void *temp;   /* memory of ours that the operation uses */
	void *second; /* more of it; only with temp */
	size_t temp_len;
	struct recipe *recipe; /* makes a persistent collective again */
	uint64_t ordinal;      /* of a persistent collective or a barrier: its
				  number, the same on all members (agree.h) */
	/* synchronous sends (sync.c) */
	struct vrequest *sync_next;
	uint64_t sync_id;
	uint32_t sync_later;
	bool sync_acked;     /* the receiver has matched it */
	bool sync_confirmed; /* the receiver knows that it must say so */
	/* operations on files (request_file.c) */
	struct vfile *file; /* referenced; of a collective: NULL when it is
			       complete, its owner may call it DONE */
	struct vrequest *file_next;
	/* OP_OURS; the kind's own data is in temp */
	const struct request_kind *kind;
	bool concluded; /* the program learns of its end */
};

/* The mode of a message that is under way and of which nothing is special (the
 * first byte is the lowest: x86).  A record in the free list has mode 0. */
#define REQUEST_PLAIN(op) ((uint64_t)(op) | (uint64_t)REQ_POSTED << 8)

/* Is rq such a message?  That it keeps its type makes no difference. */
static inline bool request_is_plain(const struct vrequest *rq,
				    enum request_op op)
{
	return (rq->mode & ~((uint64_t)OWNS_TYPE << 16)) == REQUEST_PLAIN(op);
}

/* Does it live in the real library only?  Its existence refuses a checkpoint.
 */
static inline bool request_is_opaque(const struct vrequest *rq)
{
	return rq->op >= OP_OPAQUE;
}

/* Does the program call MPI from several threads (MPI_THREAD_MULTIPLE)?  Then
 * tables and counters are guarded, else they cost nothing. */
extern bool request_threaded;

/* request_init - at MPI_Init, once the level of threads is known. */
void request_init(bool threaded);

/* request_get - the record behind a handle of the program; NULL for a null,
 * stale or foreign one. */
static inline struct vrequest *request_get(MPI_Request handle)
{
	struct vrequest *rq = handle_get(V_REQUEST, handle);

	return rq && rq->state != REQ_FREE ? rq : NULL;
}

/* request_take - a record from the pool with op, comm (referenced) and type
 * (referenced) set; NULL without memory.  request_give - put it back. */
struct vrequest *request_take(enum request_op op, struct vcomm *comm,
			      MPI_Datatype type);
void request_give(struct vrequest *rq);

/* request_adopt - the program is about to free comm: records of plain messages,
 * which live by the program's reference, get one of their own. */
void request_adopt(struct vcomm *comm);

/* request_posted - the real library has the operation: order and state. */
void request_posted(struct vrequest *rq);

/* request_finished - the real request is complete with this status and error:
 * counts what was received.  The state is DONE after it. */
void request_finished(struct vrequest *rq, const MPI_Status *status, int error);

/* request_progress - look (once, without waiting) whether it is complete; DONE
 * and INACTIVE give true. */
bool request_progress(struct thread_ctx *ctx, struct vrequest *rq);

/* request_blocked - this thread waits for rq and was told to look up, or an
 * epoch is pending: say what is needed, hold if this rank may.  All real
 * handles may be other ones when it returns. */
void request_blocked(struct thread_ctx *ctx, struct vrequest *rq, int function);

/* request_wait - until rq is DONE; hidden requests of blocking calls. */
void request_wait(struct thread_ctx *ctx, struct vrequest *rq, int function);

/* request_detach - the program forgets it; it is finished behind its back. */
void request_detach(struct thread_ctx *ctx, struct vrequest *rq);

/* OP_OURS: request_ours - a record whose own data is `size` zeroed bytes in
 * temp; NULL without memory.  request_ours_done - it is complete: the state is
 * DONE. */
struct vrequest *request_ours(const struct request_kind *kind,
			      struct vcomm *comm, MPI_Datatype type,
			      size_t size);
void request_ours_done(struct vrequest *rq);
/* request_conclude - the program is about to learn of a DONE request: gives its
 * error.  May be called again. */
static inline int request_conclude(struct vrequest *rq);
int request_ours_conclude(struct vrequest *rq);

/* request_status - what the program's status becomes for a DONE request, as the
 * real library would fill it. */
void request_status(MPI_Status *status, const struct vrequest *rq);
void request_status_empty(MPI_Status *status);
/* that of a receive from MPI_PROC_NULL; MPICH's MPI_Irecv does not fill it as
 * its MPI_Recv does. */
void request_status_nobody(MPI_Status *status);

/* request_each - fn for each record in use, by order of posting.  Epochs only:
 * the other threads are parked.  Stops at the first result that is not 0. */
int request_each(int (*fn)(struct vrequest *rq, void *arg), void *arg);

/* request_collective - a virtual request for a non-blocking collective that was
 * just entered (real handle given); keeps what it references alive.  Used by
 * generated wrappers.  Gives the handle for the program. */
MPI_Request request_collective(struct vcomm *comm, struct real_handle real,
			       int function);
/* request_opaque - a virtual request of a kind that cannot be restored yet
 * (RMA, partitioned ones with processes beyond the world): its existence
 * refuses a checkpoint. */
MPI_Request request_opaque(struct real_handle real, int function);
/* request_file - a virtual request for a non-blocking operation on a file,
 * perhaps a collective one (which its caller has counted). */
MPI_Request request_file(struct vfile *file, struct real_handle real,
			 int function, bool collective);
/* request_file_progress - request_progress for a collective that is POSTED. */
bool request_file_progress(struct vrequest *rq);
/* request_file_step - while a rank holds: goes on with all of them. */
void request_file_step(void);
/* request_real - the real request behind a handle of the program, for functions
 * that act on opaque ones; the null or an invalid handle as the real library
 * must see it. */
struct real_handle request_real(MPI_Request handle);
/* request_check - 0, or -EBUSY with a sentence when an opaque request exists
 * (for the epoch hook `check`). */
int request_check(struct err *err);

static inline int request_conclude(struct vrequest *rq)
{
	return __builtin_expect(rq->op == OP_OURS, 0) ?
		       request_ours_conclude(rq) :
		       rq->error;
}

/* Called by init.c / the epoch hooks (rebuild.c). */
int request_rebuild(void); /* after a restart: post receives again in order */
/* request_finalize - before the real MPI_Finalize: finish or free what the
 * program gave away. */
void request_finalize(void);

#endif
