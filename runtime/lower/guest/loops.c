/* SPDX-License-Identifier: BSD-3-Clause */
/* loops.c - blocking MPI calls as loops that a flag can end */
#include <mpi.h>

#include <dlfcn.h>
#include <errno.h>
#include <sched.h>
#include <stddef.h>

#include "runtime/lower/guest/guest.h"

/*
 * Each loop tests at least once and looks at the flag after an unsuccessful
 * test only: what has completed is reported as completed.  *done tells a call
 * that is over (also by an error) from one that was stopped.
 *
 * The library is opened with dlopen; nothing here is linked to it.
 */
#define REAL(X)     \
	X(Wait)     \
	X(Test)     \
	X(Testall)  \
	X(Testany)  \
	X(Testsome) \
	X(Iprobe)   \
	X(Improbe)  \
	X(Ibarrier)

#define POINTER_(name) static __typeof__(&PMPI_##name) real_##name;
REAL(POINTER_)

static int yields;

/* To be asked after an unsuccessful test: is it time to leave? */
static inline int stopped(const volatile uint32_t *stop)
{
	if (__builtin_expect(*stop, 0))
		return 1;
	if (yields)
		sched_yield();
	return 0;
}

/* A predefined handle (MPICH's layout: bits 31-30 = 01) is what the library
 * gives for an operation that was complete when it was posted, as short sends
 * are.  To wait for it returns at once, without a look at the network. */
static inline int was_complete(MPI_Request req)
{
	return (uint32_t)req >> 30 == 1;
}

static int loop_wait(MPI_Request *req, MPI_Status *status,
		     volatile uint32_t *stop, int *done)
{
	int rc;

	if (was_complete(*req)) {
		*done = 1;
		return real_Wait(req, status);
	}
	do {
		rc = real_Test(req, done, status);
		if (rc != MPI_SUCCESS) {
			*done = 1;
			break;
		}
	} while (!*done && !stopped(stop));
	return rc;
}

static int loop_waitall(int n, MPI_Request reqs[], MPI_Status statuses[],
			volatile uint32_t *stop, int *done)
{
	int rc;

	do {
		rc = real_Testall(n, reqs, done, statuses);
		if (rc != MPI_SUCCESS) {
			*done = 1;
			break;
		}
	} while (!*done && !stopped(stop));
	return rc;
}

/* One after the other: a test of one request is a shorter look at the network
 * than one of all. */
static int loop_waiteach(int n, MPI_Request reqs[], MPI_Status errors[],
			 volatile uint32_t *stop, int *done)
{
	int all = MPI_SUCCESS;

	for (int i = 0; i < n; i++) {
		int over = 0;
		int rc = loop_wait(&reqs[i], MPI_STATUS_IGNORE, stop, &over);

		if (!over)
			return all;
		errors[i].MPI_ERROR = rc;
		if (rc != MPI_SUCCESS)
			all = MPI_ERR_IN_STATUS;
	}
	*done = 1;
	return all;
}

static int loop_waitany(int n, MPI_Request reqs[], int *index,
			MPI_Status *status, volatile uint32_t *stop, int *done)
{
	int rc;

	do {
		rc = real_Testany(n, reqs, index, done, status);
		if (rc != MPI_SUCCESS) {
			*done = 1;
			break;
		}
	} while (!*done && !stopped(stop));
	return rc;
}

/* *outcount is MPI_UNDEFINED when no request is active. */
static int loop_waitsome(int n, MPI_Request reqs[], int *outcount,
			 int indices[], MPI_Status statuses[],
			 volatile uint32_t *stop)
{
	int rc;

	do {
		rc = real_Testsome(n, reqs, outcount, indices, statuses);
	} while (rc == MPI_SUCCESS && !*outcount && !stopped(stop));
	return rc;
}

static int loop_probe(int source, int tag, MPI_Comm comm, MPI_Status *status,
		      volatile uint32_t *stop, int *done)
{
	int rc;

	do {
		rc = real_Iprobe(source, tag, comm, done, status);
		if (rc != MPI_SUCCESS) {
			*done = 1;
			break;
		}
	} while (!*done && !stopped(stop));
	return rc;
}

static int loop_mprobe(int source, int tag, MPI_Comm comm, MPI_Message *message,
		       MPI_Status *status, struct lower_flags *flags)
{
	int rc;

	do {
		rc = real_Improbe(source, tag, comm, &flags->done, message,
				  status);
		if (rc != MPI_SUCCESS) {
			flags->done = 1;
			break;
		}
	} while (!flags->done && !stopped(flags->stop));
	return rc;
}

static int loop_send_recv(void *buf, long count, MPI_Datatype type, int peer,
			  int tag, MPI_Comm comm, struct lower_call *call)
{
	int (*post)(void *, long, MPI_Datatype, int, int, MPI_Comm,
		    MPI_Request *);
	int rc;

	/* count is a long for the MPI_Count forms; the others look at the low
	 * half of its register */
	*(void **)&post = call->post;
	rc = post(buf, count, type, peer, tag, comm, &call->req);
	if (rc != MPI_SUCCESS) {
		call->req = MPI_REQUEST_NULL;
		call->done = 1;
		return rc;
	}
	return loop_wait(&call->req, call->status, call->stop, &call->done);
}

static int loop_barrier(MPI_Comm comm, volatile uint32_t *stop, int *done,
			MPI_Request *req)
{
	int rc = real_Ibarrier(comm, req);

	if (rc != MPI_SUCCESS) {
		*req = MPI_REQUEST_NULL;
		*done = 1;
		return rc;
	}
	return loop_wait(req, MPI_STATUS_IGNORE, stop, done);
}

int guest_loops(struct guest_boot *boot, void *library)
{
	struct lower_loops *l = &boot->loops;
	const char *missing = NULL;

	yields = boot->yield;
#define LOOK_UP_(name)                                          \
	*(void **)&real_##name = dlsym(library, "PMPI_" #name); \
	if (!real_##name)                                       \
		missing = "PMPI_" #name;
	REAL(LOOK_UP_)
	l->test = (void *)real_Test;
	l->wait = (void *)loop_wait;
	l->waitall = (void *)loop_waitall;
	l->waiteach = (void *)loop_waiteach;
	l->waitany = (void *)loop_waitany;
	l->waitsome = (void *)loop_waitsome;
	l->probe = (void *)loop_probe;
	l->mprobe = (void *)loop_mprobe;
	l->send_recv = (void *)loop_send_recv;
	l->barrier = (void *)loop_barrier;
	if (!missing)
		missing = guest_loops_early(boot, library);
	if (missing)
		return err_set(&boot->err, -ELIBACC,
			       "the MPI library has no %s; name one of the "
			       "MPICH ABI with --mpi-lib",
			       missing);
	return 0;
}
