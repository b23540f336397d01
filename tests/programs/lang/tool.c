/* SPDX-License-Identifier: BSD-3-Clause */
/* tool.c - an MPI tool: counts what a program sends and reduces, by PMPI_* */
#include <mpi.h>
#include <stdio.h>

static struct {
	long sends, bytes, reductions;
} seen;

/* A communicator of the tool's own, which the program never sees. */
static MPI_Comm own = MPI_COMM_NULL;

int MPI_Init(int *argc, char ***argv)
{
	int ret = PMPI_Init(argc, argv);

	if (!ret)
		ret = PMPI_Comm_dup(MPI_COMM_WORLD, &own);
	return ret;
}

int MPI_Isend(const void *buf, int count, MPI_Datatype type, int dest, int tag,
	      MPI_Comm comm, MPI_Request *request)
{
	int size = 0;

	PMPI_Type_size(type, &size);
	seen.sends++;
	seen.bytes += (long)count * size;
	return PMPI_Isend(buf, count, type, dest, tag, comm, request);
}

int MPI_Allreduce(const void *in, void *out, int count, MPI_Datatype type,
		  MPI_Op op, MPI_Comm comm)
{
	int most = 0, mine = ++seen.reductions > 0;

	/* Tools talk among themselves in the program's calls. */
	PMPI_Allreduce(&mine, &most, 1, MPI_INT, MPI_MAX, own);
	return PMPI_Allreduce(in, out, count, type, op, comm) + (most != 1);
}

int MPI_Finalize(void)
{
	long sum[3] = { 0 };
	int rank;

	PMPI_Comm_rank(own, &rank);
	PMPI_Reduce(&seen, sum, 3, MPI_LONG, MPI_SUM, 0, own);
	if (!rank)
		printf("tool: %ld sends, %ld bytes, %ld reductions\n", sum[0],
		       sum[1], sum[2]);
	PMPI_Comm_free(&own);
	return PMPI_Finalize();
}
