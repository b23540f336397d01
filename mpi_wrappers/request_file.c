/* SPDX-License-Identifier: BSD-3-Clause */
/* request_file.c - operations on files that are under way: collectives one after
 * the other */
#include "mpi_wrappers/lock.h"
#include "mpi_wrappers/p2p.h"

/*
 * ROMIO makes MPI_File_iwrite_all and its like of several steps.  The next step
 * is begun by whoever asks for the request, and begins non-blocking collectives
 * on the file's communicator.  Whoever asks for two requests of one file in
 * turns begins them in an order that depends on the moment: members then take
 * part in different collectives, and wait for ever.  MPICH's own MPI_Waitall
 * waits for each of them to its end before it looks at the next.
 *
 * So only the oldest one of a file is asked for, also when the program waits
 * for another one: all members began them in the same order.  What completes on
 * the way keeps its status in its record, until the program comes for it.
 *
 * Nothing but being asked makes one go on: a rank that holds while others still
 * run asks too (request_file_step).
 */

/* By order of beginning, of all files: there are few.  File-scope: belongs to
 * the process.  `lock` guards the list and is not held over a crossing; `busy`
 * is, and nobody waits for it. */
static struct lock lock = LOCK_INIT;
static struct vrequest *pending, **pending_end = &pending;
static atomic_flag busy = ATOMIC_FLAG_INIT;

static void append(struct vrequest *rq)
{
	rq->file_next = NULL;
	lock_take(&lock);
	*pending_end = rq;
	pending_end = &rq->file_next;
	lock_give(&lock);
}

MPI_Request request_file(struct vfile *file, struct real_handle real,
			 int function, bool collective)
{
	struct vrequest *rq = request_take(collective ? OP_FILE_COLL : OP_FILE,
					   NULL, MPI_DATATYPE_NULL);

	if (!rq)
		return real.id;
	rq->post = function;
	rq->peer = MPI_PROC_NULL;
	rq->obj.real = real;
	request_posted(rq);
	if (collective) {
		object_ref(file);
		rq->file = file;
		append(rq);
	}
	return rq->obj.handle;
}

static struct vrequest *oldest(const struct vfile *file)
{
	struct vrequest *rq;

	lock_take(&lock);
	for (rq = pending; rq && rq->file != file; rq = rq->file_next)
		;
	lock_give(&lock);
	return rq;
}

static void remove_pending(struct vrequest *rq)
{
	struct vrequest **p = &pending;

	lock_take(&lock);
	while (*p != rq)
		p = &(*p)->file_next;
	*p = rq->file_next;
	if (!*p)
		pending_end = p;
	lock_give(&lock);
}

/* What completes may be another thread's: only that may call it DONE. */
static bool ask(struct vrequest *rq)
{
	MPI_Status status = { .MPI_ERROR = MPI_SUCCESS };
	int real = rq->obj.real.id;
	int done = 0, ret;
	struct vfile *file = rq->file;

	ret = (int)CROSS(real_fn(FN_MPI_Test), &real, &done, &status);
	if (!done && !ret)
		return false;
	remove_pending(rq);
	rq->obj.real.id = real;
	rq->status = status;
	rq->error = ret;
	rq->file = NULL;
	object_put(file);
	return true;
}

bool request_file_progress(struct vrequest *rq)
{
	bool done;

	/* Another thread is at it. */
	if (atomic_flag_test_and_set(&busy))
		return false;
	while (rq->file && ask(oldest(rq->file)))
		;
	done = !rq->file;
	atomic_flag_clear(&busy);
	if (done)
		request_finished(rq, &rq->status, rq->error);
	return done;
}

/* All threads are parked, and none of them inside of this file. */
void request_file_step(void)
{
	struct vrequest *rq = pending;

	while (rq) {
		struct vrequest *next = rq->file_next;

		if (oldest(rq->file) == rq)
			ask(rq);
		rq = next;
	}
}
