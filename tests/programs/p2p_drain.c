/* SPDX-License-Identifier: BSD-3-Clause */
/* p2p_drain.c - point-to-point semantics over a checkpoint, case by case */

/*
 * p2p_drain [drain|rebuild|none] [CASE ...]
 *
 * Each case sets something up, lets a checkpoint happen, and checks that MPI
 * still means the same.  The checkpoint is cairn_test_drain() of Cairn's
 * library (all ranks drain; with "rebuild" every real request is thrown away
 * and made again), a real one with "wait" (a line on standard input), or none:
 * natively everything must pass as well.  Prints " No Errors" at the end.
 */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int cairn_test_drain(int rebuild) __attribute__((weak));

static int rank, size, errors;
static enum { NONE, DRAIN, REBUILD } mode;
static const char *current;

static void test_ckpt(void)
{
	if (mode != NONE && cairn_test_drain &&
	    cairn_test_drain(mode == REBUILD)) {
		printf("%s: rank %d: the drain failed\n", current, rank);
		errors++;
	}
	if (mode == NONE)
		MPI_Barrier(MPI_COMM_WORLD);
}

#define CHECK(cond)                                                       \
	do {                                                              \
		if (!(cond)) {                                            \
			printf("%s: rank %d: line %d: not %s\n", current, \
			       rank, __LINE__, #cond);                    \
			errors++;                                         \
		}                                                         \
	} while (0)

static int class_of(int code)
{
	int class;

	MPI_Error_class(code, &class);
	return class;
}

/* --- cases -------------------------------------------------------------------
 */

/* A drained message into a vector type, and with MPI_STATUS_IGNORE. */
static void vector(void)
{
	MPI_Datatype type;
	int in[12], out[4] = { 1, 2, 3, 4 };

	memset(in, 0, sizeof(in));
	MPI_Type_vector(4, 1, 3, MPI_INT, &type);
	MPI_Type_commit(&type);
	if (rank == 0)
		MPI_Send(out, 4, MPI_INT, 1, 5, MPI_COMM_WORLD);
	test_ckpt();
	if (rank == 1) {
		MPI_Recv(in, 1, type, 0, 5, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
		for (int i = 0; i < 12; i++)
			CHECK(in[i] == (i % 3 ? 0 : i / 3 + 1));
	}
	MPI_Type_free(&type);
}

static void probe(void)
{
	int out[7] = { 7, 6, 5, 4, 3, 2, 1 }, in[7] = { 0 }, flag = 0, n = 0;
	MPI_Status status;

	if (rank == 0)
		MPI_Send(out, 7, MPI_INT, 1, 9, MPI_COMM_WORLD);
	test_ckpt();
	if (rank == 1) {
		MPI_Probe(MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_WORLD, &status);
		CHECK(status.MPI_SOURCE == 0 && status.MPI_TAG == 9);
		MPI_Get_count(&status, MPI_INT, &n);
		CHECK(n == 7);
		MPI_Iprobe(0, 9, MPI_COMM_WORLD, &flag, &status);
		CHECK(flag);
		MPI_Iprobe(0, 8, MPI_COMM_WORLD, &flag, &status);
		CHECK(!flag);
		memset(&status, 0, sizeof(status));
		MPI_Recv(in, 7, MPI_INT, 0, 9, MPI_COMM_WORLD, &status);
		MPI_Get_count(&status, MPI_INT, &n);
		CHECK(n == 7 && status.MPI_SOURCE == 0 && status.MPI_TAG == 9);
		CHECK(!memcmp(in, out, sizeof(in)));
	}
}

static void matched_probe(void)
{
	int out = 41, in = 0, n = 0;
	MPI_Message message = MPI_MESSAGE_NULL, second;
	MPI_Request request;
	MPI_Status status;

	if (rank == 0) {
		MPI_Send(&out, 1, MPI_INT, 1, 1, MPI_COMM_WORLD);
		out = 42;
		MPI_Send(&out, 1, MPI_INT, 1, 1, MPI_COMM_WORLD);
	}
	if (rank == 1)
		MPI_Mprobe(0, 1, MPI_COMM_WORLD, &message, &status);
	test_ckpt();
	if (rank == 1) {
		MPI_Mprobe(0, MPI_ANY_TAG, MPI_COMM_WORLD, &second, &status);
		MPI_Get_count(&status, MPI_INT, &n);
		CHECK(n == 1 && status.MPI_TAG == 1);
		MPI_Imrecv(&in, 1, MPI_INT, &second, &request);
		CHECK(second == MPI_MESSAGE_NULL);
		MPI_Wait(&request, &status);
		CHECK(in == 42 && status.MPI_SOURCE == 0);
		MPI_Mrecv(&in, 1, MPI_INT, &message, &status);
		CHECK(in == 41 && message == MPI_MESSAGE_NULL);
	}
}

/* Messages of one sender stay in order over several checkpoints. */
static void order(void)
{
	int in, n = 5;
	MPI_Status status;

	for (int i = 0; i < n; i++) {
		if (rank != 0)
			MPI_Send(&i, 1, MPI_INT, 0, i % 2, MPI_COMM_WORLD);
		test_ckpt();
	}
	if (rank == 0) {
		int next[64][2];

		for (int i = 0; i < 64; i++)
			next[i][0] = 0, next[i][1] = 1;
		for (int i = 0; i < n * (size - 1); i++) {
			MPI_Recv(&in, 1, MPI_INT, MPI_ANY_SOURCE, MPI_ANY_TAG,
				 MPI_COMM_WORLD, &status);
			CHECK(in == next[status.MPI_SOURCE][status.MPI_TAG]);
			next[status.MPI_SOURCE][status.MPI_TAG] = in + 2;
		}
	}
}

static void truncation(void)
{
	int out[6] = { 1, 2, 3, 4, 5, 6 }, in[3] = { 0 }, ret;
	MPI_Request request;
	MPI_Status status;

	MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
	if (rank == 0) {
		MPI_Send(out, 6, MPI_INT, 1, 3, MPI_COMM_WORLD);
		MPI_Send(out, 6, MPI_INT, 1, 3, MPI_COMM_WORLD);
		MPI_Send(out, 6, MPI_INT, 1, 4, MPI_COMM_WORLD);
	}
	test_ckpt();
	if (rank == 1) {
		ret = MPI_Recv(in, 2, MPI_INT, 0, 3, MPI_COMM_WORLD, &status);
		CHECK(class_of(ret) == MPI_ERR_TRUNCATE);
		CHECK(status.MPI_SOURCE == 0 && status.MPI_TAG == 3);
		MPI_Irecv(in, 2, MPI_INT, 0, 3, MPI_COMM_WORLD, &request);
		ret = MPI_Waitall(1, &request, &status);
		CHECK(class_of(ret) == MPI_ERR_IN_STATUS);
		CHECK(class_of(status.MPI_ERROR) == MPI_ERR_TRUNCATE);
		ret = MPI_Recv(in, 1, MPI_INT, 0, 4, MPI_COMM_WORLD,
			       MPI_STATUS_IGNORE);
		CHECK(class_of(ret) == MPI_ERR_TRUNCATE);
		CHECK(in[2] == 0);
	}
	MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_ARE_FATAL);
	test_ckpt();
}

/* Less than a whole element of the receiver's type. */
static void elements(void)
{
	MPI_Datatype pair;
	int out[3] = { 1, 2, 3 }, in[4] = { 0 }, n;
	MPI_Status status;

	MPI_Type_contiguous(2, MPI_INT, &pair);
	MPI_Type_commit(&pair);
	if (rank == 0)
		MPI_Send(out, 3, MPI_INT, 1, 2, MPI_COMM_WORLD);
	test_ckpt();
	if (rank == 1) {
		MPI_Recv(in, 2, pair, 0, 2, MPI_COMM_WORLD, &status);
		MPI_Get_count(&status, pair, &n);
		CHECK(n == MPI_UNDEFINED);
		MPI_Get_elements(&status, pair, &n);
		CHECK(n == 3 && in[2] == 3 && in[3] == 0);
	}
	MPI_Type_free(&pair);
}

static void pending(void)
{
	int in[3] = { 0 }, out;
	MPI_Request request[3];
	MPI_Status status[3];
	MPI_Datatype type;

	MPI_Type_contiguous(1, MPI_INT, &type);
	MPI_Type_commit(&type);
	if (rank == 1) {
		MPI_Irecv(&in[0], 1, type, MPI_ANY_SOURCE, 6, MPI_COMM_WORLD,
			  &request[0]);
		MPI_Irecv(&in[1], 1, type, 0, MPI_ANY_TAG, MPI_COMM_WORLD,
			  &request[1]);
		MPI_Irecv(&in[2], 1, type, 0, 6, MPI_COMM_WORLD, &request[2]);
	}
	MPI_Type_free(&type);
	test_ckpt();
	test_ckpt();
	if (rank == 0)
		for (int i = 0; i < 3; i++) {
			out = 60 + i;
			MPI_Send(&out, 1, MPI_INT, 1, 6, MPI_COMM_WORLD);
		}
	if (rank == 1) {
		MPI_Waitall(3, request, status);
		for (int i = 0; i < 3; i++)
			CHECK(in[i] == 60 + i && status[i].MPI_SOURCE == 0 &&
			      status[i].MPI_TAG == 6);
	}
}

static void large(void)
{
	int n = 1 << 20;
	int *out = malloc((size_t)n * sizeof(int));
	int *in = calloc((size_t)n, sizeof(int));
	int right = (rank + 1) % size, left = (rank + size - 1) % size;
	MPI_Request request;
	MPI_Status status;

	for (int i = 0; i < n; i++)
		out[i] = rank * n + i;
	MPI_Isend(out, n, MPI_INT, right, 8, MPI_COMM_WORLD, &request);
	test_ckpt();
	memset(&status, 0, sizeof(status));
	MPI_Recv(in, n, MPI_INT, left, 8, MPI_COMM_WORLD, &status);
	MPI_Wait(&request, MPI_STATUS_IGNORE);
	for (int i = 0; i < n; i++)
		if (in[i] != left * n + i) {
			CHECK(in[i] == left * n + i);
			break;
		}
	free(in);
	free(out);
}

static int completes(MPI_Request *request)
{
	int flag = 0;

	for (int i = 0; i < 1000 && !flag; i++)
		MPI_Test(request, &flag, MPI_STATUS_IGNORE);
	return flag;
}

/* A synchronous send among others: not complete before it is matched. */
static void synchronous(void)
{
	int out[4] = { 0, 1, 2, 3 }, in, token = 0;
	MPI_Request request, other[3];

	for (int twice = 0; twice < 2; twice++) {
		if (rank == 0) {
			MPI_Isend(&out[0], 1, MPI_INT, 1, 4, MPI_COMM_WORLD,
				  &other[0]);
			MPI_Issend(&out[1], 1, MPI_INT, 1, 4, MPI_COMM_WORLD,
				   &request);
			MPI_Isend(&out[2], 1, MPI_INT, 1, 4, MPI_COMM_WORLD,
				  &other[1]);
			MPI_Isend(&out[3], 1, MPI_INT, 1, 5, MPI_COMM_WORLD,
				  &other[2]);
		}
		test_ckpt();
		if (twice)
			test_ckpt();
		if (rank == 0) {
			CHECK(!completes(&request));
			MPI_Send(&token, 1, MPI_INT, 1, 99, MPI_COMM_WORLD);
			MPI_Recv(&token, 1, MPI_INT, 1, 99, MPI_COMM_WORLD,
				 MPI_STATUS_IGNORE);
			CHECK(!completes(&request));
			MPI_Send(&token, 1, MPI_INT, 1, 99, MPI_COMM_WORLD);
			MPI_Wait(&request, MPI_STATUS_IGNORE);
			MPI_Waitall(3, other, MPI_STATUSES_IGNORE);
		}
		if (rank == 1) {
			MPI_Recv(&token, 1, MPI_INT, 0, 99, MPI_COMM_WORLD,
				 MPI_STATUS_IGNORE);
			MPI_Recv(&in, 1, MPI_INT, 0, 4, MPI_COMM_WORLD,
				 MPI_STATUS_IGNORE);
			CHECK(in == 0);
			MPI_Send(&token, 1, MPI_INT, 0, 99, MPI_COMM_WORLD);
			MPI_Recv(&token, 1, MPI_INT, 0, 99, MPI_COMM_WORLD,
				 MPI_STATUS_IGNORE);
			for (int i = 1; i < 3; i++) {
				MPI_Recv(&in, 1, MPI_INT, 0, MPI_ANY_TAG,
					 MPI_COMM_WORLD, MPI_STATUS_IGNORE);
				CHECK(in == i);
			}
			MPI_Recv(&in, 1, MPI_INT, 0, MPI_ANY_TAG,
				 MPI_COMM_WORLD, MPI_STATUS_IGNORE);
			CHECK(in == 3);
		}
	}
}

/* A sparse exchange that ends by synchronous sends and MPI_Ibarrier. */
static void sparse(void)
{
	MPI_Request request, barrier = MPI_REQUEST_NULL;
	int out = rank, in, sent = 0, done = 0, got = 0, flag, rounds = 0;
	int left = (rank + size - 1) % size;
	MPI_Status status;

	MPI_Issend(&out, 1, MPI_INT, (rank + 1) % size, 12, MPI_COMM_WORLD,
		   &request);
	test_ckpt();
	while (!done) {
		if (++rounds == 3)
			test_ckpt();
		MPI_Iprobe(MPI_ANY_SOURCE, 12, MPI_COMM_WORLD, &flag, &status);
		/* The last rank looks late: the others wait for it. */
		if (flag && (rank != size - 1 || rounds > 10)) {
			MPI_Recv(&in, 1, MPI_INT, status.MPI_SOURCE, 12,
				 MPI_COMM_WORLD, MPI_STATUS_IGNORE);
			CHECK(in == left);
			got++;
		}
		if (!sent && rounds >= 3) {
			MPI_Test(&request, &sent, MPI_STATUS_IGNORE);
			if (sent)
				MPI_Ibarrier(MPI_COMM_WORLD, &barrier);
		} else if (sent) {
			MPI_Test(&barrier, &done, MPI_STATUS_IGNORE);
		}
	}
	CHECK(got == 1);
}

static void persistent(void)
{
	int out[3] = { 0 }, in[3] = { 0 };
	int right = (rank + 1) % size, left = (rank + size - 1) % size;
	MPI_Request request[6];
	MPI_Status status[6];

	MPI_Recv_init(&in[0], 1, MPI_INT, left, 1, MPI_COMM_WORLD, &request[0]);
	MPI_Recv_init(&in[1], 1, MPI_INT, MPI_ANY_SOURCE, 2, MPI_COMM_WORLD,
		      &request[1]);
	MPI_Recv_init(&in[2], 1, MPI_INT, left, 3, MPI_COMM_WORLD, &request[2]);
	MPI_Send_init(&out[0], 1, MPI_INT, right, 1, MPI_COMM_WORLD,
		      &request[3]);
	MPI_Ssend_init(&out[1], 1, MPI_INT, right, 2, MPI_COMM_WORLD,
		       &request[4]);
	MPI_Send_init(&out[2], 1, MPI_INT, right, 3, MPI_COMM_WORLD,
		      &request[5]);
	for (int round = 0; round < 4; round++) {
		for (int i = 0; i < 3; i++)
			out[i] = 100 * rank + 10 * round + i, in[i] = -1;
		if (round == 1)
			test_ckpt(); /* all inactive */
		if (round % 2) {
			MPI_Startall(3, request + 3);
			test_ckpt(); /* sends active, nothing posted */
			MPI_Startall(3, request);
		} else {
			MPI_Startall(2, request);
			test_ckpt(); /* receives active */
			MPI_Startall(3, request + 3);
			test_ckpt();
			MPI_Start(&request[2]);
		}
		MPI_Waitall(6, request, status);
		for (int i = 0; i < 3; i++)
			CHECK(in[i] == 100 * left + 10 * round + i &&
			      status[i].MPI_SOURCE == left &&
			      status[i].MPI_TAG == i + 1);
	}
	for (int i = 0; i < 6; i++) {
		CHECK(request[i] != MPI_REQUEST_NULL);
		MPI_Request_free(&request[i]);
	}
}

static void buffered(void)
{
	char *buffer = malloc(100000), *back;
	static int out[6000], in[1000];
	int n, ret;
	MPI_Request request;

	for (int i = 0; i < 1000; i++)
		out[i] = i * rank;
	MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
	MPI_Buffer_attach(buffer, 20000);
	for (int i = 0; i < 3; i++)
		MPI_Bsend(out, 1000, MPI_INT, (rank + 1) % size, i,
			  MPI_COMM_WORLD);
	MPI_Ibsend(out, 1000, MPI_INT, (rank + 1) % size, 3, MPI_COMM_WORLD,
		   &request);
	ret = MPI_Bsend(out, 6000, MPI_INT, (rank + 1) % size, 7,
			MPI_COMM_WORLD);
	CHECK(class_of(ret) == MPI_ERR_BUFFER);
	memset(out, 0, sizeof(out));
	test_ckpt();
	MPI_Wait(&request, MPI_STATUS_IGNORE);
	for (int i = 3; i >= 0; i--) {
		MPI_Recv(in, 1000, MPI_INT, (rank + size - 1) % size, i,
			 MPI_COMM_WORLD, MPI_STATUS_IGNORE);
		CHECK(in[999] == 999 * ((rank + size - 1) % size));
	}
	MPI_Buffer_detach(&back, &n);
	CHECK(back == buffer && n == 20000);
	free(buffer);
	MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_ARE_FATAL);
}

static void exchange(void)
{
	int right = (rank + 1) % size, left = (rank + size - 1) % size;
	int a = rank, b = -1, c[3] = { rank, rank + 1, rank + 2 };
	MPI_Request request[2];
	MPI_Status status[2];

	if (rank == 0) {
		MPI_Isendrecv(&a, 1, MPI_INT, right, 1, &b, 1, MPI_INT, left, 1,
			      MPI_COMM_WORLD, &request[0]);
		MPI_Isendrecv_replace(c, 3, MPI_INT, right, 2, left,
				      MPI_ANY_TAG, MPI_COMM_WORLD, &request[1]);
	}
	test_ckpt();
	if (rank != 0) {
		MPI_Sendrecv(&a, 1, MPI_INT, right, 1, &b, 1, MPI_INT, left, 1,
			     MPI_COMM_WORLD, &status[0]);
		MPI_Sendrecv_replace(c, 3, MPI_INT, right, 2, left, 2,
				     MPI_COMM_WORLD, &status[1]);
	}
	test_ckpt();
	if (rank == 0)
		MPI_Waitall(2, request, status);
	CHECK(b == left && c[0] == left && c[2] == left + 2);
	/* MPICH leaves the status of the non-blocking forms as it was. */
	if (rank != 0)
		CHECK(status[0].MPI_SOURCE == left && status[1].MPI_TAG == 2);
}

static void freed(void)
{
	int out = rank + 5, in = -1, token;
	int right = (rank + 1) % size, left = (rank + size - 1) % size;
	MPI_Request request;

	MPI_Irecv(&in, 1, MPI_INT, left, 1, MPI_COMM_WORLD, &request);
	MPI_Request_free(&request);
	test_ckpt();
	MPI_Isend(&out, 1, MPI_INT, right, 1, MPI_COMM_WORLD, &request);
	MPI_Request_free(&request);
	CHECK(request == MPI_REQUEST_NULL);
	/* A message behind the freed one: when it is here, so is that. */
	MPI_Sendrecv(&out, 1, MPI_INT, right, 2, &token, 1, MPI_INT, left, 2,
		     MPI_COMM_WORLD, MPI_STATUS_IGNORE);
	test_ckpt();
	MPI_Barrier(MPI_COMM_WORLD);
	CHECK(mode == NONE || in == left + 5);
}

static void collectives(void)
{
	double in = rank + 1, sum = 0;
	int n = rank == 0 ? 77 : 0, all[64];
	MPI_Request request[3];

	MPI_Iallreduce(&in, &sum, 1, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD,
		       &request[0]);
	MPI_Ibcast(&n, 1, MPI_INT, 0, MPI_COMM_WORLD, &request[1]);
	MPI_Iallgather(&rank, 1, MPI_INT, all, 1, MPI_INT, MPI_COMM_WORLD,
		       &request[2]);
	test_ckpt();
	MPI_Waitall(3, request, MPI_STATUSES_IGNORE);
	CHECK(sum == size * (size + 1) / 2.0 && n == 77);
	for (int i = 0; i < size; i++)
		CHECK(all[i] == i);
}

static void cancel(void)
{
	int in = -1, out = 3, flag;
	MPI_Request request[2];
	MPI_Status status;

	MPI_Irecv(&in, 1, MPI_INT, MPI_ANY_SOURCE, 1, MPI_COMM_WORLD,
		  &request[0]);
	MPI_Irecv(&in, 1, MPI_INT, rank, 2, MPI_COMM_WORLD, &request[1]);
	test_ckpt();
	MPI_Cancel(&request[0]);
	MPI_Wait(&request[0], &status);
	MPI_Test_cancelled(&status, &flag);
	CHECK(flag);
	test_ckpt();
	MPI_Send(&out, 1, MPI_INT, rank, 2, MPI_COMM_WORLD);
	test_ckpt();
	MPI_Cancel(&request[1]);
	MPI_Wait(&request[1], &status);
	MPI_Test_cancelled(&status, &flag);
	CHECK(!flag && in == 3 && status.MPI_SOURCE == rank);
}

static void communicators(void)
{
	MPI_Comm dup, half, inter;
	int out[3] = { 1, 2, 3 }, in, n;
	MPI_Request request;
	MPI_Status status;
	int other = rank ^ 1;

	if (size % 2)
		return;
	MPI_Comm_dup(MPI_COMM_WORLD, &dup);
	MPI_Comm_split(MPI_COMM_WORLD, rank % 2, rank, &half);
	MPI_Intercomm_create(half, 0, MPI_COMM_WORLD, 1 - rank % 2, 4, &inter);
	MPI_Send(&out[0], 1, MPI_INT, other, 1, MPI_COMM_WORLD);
	MPI_Send(&out[1], 1, MPI_INT, other, 1, dup);
	MPI_Send(&out[2], 1, MPI_INT, rank / 2, 1, inter);
	MPI_Irecv(&in, 1, MPI_INT, other, 3, dup, &request);
	test_ckpt();
	MPI_Recv(&n, 1, MPI_INT, MPI_ANY_SOURCE, 1, inter, &status);
	CHECK(n == 3 && status.MPI_SOURCE == rank / 2);
	MPI_Recv(&n, 1, MPI_INT, other, 1, dup, &status);
	CHECK(n == 2);
	MPI_Send(&rank, 1, MPI_INT, other, 3, dup);
	MPI_Comm_free(&dup);
	test_ckpt();
	MPI_Wait(&request, &status);
	CHECK(in == other);
	MPI_Recv(&n, 1, MPI_INT, MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_WORLD,
		 &status);
	CHECK(n == 1 && status.MPI_SOURCE == other);
	MPI_Comm_free(&half);
	MPI_Comm_free(&inter);
}

static void to_self(void)
{
	int out[2] = { 10, 20 }, in[2];
	MPI_Request request[2];
	MPI_Status status;

	MPI_Isend(&out[0], 1, MPI_INT, rank, 1, MPI_COMM_WORLD, &request[0]);
	MPI_Issend(&out[1], 1, MPI_INT, 0, 1, MPI_COMM_SELF, &request[1]);
	test_ckpt();
	CHECK(!completes(&request[1]));
	MPI_Recv(&in[1], 1, MPI_INT, 0, MPI_ANY_TAG, MPI_COMM_SELF, &status);
	CHECK(in[1] == 20 && status.MPI_SOURCE == 0);
	MPI_Recv(&in[0], 1, MPI_INT, MPI_ANY_SOURCE, 1, MPI_COMM_WORLD,
		 &status);
	CHECK(in[0] == 10 && status.MPI_SOURCE == rank);
	MPI_Waitall(2, request, MPI_STATUSES_IGNORE);
}

/* Some complete by the checkpoint, some after it, in all forms of wait. */
static void forms(void)
{
	int in[6], out[6], index, flag, count, indices[6], seen = 0;
	MPI_Request request[6];
	MPI_Status status, statuses[6];
	int right = (rank + 1) % size, left = (rank + size - 1) % size;

	for (int form = 0; form < 6; form++) {
		for (int i = 0; i < 6; i++) {
			out[i] = i;
			in[i] = -1;
			MPI_Irecv(&in[i], 1, MPI_INT, left, i, MPI_COMM_WORLD,
				  &request[i]);
		}
		for (int i = 0; i < 3; i++)
			MPI_Send(&out[i], 1, MPI_INT, right, i, MPI_COMM_WORLD);
		test_ckpt();
		MPI_Testall(6, request, &flag, statuses);
		CHECK(!flag);
		MPI_Request_get_status(request[5], &flag, &status);
		CHECK(!flag);
		MPI_Barrier(MPI_COMM_WORLD);
		for (int i = 3; i < 6; i++)
			MPI_Send(&out[i], 1, MPI_INT, right, i, MPI_COMM_WORLD);
		if (form % 2)
			test_ckpt();
		seen = 0;
		switch (form) {
		case 0:
		case 1:
			MPI_Waitall(6, request, statuses);
			seen = 6;
			for (int i = 0; i < 6; i++)
				CHECK(statuses[i].MPI_TAG == i);
			break;
		case 2:
			for (; seen < 6; seen++) {
				MPI_Waitany(6, request, &index, &status);
				CHECK(status.MPI_TAG == index);
			}
			MPI_Waitany(6, request, &index, &status);
			CHECK(index == MPI_UNDEFINED);
			break;
		case 3:
			while (seen < 6) {
				MPI_Waitsome(6, request, &count, indices,
					     statuses);
				for (int i = 0; i < count; i++)
					CHECK(statuses[i].MPI_TAG ==
					      indices[i]);
				seen += count;
			}
			MPI_Waitsome(6, request, &count, indices, statuses);
			CHECK(count == MPI_UNDEFINED);
			break;
		case 4:
			while (seen < 6) {
				MPI_Testany(6, request, &index, &flag, &status);
				seen += flag;
			}
			break;
		case 5:
			while (seen < 6) {
				MPI_Testsome(6, request, &count, indices,
					     MPI_STATUSES_IGNORE);
				seen += count;
			}
			break;
		}
		for (int i = 0; i < 6; i++)
			CHECK(in[i] == i && request[i] == MPI_REQUEST_NULL);
	}
}

static void nobody(void)
{
	int in = 5;
	MPI_Request request;
	MPI_Status status;

	MPI_Irecv(&in, 1, MPI_INT, MPI_PROC_NULL, 3, MPI_COMM_WORLD, &request);
	test_ckpt();
	MPI_Wait(&request, &status);
	CHECK(in == 5);
	MPI_Ssend(&in, 1, MPI_INT, MPI_PROC_NULL, 3, MPI_COMM_WORLD);
	MPI_Recv(&in, 1, MPI_INT, MPI_PROC_NULL, 3, MPI_COMM_WORLD, &status);
	CHECK(status.MPI_SOURCE == MPI_PROC_NULL);
	test_ckpt();
}

static const struct {
	const char *name;
	void (*run)(void);
} cases[] = {
	{ "vector", vector },
	{ "probe", probe },
	{ "matched_probe", matched_probe },
	{ "order", order },
	{ "truncation", truncation },
	{ "elements", elements },
	{ "pending", pending },
	{ "large", large },
	{ "synchronous", synchronous },
	{ "sparse", sparse },
	{ "persistent", persistent },
	{ "buffered", buffered },
	{ "exchange", exchange },
	{ "freed", freed },
	{ "collectives", collectives },
	{ "cancel", cancel },
	{ "communicators", communicators },
	{ "to_self", to_self },
	{ "forms", forms },
	{ "nobody", nobody },
};

static int wanted(int argc, char **argv, const char *name)
{
	for (int i = 2; i < argc; i++)
		if (!strcmp(argv[i], name))
			return 1;
	return argc <= 2;
}

int main(int argc, char **argv)
{
	int total;

	MPI_Init(&argc, &argv);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	MPI_Comm_size(MPI_COMM_WORLD, &size);
	if (argc > 1)
		mode = !strcmp(argv[1], "rebuild") ? REBUILD :
		       !strcmp(argv[1], "drain")   ? DRAIN :
						     NONE;
	if (mode != NONE && !cairn_test_drain && rank == 0) {
		printf("Cairn's library is not there\n");
		MPI_Abort(MPI_COMM_WORLD, 1);
	}
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		current = cases[i].name;
		if (!wanted(argc, argv, current))
			continue;
		cases[i].run();
		MPI_Barrier(MPI_COMM_WORLD);
	}
	MPI_Allreduce(&errors, &total, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
	if (rank == 0 && !total)
		printf(" No Errors\n");
	MPI_Finalize();
	return total ? 1 : 0;
}
