/* SPDX-License-Identifier: BSD-3-Clause */
/* micro.c - what MPI calls cost two ranks: run natively and under Cairn */
#include <mpi.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/*
 * usage: micro init
 *        micro MILLISECONDS [KERNEL]
 *        micro count ITERATIONS KERNEL
 *
 * Prints lines "name value" (nanoseconds, but for bandwidth: MiB/s).  Each
 * kernel runs in many short batches and the best one counts: on a shared
 * machine most batches are disturbed, and what disturbs them is not what is
 * being compared.  `count` runs so many iterations and prints nothing: for
 * counting instructions.
 */
#define SMALL	8
#define MEDIUM	8192
#define LARGE	(1 << 20)
#define WINDOW	8
#define BATCHES 20000 /* at most */

static int rank, peer;
static char *out, *in;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return 1e9 * (double)t.tv_sec + (double)t.tv_nsec;
}

/* --- kernels: n iterations each ---------------------------------------------
 */

static void call_error_class(int n)
{
	int class;

	for (int i = 0; i < n; i++)
		MPI_Error_class(0, &class);
}

static void call_comm_rank(int n)
{
	int r;

	for (int i = 0; i < n; i++)
		MPI_Comm_rank(MPI_COMM_WORLD, &r);
}

/* An iteration is a round trip. */
static void pingpong(int n)
{
	for (int i = 0; i < n; i++) {
		if (rank == 0) {
			MPI_Send(out, SMALL, MPI_CHAR, peer, 1, MPI_COMM_WORLD);
			MPI_Recv(in, SMALL, MPI_CHAR, peer, 1, MPI_COMM_WORLD,
				 MPI_STATUS_IGNORE);
		} else {
			MPI_Recv(in, SMALL, MPI_CHAR, peer, 1, MPI_COMM_WORLD,
				 MPI_STATUS_IGNORE);
			MPI_Send(out, SMALL, MPI_CHAR, peer, 1, MPI_COMM_WORLD);
		}
	}
}

/* An iteration is a window of large messages and one that answers it. */
static void stream(int n)
{
	MPI_Request requests[WINDOW];

	for (int i = 0; i < n; i++) {
		for (int k = 0; k < WINDOW; k++) {
			if (rank == 0)
				MPI_Isend(out, LARGE, MPI_CHAR, peer, 2,
					  MPI_COMM_WORLD, &requests[k]);
			else
				MPI_Irecv(in, LARGE, MPI_CHAR, peer, 2,
					  MPI_COMM_WORLD, &requests[k]);
		}
		MPI_Waitall(WINDOW, requests, MPI_STATUSES_IGNORE);
		if (rank == 0)
			MPI_Recv(in, 1, MPI_CHAR, peer, 3, MPI_COMM_WORLD,
				 MPI_STATUS_IGNORE);
		else
			MPI_Send(out, 1, MPI_CHAR, peer, 3, MPI_COMM_WORLD);
	}
}

static void allreduce(int n)
{
	double a = 1, b;

	for (int i = 0; i < n; i++)
		MPI_Allreduce(&a, &b, 1, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
}

static void barrier(int n)
{
	for (int i = 0; i < n; i++)
		MPI_Barrier(MPI_COMM_WORLD);
}

static void halo(int n, int len)
{
	for (int i = 0; i < n; i++) {
		MPI_Request rq[4];

		MPI_Irecv(in, len, MPI_CHAR, peer, 4, MPI_COMM_WORLD, &rq[0]);
		MPI_Irecv(in + MEDIUM, len, MPI_CHAR, peer, 5, MPI_COMM_WORLD,
			  &rq[1]);
		MPI_Isend(out, len, MPI_CHAR, peer, 4, MPI_COMM_WORLD, &rq[2]);
		MPI_Isend(out + MEDIUM, len, MPI_CHAR, peer, 5, MPI_COMM_WORLD,
			  &rq[3]);
		MPI_Waitall(4, rq, MPI_STATUSES_IGNORE);
	}
}

static void halo_small(int n)
{
	halo(n, SMALL);
}

static void halo_medium(int n)
{
	halo(n, MEDIUM);
}

static const struct kernel {
	const char *name;
	void (*run)(int n);
	int batch;
	double scale; /* value = time of an iteration * scale */
} kernels[] = {
	{ "error_class", call_error_class, 2000, 1 },
	{ "comm_rank", call_comm_rank, 2000, 1 },
	{ "oneway_8", pingpong, 100, 0.5 },
	{ "bandwidth_1m", stream, 1, 0 /* MiB/s */ },
	{ "allreduce_8", allreduce, 150, 1 },
	{ "barrier", barrier, 150, 1 },
	{ "halo_8", halo_small, 150, 1 },
	{ "halo_8k", halo_medium, 20, 1 },
};
#define NKERNELS (sizeof(kernels) / sizeof(kernels[0]))

/* --- measuring --------------------------------------------------------------
 */

/* Both ranks do the same number of batches, estimated from the first ones. */
static int batches_for(const struct kernel *k, double ns)
{
	double start = now(), each;
	int n;

	for (int i = 0; i < 10; i++)
		k->run(k->batch);
	each = (now() - start) / 10;
	n = each > 0 && ns / each < BATCHES ? (int)(ns / each) + 1 : BATCHES;
	MPI_Bcast(&n, 1, MPI_INT, 0, MPI_COMM_WORLD);
	return n;
}

static void measure(const struct kernel *k, double ns)
{
	int n = batches_for(k, ns);
	double best = 1e300;

	for (int i = 0; i < n; i++) {
		double t = now();

		k->run(k->batch);
		t = (now() - t) / k->batch;
		if (t < best)
			best = t;
	}
	if (rank)
		return;
	if (k->scale > 0)
		printf("%s %.2f\n", k->name, best * k->scale);
	else
		printf("%s %.1f\n", k->name,
		       (double)WINDOW * LARGE / (1 << 20) / (best * 1e-9));
}

static void count(const char *name, int n)
{
	for (size_t i = 0; i < NKERNELS; i++)
		if (!strcmp(name, kernels[i].name))
			kernels[i].run(n);
}

int main(int argc, char **argv)
{
	double before = now(), start, end;

	MPI_Init(&argc, &argv);
	start = now();
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	peer = 1 - rank;
	out = calloc(1, LARGE);
	in = calloc(1, LARGE);
	if (!out || !in || argc < 2)
		MPI_Abort(MPI_COMM_WORLD, 2);
	memset(out, 1, LARGE);
	memset(in, 1, LARGE);
	if (argc > 3 && !strcmp(argv[1], "count"))
		count(argv[3], atoi(argv[2]));
	else if (strcmp(argv[1], "init"))
		for (size_t i = 0; i < NKERNELS; i++)
			if (argc < 3 || !strcmp(argv[2], kernels[i].name))
				measure(&kernels[i], 1e6 * atof(argv[1]));
	MPI_Barrier(MPI_COMM_WORLD);
	end = now();
	MPI_Finalize();
	if (!rank)
		printf("init_finalize %.0f\n", start - before + now() - end);
	free(out);
	free(in);
	return 0;
}
