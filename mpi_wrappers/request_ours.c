/* SPDX-License-Identifier: BSD-3-Clause */
/* request_ours.c - requests of which nothing is in the real library */
#include "mpi_wrappers/request.h"

#include "runtime/process/process.h"

struct vrequest *request_ours(const struct request_kind *kind,
			      struct vcomm *comm, MPI_Datatype type,
			      size_t size)
{
	void *own = upper_alloc(size);
	struct vrequest *rq = own ? request_take(OP_OURS, comm, type) : NULL;

	if (!rq) {
		upper_free(own);
		return NULL;
	}
	rq->kind = kind;
	rq->temp = own;
	rq->status = (MPI_Status){ .MPI_ERROR = MPI_SUCCESS };
	rq->concluded = false;
	return rq;
}

void request_ours_done(struct vrequest *rq)
{
	rq->concluded = false;
	rq->state = REQ_DONE;
	if (rq->need.epoch)
		frontier_unblocked(&rq->need);
}

int request_ours_conclude(struct vrequest *rq)
{
	int error;

	if (rq->concluded)
		return rq->error;
	rq->concluded = true;
	if (rq->kind->query)
		rq->error = rq->kind->query(rq);
	error = rq->kind->end ? rq->kind->end(rq) : MPI_SUCCESS;
	if (!rq->error)
		rq->error = error;
	return rq->error;
}
