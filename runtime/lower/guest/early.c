/* SPDX-License-Identifier: BSD-3-Clause */
/* early.c - the loops of a program that has a session, but no MPI_Init yet */
#include <mpi.h>

#include <dlfcn.h>
#include <sched.h>
#include <stddef.h>

#include "runtime/lower/guest/guest.h"

/*
 * MPICH's MPI_Test polls the network first and looks at the request then.  With
 * only a communicator of mpi://self there is no network: ch4:ucx crashes, where
 * MPI_Wait on a complete request polls nothing.  MPI_Request_get_status looks
 * first; what it says is complete, MPI_Wait ends at once.
 */
#define REAL(X)               \
	X(Request_get_status) \
	X(Wait)               \
	X(Waitall)            \
	X(Waitany)            \
	X(Ibarrier)

#define POINTER_(name) static __typeof__(&PMPI_##name) real_##name;
REAL(POINTER_)

static int yields;

static int stopped(const volatile uint32_t *stop)
{
	if (*stop)
		return 1;
	if (yields)
		sched_yield();
	return 0;
}

static int is_complete(MPI_Request req, int *done)
{
	*done = 1;
	if (req == MPI_REQUEST_NULL)
		return MPI_SUCCESS;
	return real_Request_get_status(req, done, MPI_STATUS_IGNORE);
}

static int early_test(MPI_Request *req, int *done, MPI_Status *status)
{
	int rc = is_complete(*req, done);

	return rc == MPI_SUCCESS && *done ? real_Wait(req, status) : rc;
}

static int early_wait(MPI_Request *req, MPI_Status *status,
		      volatile uint32_t *stop, int *done)
{
	int rc;

	do {
		rc = early_test(req, done, status);
		if (rc != MPI_SUCCESS) {
			*done = 1;
			break;
		}
	} while (!*done && !stopped(stop));
	return rc;
}

static int early_waitall(int n, MPI_Request reqs[], MPI_Status statuses[],
			 volatile uint32_t *stop, int *done)
{
	int i = 0;

	while (i < n) {
		/* What fails here fails in MPI_Waitall too, and is told there.
		 */
		if (is_complete(reqs[i], done) != MPI_SUCCESS || *done)
			i++;
		else if (stopped(stop))
			return MPI_SUCCESS;
	}
	*done = 1;
	return real_Waitall(n, reqs, statuses);
}

/* One of them is complete, or none is active: MPI_Waitany returns at once. */
static int early_waitany(int n, MPI_Request reqs[], int *index,
			 MPI_Status *status, volatile uint32_t *stop, int *done)
{
	do {
		int active = 0;

		*done = 0;
		for (int i = 0; i < n && !*done; i++) {
			if (reqs[i] == MPI_REQUEST_NULL)
				continue;
			active++;
			if (is_complete(reqs[i], done) != MPI_SUCCESS)
				*done = 1;
		}
		if (!active)
			*done = 1;
	} while (!*done && !stopped(stop));
	return *done ? real_Waitany(n, reqs, index, status) : MPI_SUCCESS;
}

static int early_waiteach(int n, MPI_Request reqs[], MPI_Status errors[],
			  volatile uint32_t *stop, int *done)
{
	int all = MPI_SUCCESS;

	for (int i = 0; i < n; i++) {
		int over = 0;
		int rc = early_wait(&reqs[i], MPI_STATUS_IGNORE, stop, &over);

		if (!over)
			return all;
		errors[i].MPI_ERROR = rc;
		if (rc != MPI_SUCCESS)
			all = MPI_ERR_IN_STATUS;
	}
	*done = 1;
	return all;
}

static int early_send_recv(void *buf, long count, MPI_Datatype type, int peer,
			   int tag, MPI_Comm comm, struct lower_call *call)
{
	int (*post)(void *, long, MPI_Datatype, int, int, MPI_Comm,
		    MPI_Request *);
	int rc;

	*(void **)&post = call->post;
	rc = post(buf, count, type, peer, tag, comm, &call->req);
	if (rc == MPI_SUCCESS)
		return early_wait(&call->req, call->status, call->stop,
				  &call->done);
	call->req = MPI_REQUEST_NULL;
	call->done = 1;
	return rc;
}

static int early_barrier(MPI_Comm comm, volatile uint32_t *stop, int *done,
			 MPI_Request *req)
{
	int rc = real_Ibarrier(comm, req);

	if (rc == MPI_SUCCESS)
		return early_wait(req, MPI_STATUS_IGNORE, stop, done);
	*req = MPI_REQUEST_NULL;
	*done = 1;
	return rc;
}

const char *guest_loops_early(struct guest_boot *boot, void *library)
{
	struct lower_loops *l = &boot->early;
	const char *missing = NULL;

	yields = boot->yield;
#define LOOK_UP_(name)                                          \
	*(void **)&real_##name = dlsym(library, "PMPI_" #name); \
	if (!real_##name)                                       \
		missing = "PMPI_" #name;
	REAL(LOOK_UP_)
	/* What polls natively does so here. */
	*l = boot->loops;
	l->test = (void *)early_test;
	l->wait = (void *)early_wait;
	l->waitall = (void *)early_waitall;
	l->waiteach = (void *)early_waiteach;
	l->waitany = (void *)early_waitany;
	l->send_recv = (void *)early_send_recv;
	l->barrier = (void *)early_barrier;
	return missing;
}
