/* SPDX-License-Identifier: BSD-3-Clause */
/* memory.c - a rank with much memory that cannot be compressed, and a clock */
#include <mpi.h>

#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/*
 * usage: memory MIB [PERCENT]
 *
 * Fills its memory, says "ready", then says "tick" every few milliseconds until
 * its standard output is gone or it is killed.  Each tick looks at the next
 * piece of memory and ends the program if that is not what it was.  With
 * PERCENT it changes so many of its pages, all over, for each line that it
 * reads, and says "changed" and the nanoseconds that a page took.
 */
#define PIECE 65536 /* words looked at in a tick */
#define PAGE  512   /* words */

static uint64_t word(uint64_t i)
{
	uint64_t x = i + 0x9e3779b97f4a7c15;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

static int say(const char *text)
{
	return puts(text) < 0 || fflush(stdout);
}

/* The first word of a page is what changes. */
static int look(const uint64_t *memory, size_t n, size_t at)
{
	for (size_t i = at; i < at + PIECE && i < n; i++)
		if (i % PAGE && memory[i] != word(i))
			return 1;
	return 0;
}

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000 + t.tv_nsec;
}

static int change(uint64_t *memory, size_t n, size_t percent)
{
	static size_t first;
	size_t step = PAGE * 100 / percent, pages = 0;
	int64_t begin = now_ns();
	char text[64];

	for (size_t i = first; i < n; i += step, pages++)
		memory[i] = word(memory[i]);
	snprintf(text, sizeof(text), "changed %ld",
		 (long)((now_ns() - begin) / (int64_t)(pages ? pages : 1)));
	first = (first + PAGE) % step;
	return say(text);
}

/* Has somebody said a line? */
static int is_told(void)
{
	struct pollfd p = { .fd = 0, .events = POLLIN };
	char line[64];

	return poll(&p, 1, 0) > 0 && read(0, line, sizeof(line)) > 0;
}

int main(int argc, char **argv)
{
	const struct timespec pause = { .tv_nsec = 2000000 };
	size_t n, at = 0, percent = argc > 2 ? (size_t)atol(argv[2]) : 0;
	uint64_t *memory;

	MPI_Init(&argc, &argv);
	if (argc < 2)
		MPI_Abort(MPI_COMM_WORLD, 2);
	n = (size_t)atol(argv[1]) << 17;
	memory = malloc(n * sizeof(*memory));
	if (!memory)
		MPI_Abort(MPI_COMM_WORLD, 2);
	for (size_t i = 0; i < n; i++)
		memory[i] = word(i);
	if (say("ready"))
		return 1;
	while (!say("tick")) {
		if (look(memory, n, at)) {
			fputs("memory: it is not what it was\n", stderr);
			return 1;
		}
		if (percent && is_told() && change(memory, n, percent))
			return 1;
		at = (at + PIECE) % n;
		nanosleep(&pause, NULL);
	}
	free(memory);
	return 0;
}
