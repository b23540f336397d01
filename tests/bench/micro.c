/* SPDX-License-Identifier: BSD-3-Clause */
/* micro.c - what MPI calls cost two ranks: run natively and under Cairn */
#include <mpi.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/*
 * usage: micro init
 *        micro MILLISECONDS [KERNEL...]
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
static MPI_Win win; /* of the kernel that is measured, if it has one */

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

/* One-sided: rank 1 waits in the call behind the batches meanwhile. */
static void put_flush(int n)
{
	if (rank)
		return;
	for (int i = 0; i < n; i++) {
		MPI_Put(out, SMALL, MPI_CHAR, peer, 0, SMALL, MPI_CHAR, win);
		MPI_Win_flush(peer, win);
	}
}

static void put_stream(int n)
{
	if (rank)
		return;
	for (int i = 0; i < n; i++) {
		for (int k = 0; k < WINDOW; k++)
			MPI_Put(out, LARGE, MPI_CHAR, peer, (MPI_Aint)k * LARGE,
				LARGE, MPI_CHAR, win);
		MPI_Win_flush(peer, win);
	}
}

/* The window's memory must outlive MPI_Win_free, which frees none that is the
 * program's.
 */
static void create(void **memory)
{
	*memory = calloc(WINDOW, LARGE);
	if (!*memory)
		MPI_Abort(MPI_COMM_WORLD, 2);
	MPI_Win_create(*memory, (MPI_Aint)WINDOW * LARGE, 1, MPI_INFO_NULL,
		       MPI_COMM_WORLD, &win);
}

static void allocate(void **memory)
{
	void *inside;

	*memory = NULL;
	MPI_Win_allocate((MPI_Aint)WINDOW * LARGE, 1, MPI_INFO_NULL,
			 MPI_COMM_WORLD, &inside, &win);
	memset(inside, 0, (size_t)WINDOW * LARGE);
}

static const struct kernel {
	const char *name;
	void (*run)(int n);
	int batch;
	double scale; /* value = time of an iteration * scale */
	void (*window)(void **memory); /* makes win, and perhaps its memory */
} kernels[] = {
	{ "error_class", call_error_class, 2000, 1, NULL },
	{ "comm_rank", call_comm_rank, 2000, 1, NULL },
	{ "oneway_8", pingpong, 100, 0.5, NULL },
	{ "bandwidth_1m", stream, 1, 0 /* MiB/s */, NULL },
	{ "allreduce_8", allreduce, 150, 1, NULL },
	{ "barrier", barrier, 150, 1, NULL },
	{ "halo_8", halo_small, 150, 1, NULL },
	{ "halo_8k", halo_medium, 20, 1, NULL },
	{ "put_8_create", put_flush, 100, 1, create },
	{ "put_8_allocate", put_flush, 100, 1, allocate },
	{ "put_1m_create", put_stream, 1, 0, create },
	{ "put_1m_allocate", put_stream, 1, 0, allocate },
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

static void count(const struct kernel *k, double n)
{
	k->run((int)n);
}

/* Only for its own kernel is there a window: it may cost others time. */
static void with_window(const struct kernel *k,
			void (*act)(const struct kernel *k, double x), double x)
{
	void *memory = NULL;

	if (k->window) {
		k->window(&memory);
		MPI_Win_lock_all(0, win);
	}
	act(k, x);
	if (k->window) {
		MPI_Win_unlock_all(win);
		MPI_Win_free(&win);
	}
	free(memory);
}

static int wanted(const char *name, char **names)
{
	int any = !*names;

	for (; *names; names++)
		any |= !strcmp(name, *names);
	return any;
}

/* Those of these names (up to NULL), or all if there is none. */
static void each(char **names, void (*act)(const struct kernel *k, double x),
		 double x)
{
	for (size_t i = 0; i < NKERNELS; i++)
		if (wanted(kernels[i].name, names))
			with_window(&kernels[i], act, x);
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
		each(argv + 3, count, atof(argv[2]));
	else if (strcmp(argv[1], "init"))
		each(argv + 2, measure, 1e6 * atof(argv[1]));
	MPI_Barrier(MPI_COMM_WORLD);
	end = now();
	MPI_Finalize();
	if (!rank)
		printf("init_finalize %.0f\n", start - before + now() - end);
	free(out);
	free(in);
	return 0;
}
