/* SPDX-License-Identifier: BSD-3-Clause */
/* heat.c - heat in a square plate, by Jacobi's method, on any number of ranks
 */

/*
 * heat [N [STEPS [REST]]]: an N x N plate cut into strips of rows; REST are
 * microseconds of sleep after each step.  Prints the residual now and then, and
 * at the end a digest over every bit of the answer.
 */
#include <mpi.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct strip {
	int n, rows, rank, size;
	double *now, *next; /* rows + 2 halo rows, n columns */
};

static int strip_init(struct strip *s, int n)
{
	size_t cells;

	MPI_Comm_rank(MPI_COMM_WORLD, &s->rank);
	MPI_Comm_size(MPI_COMM_WORLD, &s->size);
	s->n = n;
	s->rows = n / s->size + (s->rank < n % s->size);
	cells = (size_t)(s->rows + 2) * (size_t)n;
	s->now = calloc(cells, sizeof(double));
	s->next = calloc(cells, sizeof(double));
	if (!s->now || !s->next)
		return -1;
	/* The left edge is hot, warmer towards the middle. */
	for (int r = 0; r < s->rows + 2; r++)
		s->now[(size_t)r * (size_t)n] = s->next[(size_t)r *
							(size_t)n] = 100.0 +
								     s->rank +
								     r;
	return 0;
}

static void exchange_halos(const struct strip *s)
{
	int up = s->rank > 0 ? s->rank - 1 : MPI_PROC_NULL;
	int down = s->rank < s->size - 1 ? s->rank + 1 : MPI_PROC_NULL;
	size_t n = (size_t)s->n, last = (size_t)s->rows;
	MPI_Request r[4];

	MPI_Irecv(s->now, s->n, MPI_DOUBLE, up, 0, MPI_COMM_WORLD, &r[0]);
	MPI_Irecv(s->now + (last + 1) * n, s->n, MPI_DOUBLE, down, 1,
		  MPI_COMM_WORLD, &r[1]);
	MPI_Isend(s->now + n, s->n, MPI_DOUBLE, up, 1, MPI_COMM_WORLD, &r[2]);
	MPI_Isend(s->now + last * n, s->n, MPI_DOUBLE, down, 0, MPI_COMM_WORLD,
		  &r[3]);
	MPI_Waitall(4, r, MPI_STATUSES_IGNORE);
}

/* One sweep; gives the square of this strip's change. */
static double sweep(struct strip *s)
{
	size_t n = (size_t)s->n;
	double change = 0, *swap;

	for (size_t r = 1; r <= (size_t)s->rows; r++) {
		for (size_t c = 1; c + 1 < n; c++) {
			const double *p = s->now + r * n + c;
			double v = 0.25 * (p[-1] + p[1] + p[-(long)n] + p[n]);

			change += (v - *p) * (v - *p);
			s->next[r * n + c] = v;
		}
	}
	swap = s->now;
	s->now = s->next;
	s->next = swap;
	return change;
}

static uint64_t digest(const struct strip *s)
{
	uint64_t sum = 0, all = 0, bits;

	for (size_t i = 0; i < (size_t)s->rows * (size_t)s->n; i++) {
		memcpy(&bits, s->now + s->n + i, sizeof(bits));
		sum = sum * 31 + bits;
	}
	MPI_Reduce(&sum, &all, 1, MPI_UINT64_T, MPI_BXOR, 0, MPI_COMM_WORLD);
	return all;
}

int main(int argc, char **argv)
{
	int n, steps, rest;
	double change, all;
	uint64_t bits;
	struct strip s;

	MPI_Init(&argc, &argv);
	n = argc > 1 ? atoi(argv[1]) : 768;
	steps = argc > 2 ? atoi(argv[2]) : 8000;
	rest = argc > 3 ? atoi(argv[3]) : 0;
	if (n < 8 || steps < 1 || strip_init(&s, n))
		MPI_Abort(MPI_COMM_WORLD, 2);
	for (int step = 1; step <= steps; step++) {
		exchange_halos(&s);
		change = sweep(&s);
		if (rest > 0)
			usleep((useconds_t)rest);
		if (step % (steps / 10 ? steps / 10 : 1))
			continue;
		MPI_Allreduce(&change, &all, 1, MPI_DOUBLE, MPI_SUM,
			      MPI_COMM_WORLD);
		if (s.rank == 0) {
			printf("step %d: residual %.6e\n", step, sqrt(all));
			fflush(stdout);
		}
	}
	bits = digest(&s);
	if (s.rank == 0)
		printf("answer %016llx\n", (unsigned long long)bits);
	free(s.now);
	free(s.next);
	MPI_Finalize();
	return 0;
}
