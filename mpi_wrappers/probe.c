/* SPDX-License-Identifier: BSD-3-Clause */
/* probe.c - MPI_Probe and MPI_Iprobe */
#include "mpi_wrappers/deliver.h"
#include "mpi_wrappers/p2p.h"

#include "mpi_wrappers/private.h"
#include "runtime/lower/lower.h"
#include "runtime/process/process.h"

/* Is there such a message in the drain queue? */
static bool probe_drained(const struct vcomm *c, int source, int tag,
			  MPI_Status *status)
{
	const struct drained *d;

	if (!match_any() || !c)
		return false;
	d = match_peek(c, source, tag);
	if (d)
		drained_status(d, status);
	return d != NULL;
}

/* Told to look up, or an epoch is pending, and still no message. */
void probe_blocked(struct thread_ctx *ctx, struct frontier_need *need,
		   const struct vcomm *c, int source, int function)
{
	if (frontier_pending)
		private_service(ctx);
	frontier_blocked(ctx, need, c, source, function);
}

static int probe(struct thread_ctx *ctx, int source, int tag, MPI_Comm comm,
		 MPI_Status *status)
{
	struct vcomm *c = comm_get(comm);
	struct frontier_need need = { 0 };
	int done = 0, ret;

	for (;;) {
		if (probe_drained(c, source, tag, status)) {
			ret = MPI_SUCCESS;
			break;
		}
		ret = (int)CROSS(lower_loops()->probe, source, tag,
				 comm_real(c, comm), status, &ctx->stop, &done);
		if (done || ret)
			break;
		probe_blocked(ctx, &need, c, source, FN_MPI_Probe);
	}
	frontier_unblocked(&need);
	return ret;
}

int PMPI_Probe(int source, int tag, MPI_Comm comm, MPI_Status *status)
{
	struct thread_ctx *ctx = ctx_enter();
	int ret = probe(ctx, source, tag, comm, status);

	if (__builtin_expect(ret != MPI_SUCCESS, 0))
		ret = error_comm(comm, ret, FN_MPI_Probe);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Probe);

/* A probe that finds nothing is a wait that the program polls (TRAPS MPI 2).
 * Its need ends with the message that it finds, or with the epoch: it is kept
 * for the thread between the calls. */
void probe_polled(struct thread_ctx *ctx, const struct vcomm *c, int source,
		  bool found)
{
	static __thread struct frontier_need need;

	if (found)
		frontier_unblocked(&need);
	else
		probe_blocked(ctx, &need, c, source, FN_MPI_Iprobe);
}

int PMPI_Iprobe(int source, int tag, MPI_Comm comm, int *flag,
		MPI_Status *status)
{
	struct thread_ctx *ctx = ctx_enter();
	struct vcomm *c = comm_get(comm);
	int ret = MPI_SUCCESS;

	if (flag && probe_drained(c, source, tag, status))
		*flag = 1;
	else
		ret = REAL(Iprobe, source, tag, comm_real(c, comm), flag,
			   status);
	if (__builtin_expect(ret != MPI_SUCCESS, 0))
		ret = error_comm(comm, ret, FN_MPI_Iprobe);
	else if (__builtin_expect(frontier_pending != 0, 0) && c)
		probe_polled(ctx, c, source, *flag);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Iprobe);
