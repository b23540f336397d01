/* SPDX-License-Identifier: BSD-3-Clause */
/* mutate.c - ranks whose memory changes in all the ways that one could miss */
#define _GNU_SOURCE
#include <mpi.h>

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * usage: mutate STEPS US MIB
 *
 * In each step every rank changes a few pages of MIB MiB, and some memory in
 * each of the ways below; then all of it goes into a sum, so that one byte that
 * was lost changes the answer.  After a step, US microseconds of sleep.
 */
#define PAGE  4096UL
#define BLOCK (1UL << 20)

static int rank, size;
static uint64_t x, sum;

static uint64_t next(void)
{
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x;
}

static void fail(const char *what)
{
	printf("rank %d: %s: %s\n", rank, what, strerror(errno));
	fflush(stdout);
	MPI_Abort(MPI_COMM_WORLD, 3);
}

static char *map(void *at, size_t len, int more)
{
	char *p = mmap(at, len, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | more, -1, 0);

	if (p == MAP_FAILED)
		fail("mmap");
	return p;
}

static void scribble(char *p, size_t len, size_t pages)
{
	for (size_t i = 0; i < pages; i++) {
		uint64_t *q = (uint64_t *)(void *)(p + next() % (len / PAGE) *
							       PAGE);

		q[next() % (PAGE / 8)] = next();
	}
}

static void add(const char *p, size_t len)
{
	const uint64_t *q = (const void *)p;

	for (size_t i = 0; i < len / 8; i++)
		sum = (sum ^ q[i]) * 0x9e3779b97f4a7c15ULL + i;
}

/* --- the ways --------------------------------------------------------------
 */

static char *big, *heap, *hole, *given, *guarded, *huge, *wander, *filed, *fed;
static char *peer_made;
static size_t big_len, heap_len;
static int feed[2];

/* realloc of something large: mremap, growing and shrinking. */
static void resize(void)
{
	size_t len = (1 + next() % 5) * BLOCK;
	char *p = realloc(heap, len);

	if (!p)
		fail("realloc");
	if (len > heap_len)
		memset(p + heap_len, (int)next(), len - heap_len);
	heap = p;
	heap_len = len;
	scribble(heap, heap_len, 3);
}

/* Another mapping at the same address. */
static void replace(void)
{
	if (next() % 2) {
		munmap(hole, BLOCK);
		hole = map(hole, BLOCK, MAP_FIXED);
	}
	scribble(hole, BLOCK, 2);
}

/* Pages are given back, and zero again. */
static void give_back(void)
{
	scribble(given, BLOCK, 8);
	if (next() % 2 && madvise(given + BLOCK / 2, BLOCK / 4, MADV_DONTNEED))
		fail("madvise");
}

static void protect(void)
{
	scribble(guarded, BLOCK, 1);
	if (mprotect(guarded, BLOCK / 2, next() % 2 ? PROT_READ : PROT_NONE) ||
	    mprotect(guarded, BLOCK / 2, PROT_READ | PROT_WRITE))
		fail("mprotect");
	scribble(guarded, BLOCK / 2, 1);
}

/* What a child writes is its own. */
static void have_child(void)
{
	pid_t pid = fork();

	if (!pid) {
		memset(big, 1, 64 * PAGE);
		memset(guarded, 1, BLOCK);
		_exit(0);
	}
	/* A child that has ended is not there any more after a restart. */
	if (pid < 0 || (waitpid(pid, NULL, 0) != pid && errno != ECHILD))
		fail("fork");
	scribble(guarded, BLOCK, 1);
}

/* To another address and back: contents move without being written. */
static void move(void)
{
	char *to = map(NULL, BLOCK, 0);

	/* UCX's hook of mremap() forgets the last argument. */
	if (syscall(SYS_mremap, wander, BLOCK, BLOCK,
		    MREMAP_MAYMOVE | MREMAP_FIXED, to) != (long)to)
		fail("mremap");
	if (next() % 2) {
		char *old = mmap(wander, BLOCK, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS |
					 MAP_FIXED_NOREPLACE,
				 -1, 0);

		if (old != MAP_FAILED) {
			old[0] = 1;
			munmap(old, BLOCK);
		}
	}
	wander = to;
	scribble(wander, BLOCK, 1);
}

/* The kernel writes: read() into memory that was not touched for long. */
static void be_fed(void)
{
	char text[512];

	memset(text, (int)next(), sizeof(text));
	if (write(feed[1], text, sizeof(text)) != (ssize_t)sizeof(text) ||
	    read(feed[0], fed + next() % 200 * PAGE, sizeof(text)) !=
		    (ssize_t)sizeof(text))
		fail("read");
}

/* Another process writes: process_vm_writev of the next rank, by the number
 * that it really has. */
static void be_written(void)
{
	uint64_t there[3] = { 0, (uintptr_t)peer_made, 0 }, here[3], value;
	char self[32] = "";
	struct iovec from, to;
	int next_rank = (rank + 1) % size, before = (rank + size - 1) % size;
	uint64_t done, was_done;

	if (readlink("/proc/self", self, sizeof(self) - 1) < 0)
		fail("/proc/self");
	there[0] = (uint64_t)atol(self);
	there[2] = next() % 200 * PAGE;
	MPI_Sendrecv(there, 3, MPI_UINT64_T, before, 1, here, 3, MPI_UINT64_T,
		     next_rank, 1, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
	value = here[2] * 77 + sum;
	MPI_Bcast(&value, 1, MPI_UINT64_T, 0, MPI_COMM_WORLD);
	from = (struct iovec){ &value, 8 };
	to = (struct iovec){ (char *)(uintptr_t)here[1] + here[2], 8 };
	done = size > 1 &&
	       process_vm_writev((pid_t)here[0], &from, 1, &to, 1, 0) == 8;
	MPI_Sendrecv(&done, 1, MPI_UINT64_T, next_rank, 2, &was_done, 1,
		     MPI_UINT64_T, before, 2, MPI_COMM_WORLD,
		     MPI_STATUS_IGNORE);
	/* Not allowed here, or it was restarted in between. */
	if (!was_done)
		memcpy(peer_made + there[2], &value, 8);
}

/* A private mapping of a file: its own pages, and the file's again. */
static void have_file(void)
{
	scribble(filed, BLOCK, 2);
	if (next() % 4 == 0 && madvise(filed, BLOCK / 2, MADV_DONTNEED))
		fail("madvise");
}

/* --- life ------------------------------------------------------------------
 */

static void setup(size_t mib)
{
	char name[] = "mutate-XXXXXX";
	int fd = mkstemp(name);

	if (fd < 0 || ftruncate(fd, BLOCK) || pipe(feed))
		fail("a file");
	filed = mmap(NULL, BLOCK, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	close(fd);
	big_len = mib * BLOCK;
	big = map(NULL, big_len, 0);
	for (size_t i = 0; i < big_len / 8; i++)
		((uint64_t *)(void *)big)[i] = next();
	heap_len = BLOCK;
	heap = calloc(1, heap_len);
	hole = map(NULL, BLOCK, 0);
	given = map(NULL, BLOCK, 0);
	guarded = map(NULL, BLOCK, 0);
	wander = map(NULL, BLOCK, 0);
	fed = map(NULL, BLOCK, 0);
	peer_made = map(NULL, BLOCK, 0);
	huge = map(NULL, 8 * BLOCK, 0);
	huge += -(uintptr_t)huge & (2 * BLOCK - 1);
	madvise(huge, 4 * BLOCK, MADV_HUGEPAGE);
	memset(huge, 3, 4 * BLOCK);
}

static void step(void)
{
	scribble(big, big_len, big_len / PAGE / 100);
	resize();
	replace();
	give_back();
	protect();
	have_child();
	move();
	be_fed();
	be_written();
	have_file();
	scribble(huge, 4 * BLOCK, 1);
	add(big, big_len);
	add(heap, heap_len);
	add(hole, BLOCK);
	add(given, BLOCK);
	add(guarded, BLOCK);
	add(wander, BLOCK);
	add(fed, BLOCK);
	add(peer_made, BLOCK);
	add(filed, BLOCK);
	add(huge, 4 * BLOCK);
}

int main(int argc, char **argv)
{
	long steps = argc > 1 ? atol(argv[1]) : 10;
	useconds_t us = argc > 2 ? (useconds_t)atol(argv[2]) : 0;
	uint64_t all[64];

	MPI_Init(&argc, &argv);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	MPI_Comm_size(MPI_COMM_WORLD, &size);
	x = 88172645463325252ULL + (uint64_t)rank;
	setup(argc > 3 ? (size_t)atol(argv[3]) : 16);
	MPI_Barrier(MPI_COMM_WORLD);
	if (!rank)
		printf("ready\n");
	fflush(stdout);
	for (long i = 0; i < steps; i++) {
		step();
		usleep(us);
	}
	MPI_Gather(&sum, 1, MPI_UINT64_T, all, 1, MPI_UINT64_T, 0,
		   MPI_COMM_WORLD);
	for (int r = 0; !rank && r < size && r < 64; r++)
		printf("answer %d %016lx\n", r, (unsigned long)all[r]);
	MPI_Finalize();
	return 0;
}
