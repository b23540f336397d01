/* SPDX-License-Identifier: BSD-3-Clause */
/* first.c - says one line as soon as MPI is there, then waits for its end */
#include <mpi.h>

#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int rank;

	MPI_Init(&argc, &argv);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	if (!rank && (puts("ready") < 0 || fflush(stdout)))
		return 1;
	/* Not MPI_Finalize: only the start is measured, and over TCP some
	 * releases of UCX hang there now and then, without Cairn too. */
	for (;;)
		pause();
}
