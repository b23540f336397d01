/* SPDX-License-Identifier: BSD-3-Clause */
/* shared.c - ranks of one node that share memory, with and without a name */
#include <mpi.h>

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/*
 * usage: shared STEPS US NAME
 *
 * In each step every rank writes into two pieces of shared memory, one whose
 * name (NAME, for shm_open) stays and one whose name is gone, and reads what
 * the others wrote; after it, US microseconds of sleep.  The last rank maps
 * more of both than the others do, and keeps the descriptor of the nameless
 * one.
 */
#define SLOT 512   /* longs between two ranks' */
#define MORE 65536 /* longs that only the last rank maps */

static int rank, size;

static void fail(const char *what, long step)
{
	printf("rank %d, step %ld: %s\n", rank, step, what);
	fflush(stdout);
	MPI_Abort(MPI_COMM_WORLD, 3);
}

static int open_all(const char *name)
{
	int fd = -1;

	if (!rank) {
		shm_unlink(name);
		fd = shm_open(name, O_CREAT | O_EXCL | O_RDWR, 0600);
		if (fd < 0 || ftruncate(fd, (SLOT * size + MORE) * 8L))
			fail("cannot make shared memory", 0);
	}
	MPI_Barrier(MPI_COMM_WORLD);
	if (rank)
		fd = shm_open(name, O_RDWR, 0600);
	MPI_Barrier(MPI_COMM_WORLD);
	return fd;
}

static _Atomic long *map_all(int fd)
{
	size_t len = (size_t)SLOT * (size_t)size * 8;
	void *p = mmap(NULL, rank == size - 1 ? len + MORE * 8L : len,
		       PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		fail("cannot map shared memory", 0);
	return p;
}

static void step(_Atomic long *memory, long i, const char *which)
{
	memory[rank * SLOT] = i * (rank + 1);
	MPI_Barrier(MPI_COMM_WORLD);
	for (int r = 0; r < size; r++)
		if (memory[r * SLOT] != i * (r + 1))
			fail(which, i);
	MPI_Barrier(MPI_COMM_WORLD);
}

int main(int argc, char **argv)
{
	_Atomic long *named, *nameless;
	long steps, us, seen = 0;
	char other[100];
	int fd;

	MPI_Init(&argc, &argv);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	MPI_Comm_size(MPI_COMM_WORLD, &size);
	if (argc != 4)
		fail("usage: shared STEPS US NAME", 0);
	steps = atol(argv[1]);
	us = atol(argv[2]);
	fd = open_all(argv[3]);
	named = map_all(fd);
	close(fd);
	snprintf(other, sizeof(other), "%s.nameless", argv[3]);
	fd = open_all(other);
	nameless = map_all(fd);
	if (!rank)
		shm_unlink(other);
	if (rank != size - 1)
		close(fd);
	for (long i = 1; i <= steps; i++) {
		step(named, i, "named memory is not shared");
		step(nameless, i, "nameless memory is not shared");
		usleep((useconds_t)us);
		if (!rank && i % 50 == 0) {
			printf("step %ld\n", i);
			fflush(stdout);
		}
	}
	/* What the last rank's descriptor leads to is that memory, too. */
	if (rank == size - 1) {
		if (pread(fd, &seen, 8, 0) != 8 || seen != steps)
			fail("the descriptor leads elsewhere", steps);
		nameless[SLOT * size + MORE - 1] = 1;
	}
	MPI_Barrier(MPI_COMM_WORLD);
	if (!rank) {
		printf("answer %ld\n", (long)nameless[(size - 1) * SLOT]);
		shm_unlink(argv[3]);
	}
	MPI_Finalize();
	return 0;
}
