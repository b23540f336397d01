/* SPDX-License-Identifier: BSD-3-Clause */
/* drain_test.c - DRAIN and the rebuild of requests without an epoch, for tests
 */
#include "mpi_wrappers/drain.h"

#include <errno.h>

#include "mpi_wrappers/p2p.h"
#include "runtime/base/log.h"
#include "runtime/process/process.h"

/* As if the real library had never had it. */
static int forget(struct vrequest *rq, void *arg)
{
	(void)arg;
	if (rq->child[0] || rq->obj.real.id == MPI_REQUEST_NULL)
		return 0;
	if (rq->state == REQ_POSTED && rq->op == OP_RECV) {
		MPI_Status status = { 0 };
		int done = 0;

		(void)REAL(Cancel, &rq->obj.real.id);
		while (!done)
			if (REAL(Test, &rq->obj.real.id, &done, &status))
				return -EIO;
		if (!(status.count_hi_and_cancelled & 1))
			return -EPROTO; /* something was on the wire */
	}
	if (rq->obj.real.id != MPI_REQUEST_NULL && rq->persistent)
		(void)REAL(Request_free, &rq->obj.real.id);
	rq->obj.real.id = MPI_REQUEST_NULL;
	return 0;
}

int __attribute__((visibility("default"))) cairn_test_drain(int rebuild)
{
	struct thread_ctx *ctx = ctx_enter();
	struct err err;
	int ret = drain_run(NULL, &err);

	if (ret)
		log_err("%s", err.text);
	if (!ret && rebuild)
		ret = request_each(forget, NULL);
	if (!ret && rebuild)
		ret = request_rebuild();
	/* As in a restart: nobody sends before all have their receives back. */
	if (REAL(Barrier, comm_private.id))
		ret = -EIO;
	drain_resume(ret != 0);
	ctx_leave(ctx);
	return ret;
}
