/* SPDX-License-Identifier: BSD-3-Clause */
/* greqs.c - generalized requests, alone and among others */
#include "kept.h"

/* What the program's functions were called with. */
struct work {
	int queried, freed, cancelled, polled, waited;
	MPI_Request request;
};

enum which {
	PENDING,
	COMPLETE,
	AMONG,
	CANCELLED,
	GIVEN_AWAY,
	POLLED,
	WAITED,
	WORKS,
};

static struct work works[WORKS];
static MPI_Request message;
static int sent, got;
static MPIX_Grequest_class class;

static int on_query(void *state, MPI_Status *status)
{
	struct work *w = state;

	w->queried++;
	MPI_Status_set_elements(status, MPI_INT, (int)(w - works) + 7);
	MPI_Status_set_cancelled(status, w->cancelled > 0);
	status->MPI_SOURCE = (int)(w - works);
	status->MPI_TAG = 5;
	return MPI_SUCCESS;
}

static int on_free(void *state)
{
	((struct work *)state)->freed++;
	return MPI_SUCCESS;
}

static int on_cancel(void *state, int complete)
{
	struct work *w = state;

	CHECK(!complete);
	w->cancelled++;
	MPI_Grequest_complete(w->request);
	return MPI_SUCCESS;
}

static int on_poll(void *state, MPI_Status *status)
{
	struct work *w = state;

	(void)status;
	if (++w->polled == 3)
		MPI_Grequest_complete(w->request);
	return MPI_SUCCESS;
}

static int on_wait(int count, void **states, double timeout, MPI_Status *status)
{
	struct work *w = states[0];

	(void)timeout;
	(void)status;
	CHECK(count == 1);
	w->waited++;
	MPI_Grequest_complete(w->request);
	return MPI_SUCCESS;
}

static void start(int which)
{
	works[which] = (struct work){ 0 };
	MPI_Grequest_start(on_query, on_free, on_cancel, &works[which],
			   &works[which].request);
}

void greqs_make(void)
{
	int flag = 1;

	for (int i = 0; i < POLLED; i++)
		start(i);
	works[POLLED] = works[WAITED] = (struct work){ 0 };
	MPIX_Grequest_class_create(on_query, on_free, on_cancel, on_poll, on_wait,
				   &class);
	MPIX_Grequest_start(on_query, on_free, on_cancel, on_poll, on_wait,
			    &works[WAITED], &works[WAITED].request);
	MPI_Grequest_complete(works[COMPLETE].request);
	MPI_Test(&works[PENDING].request, &flag, MPI_STATUS_IGNORE);
	CHECK(!flag);
	MPI_Request_get_status(works[COMPLETE].request, &flag,
			       MPI_STATUS_IGNORE);
	CHECK(flag && works[COMPLETE].queried == 1 && !works[COMPLETE].freed);
	got = 0;
	sent = rank + 1;
	MPI_Irecv(&got, 1, MPI_INT, left, 77, MPI_COMM_WORLD, &message);
}

static void check(int which, const MPI_Status *status, int queried)
{
	int n = 0, cancelled = 0;

	MPI_Get_count(status, MPI_INT, &n);
	MPI_Test_cancelled(status, &cancelled);
	CHECK(n == which + 7 && status->MPI_SOURCE == which &&
	      status->MPI_TAG == 5);
	CHECK(cancelled == (which == CANCELLED));
	CHECK(works[which].queried == queried && works[which].freed == 1);
	CHECK(works[which].request == MPI_REQUEST_NULL);
}

/* Together with a receive, in one array. */
static void check_among(void)
{
	MPI_Request both[2] = { works[AMONG].request, message };
	MPI_Status status[2];
	int at = -1, flag = 1;

	MPI_Testall(2, both, &flag, status);
	CHECK(!flag);
	MPI_Send(&sent, 1, MPI_INT, right, 77, MPI_COMM_WORLD);
	MPI_Waitany(2, both, &at, &status[0]);
	CHECK(at == 1 && got == left + 1 && status[0].MPI_SOURCE == left);
	MPI_Grequest_complete(works[AMONG].request);
	MPI_Waitall(2, both, status);
	works[AMONG].request = both[0];
	check(AMONG, &status[0], 1);
}

static void check_extended(void)
{
	MPI_Status status;

	MPIX_Grequest_class_allocate(class, &works[POLLED],
				     &works[POLLED].request);
	MPI_Wait(&works[POLLED].request, &status);
	CHECK(works[POLLED].polled == 3);
	check(POLLED, &status, 1);
	MPI_Waitall(1, &works[WAITED].request, &status);
	CHECK(works[WAITED].waited == 1);
	check(WAITED, &status, 1);
}

void greqs_check(void)
{
	MPI_Request kept = works[GIVEN_AWAY].request;
	MPI_Status status;

	MPI_Wait(&works[COMPLETE].request, &status);
	check(COMPLETE, &status, 2);
	MPI_Grequest_complete(works[PENDING].request);
	MPI_Wait(&works[PENDING].request, &status);
	check(PENDING, &status, 1);
	MPI_Cancel(&works[CANCELLED].request);
	MPI_Wait(&works[CANCELLED].request, &status);
	check(CANCELLED, &status, 1);
	MPI_Request_free(&works[GIVEN_AWAY].request);
	MPI_Grequest_complete(kept);
	CHECK(works[GIVEN_AWAY].freed == 1 && !works[GIVEN_AWAY].queried);
	check_among();
	check_extended();
}
