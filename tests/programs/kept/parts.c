/* SPDX-License-Identifier: BSD-3-Clause */
/* parts.c - partitioned communication around a ring */
#include "kept.h"

#include <string.h>

#define PARTS 4
#define COUNT 1000 /* ints a partition */
#define TOTAL (PARTS * COUNT)

/* How far each pair has come when the checkpoint is taken. */
enum pair {
	HALF_READY, /* both started, some partitions are ready */
	ON_THE_WAY, /* all are ready, the receiver has not started */
	AWAITED,    /* the receiver has started, the sender has not */
	UNSTARTED,  /* neither has */
	UNMET,	    /* the receiver makes its request afterwards */
	SECOND,	    /* of two with the same tag, the first of which is freed */
	PAIRS,
};

static int out[PAIRS][TOTAL], in[PAIRS][TOTAL];
static MPI_Request send[PAIRS], recv[PAIRS];
static MPI_Comm comm;
static int turn;

static int value(int of, int pair, int i)
{
	return of * 1000003 + pair * 10007 + turn * 101 + i;
}

static void fill(int pair)
{
	for (int i = 0; i < TOTAL; i++)
		out[pair][i] = value(rank, pair, i);
}

static void make_send(int pair, int tag)
{
	fill(pair);
	MPI_Psend_init(out[pair], PARTS, COUNT, MPI_INT, right, tag, comm,
		       MPI_INFO_NULL, &send[pair]);
}

/* In twice as many partitions. */
static void make_recv(int pair, int tag)
{
	memset(in[pair], 0, sizeof(in[pair]));
	MPI_Precv_init(in[pair], 2 * PARTS, COUNT / 2, MPI_INT, left, tag, comm,
		       MPI_INFO_NULL, &recv[pair]);
}

void parts_make(void)
{
	int list[] = { 3, 1 }, flag = 0;
	MPI_Request first;

	turn++;
	MPI_Comm_dup(MPI_COMM_WORLD, &comm);
	for (int pair = 0; pair < SECOND; pair++)
		make_send(pair, pair);
	for (int pair = 0; pair < UNMET; pair++)
		make_recv(pair, pair);
	/* Those that are freed still count. */
	MPI_Psend_init(out[SECOND], 1, 1, MPI_INT, right, SECOND, comm,
		       MPI_INFO_NULL, &first);
	make_send(SECOND, SECOND);
	MPI_Request_free(&first);
	MPI_Precv_init(in[SECOND], 1, 1, MPI_INT, left, SECOND, comm,
		       MPI_INFO_NULL, &first);
	MPI_Request_free(&first);
	make_recv(SECOND, SECOND);

	MPI_Start(&recv[HALF_READY]);
	MPI_Start(&send[HALF_READY]);
	MPI_Pready_list(2, list, send[HALF_READY]);
	MPI_Parrived(recv[HALF_READY], 0, &flag);
	MPI_Start(&send[ON_THE_WAY]);
	MPI_Pready_range(0, PARTS - 1, send[ON_THE_WAY]);
	MPI_Start(&recv[AWAITED]);
	MPI_Start(&send[UNMET]);
	MPI_Pready_range(0, PARTS - 1, send[UNMET]);
	MPI_Startall(1, &send[SECOND]);
	MPI_Startall(1, &recv[SECOND]);
	MPI_Pready_range(0, PARTS - 1, send[SECOND]);
}

static void check_status(const MPI_Status *status, int pair)
{
	int n = 0;

	MPI_Get_count(status, MPI_INT, &n);
	CHECK(n == TOTAL && status->MPI_SOURCE == left &&
	      status->MPI_TAG == pair);
}

static void check_data(int pair)
{
	int wrong = 0;

	for (int i = 0; i < TOTAL; i++)
		wrong += in[pair][i] != value(left, pair, i);
	CHECK(!wrong);
}

/* Each request once more, from the beginning. */
static void again(void)
{
	MPI_Status status[2 * PAIRS];

	turn++;
	for (int pair = 0; pair < PAIRS; pair++)
		fill(pair);
	MPI_Startall(PAIRS, recv);
	MPI_Startall(PAIRS, send);
	for (int part = 0; part < PARTS; part++)
		for (int pair = 0; pair < PAIRS; pair++)
			MPI_Pready(part, send[pair]);
	MPI_Waitall(PAIRS, recv, status);
	MPI_Waitall(PAIRS, send, MPI_STATUSES_IGNORE);
	for (int pair = 0; pair < PAIRS; pair++) {
		check_status(&status[pair], pair);
		check_data(pair);
	}
}

void parts_check(void)
{
	int list[] = { 0, 2 }, flag = 0, at;
	MPI_Status status;

	make_recv(UNMET, UNMET);
	MPI_Comm_free(&comm); /* the requests keep it */
	MPI_Pready_list(2, list, send[HALF_READY]);
	while (!flag)
		MPI_Parrived(recv[HALF_READY], 2 * PARTS - 1, &flag);
	MPI_Test(&recv[HALF_READY], &flag, &status);
	CHECK(flag);
	check_status(&status, HALF_READY);
	MPI_Start(&recv[ON_THE_WAY]);
	MPI_Start(&send[AWAITED]);
	MPI_Pready_range(0, PARTS - 1, send[AWAITED]);
	MPI_Start(&recv[UNSTARTED]);
	MPI_Start(&send[UNSTARTED]);
	MPI_Pready_range(0, PARTS - 1, send[UNSTARTED]);
	MPI_Start(&recv[UNMET]);
	for (int n = 0; n < PAIRS - 1; n++) {
		MPI_Waitany(PAIRS, recv, &at, &status);
		check_status(&status, at);
	}
	MPI_Waitany(PAIRS, recv, &at, &status);
	CHECK(at == MPI_UNDEFINED);
	MPI_Waitall(PAIRS, send, MPI_STATUSES_IGNORE);
	for (int pair = 0; pair < PAIRS; pair++)
		check_data(pair);
	again();
	for (int pair = 0; pair < PAIRS; pair++) {
		MPI_Request_free(&send[pair]);
		MPI_Request_free(&recv[pair]);
	}
}
