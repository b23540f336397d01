/* SPDX-License-Identifier: BSD-3-Clause */
/* deliver.c - a drained message into the program's buffer */
#include "mpi_wrappers/deliver.h"

#include <limits.h>

#include "mpi_wrappers/peers.h"
#include "mpi_wrappers/sync.h"
#include "runtime/lower/lower.h"
#include "runtime/process/process.h"

/* Threads that deliver at the same time must not meet each other's bytes. */
static _Atomic uint32_t next_tag;
#define TAGS 16384 /* every MPI allows tags up to 32767 */

void drained_status(const struct drained *d, MPI_Status *status)
{
	int error;

	if (status == MPI_STATUS_IGNORE)
		return;
	error = status->MPI_ERROR;
	*status = d->status;
	status->MPI_SOURCE = d->source;
	status->MPI_TAG = d->tag;
	status->MPI_ERROR = error;
}

/* Both sides are ours, so it ends without help: no need to look up. */
static int wait_here(int *real, MPI_Status *status)
{
	static uint32_t never;
	int done = 0;
	int ret = MPI_SUCCESS;

	while (!done && !ret)
		ret = (int)CROSS(lower_loops()->wait, real, status, &never,
				 &done);
	return ret;
}

void drained_finish(struct thread_ctx *ctx, struct drained *d)
{
	MPI_Status status;

	(void)ctx;
	if (d->real == MPI_REQUEST_NULL)
		return;
	wait_here(&d->real, &status);
	d->real = MPI_REQUEST_NULL;
	peer_received(comm_peer_world(d->comm, d->source));
}

static int post_self(int small, int large, const void *buf, MPI_Count count,
		     int type, int tag, int *real)
{
	int fn = count > INT_MAX ? large : small;

	return (int)cross_call_stack(real_fn(fn),
				     (const long[]){ (long)buf, (long)count,
						     type, 0, tag,
						     comm_private_self.id,
						     (long)real },
				     7);
}

int drained_deliver(struct thread_ctx *ctx, struct drained *d,
		    const struct p2p *op, MPI_Status *status, bool *posted)
{
	int tag = (int)(atomic_fetch_add(&next_tag, 1) % TAGS);
	int in = MPI_REQUEST_NULL, out = MPI_REQUEST_NULL;
	MPI_Status sent;
	int ret;

	*posted = false;
	drained_finish(ctx, d);
	ret = post_self(FN_MPI_Irecv, FN_MPI_Irecv_c, op->buf, op->count,
			real_type(op->type), tag, &in);
	if (ret)
		return ret;
	*posted = true;
	ret = post_self(FN_MPI_Isend, FN_MPI_Isend_c, d->bytes, d->len,
			MPI_BYTE, tag, &out);
	if (!ret) {
		ret = wait_here(&in, status);
		/* The sender's side does not hear of a truncation. */
		wait_here(&out, &sent);
	}
	status->MPI_SOURCE = d->source;
	status->MPI_TAG = d->tag;
	if (d->sync)
		sync_acknowledge(comm_peer_world(d->comm, d->source),
				 d->sync_id);
	drained_free(d);
	return ret;
}
