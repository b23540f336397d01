/* SPDX-License-Identifier: BSD-3-Clause */
/* batch.h - an array of the program's requests on its way to the real library
 */
#ifndef CAIRN_MPI_BATCH_H
#define CAIRN_MPI_BATCH_H

#include "mpi_wrappers/p2p.h"

#define BATCH_STACK 64 /* so many need no memory of their own */
#define BATCH_FEW   16 /* so many are better waited for one after the other */

enum batch_kind {
	BATCH_PLAIN, /* the real library can be asked about all at once */
	BATCH_MIXED, /* some are known to us only: look at each */
	BATCH_BAD,   /* a handle that is none: the real library says so */
};

struct batch {
	struct thread_ctx *ctx;
	int n;
	enum batch_kind kind;
	bool simple; /* sends, and receives from known ranks, nothing else:
			no status is needed to finish them */
	struct vrequest **rq; /* NULL: a null handle */
	int *real;
	MPI_Status *status; /* as the real library fills them */
	void *memory;
	struct vrequest *rq_here[BATCH_STACK];
	int real_here[BATCH_STACK];
	MPI_Status status_here[BATCH_STACK];
};

/* batch_begin - a function of n requests is called: MPI_SUCCESS, and the
 * runtime is entered, or an error that was raised.  pointers: none is null that
 * must not be.  batch_end - it is over: raises what is no success, and leaves.
 */
int batch_begin(struct batch *b, int n, bool pointers, int function);
int batch_end(struct batch *b, int ret, int function);
/* batch_gather - look all handles up (again: after a safe point everything may
 * have changed). */
enum batch_kind batch_gather(struct batch *b, const MPI_Request requests[]);
/* batch_finished - the real library says that number i is complete. */
void batch_finished(struct batch *b, int i, const MPI_Status *status,
		    int error);
/* batch_progress - look at each once; gives how many of the active ones are
 * DONE, and how many are active. */
int batch_progress(struct thread_ctx *ctx, struct batch *b, int *active);
/* batch_wait_ours - the program waits for all of them. */
void batch_wait_ours(struct batch *b);
/* batch_blocked - request_blocked for each that is not DONE. */
void batch_blocked(struct thread_ctx *ctx, struct batch *b, int function);

/* batch_prepare - the statuses, before the real library fills some of them in
 * part. */
static inline void batch_prepare(struct batch *b)
{
	for (int i = 0; i < b->n; i++) {
		b->status[i].MPI_ERROR = MPI_SUCCESS;
		b->status[i].count_hi_and_cancelled = 0;
	}
}
/* batch_deliver - the program learns of rq's completion: status, handle; gives
 * the error. */
int batch_deliver(struct vrequest *rq, MPI_Request *handle, MPI_Status *status);
/* batch_again - a wait goes on: told to look up, or something is not the real
 * library's. */
void batch_again(struct thread_ctx *ctx, struct batch *b, int function);
/* batch_polled - a test found nothing: to poll is to wait (TRAPS MPI 2). */
static inline void batch_polled(struct thread_ctx *ctx, struct batch *b,
				int function)
{
	if (__builtin_expect(frontier_pending != 0, 0))
		batch_blocked(ctx, b, function);
}

#endif
