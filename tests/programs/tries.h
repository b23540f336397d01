/* SPDX-License-Identifier: BSD-3-Clause */
/* tries.h - calls that are to fail, and the error class that each gives */
#ifndef TESTS_TRIES_H
#define TESTS_TRIES_H

#include <mpi.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/*
 * TRY(call) says one line: the call's text, the class of what it returned, and
 * which error handler was called how often with which class (hear).  With `only`
 * not negative just that call is made (0, 1, ...): to find one that crashes.
 * show_others, at the end, by all ranks: rank 0 prints for all.
 */
static int only = -1, ncalls, rank;
static int heard[2], heard_class[2];
static MPI_Status status;
/* whose handlers: of the program */
static const char *listeners[2];

static void hear(int which, int code)
{
	heard[which]++;
	MPI_Error_class(code, &heard_class[which]);
}

static int chosen(void)
{
	heard[0] = heard[1] = 0;
	return only < 0 || only == ncalls;
}

/* mpiexec mixes the lines of two ranks: rank 0 prints for all. */
static char said[1 << 18];
static size_t nsaid;

static void say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	nsaid += (size_t)vsnprintf(said + nsaid, sizeof(said) - nsaid, format,
				   args);
	va_end(args);
}

static void show(void)
{
	fwrite(said, 1, nsaid, stdout);
	fflush(stdout);
	nsaid = 0;
}

static void show_others(void)
{
	int size, len;

	MPI_Comm_size(MPI_COMM_WORLD, &size);
	if (rank)
		MPI_Send(said, (int)nsaid, MPI_CHAR, 0, 99, MPI_COMM_WORLD);
	for (int i = 1; !rank && i < size; i++) {
		MPI_Recv(said, sizeof(said), MPI_CHAR, i, 99, MPI_COMM_WORLD,
			 &status);
		MPI_Get_count(&status, MPI_CHAR, &len);
		nsaid = (size_t)len;
		show();
	}
}

static void report(const char *text, int code)
{
	int class = code;

	if (code)
		MPI_Error_class(code, &class);
	say("%d: %3d %s: %d", rank, ncalls, text, class);
	for (int i = 0; i < 2; i++)
		if (heard[i])
			say(", the handler of %s heard %d of %d", listeners[i],
			    heard[i], heard_class[i]);
	say("\n");
	if (!rank)
		show();
}

#define TRY(call)                              \
	do {                                   \
		if (chosen())                  \
			report(#call, (call)); \
		ncalls++;                      \
	} while (0)

#endif
