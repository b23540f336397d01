/* SPDX-License-Identifier: BSD-3-Clause */
/* file_removed.c - files that are closed and removed after a checkpoint
 */

/*
 * file_removed GATE
 *
 * Writes two files, makes GATE.open and waits for GATE.close, with both open.
 * Closes them, whereby one is removed, removes the other, makes GATE.removed and
 * waits for GATE.end.  Prints "right" if each had what was written as long as it
 * was there, and has no name afterwards.
 */
#include <mpi.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int rank;
static const char *gate;

static void fail(const char *what)
{
	fprintf(stderr, "file_removed: rank %d: %s\n", rank, what);
	MPI_Abort(MPI_COMM_WORLD, 3);
}

/* Rank 0 makes one and waits for the other; all are together before and after. */
static void meet(const char *makes, const char *waits)
{
	char path[4096];

	MPI_Barrier(MPI_COMM_WORLD);
	if (!rank) {
		snprintf(path, sizeof(path), "%s.%s", gate, makes);
		fclose(fopen(path, "w"));
		snprintf(path, sizeof(path), "%s.%s", gate, waits);
		while (access(path, F_OK))
			usleep(1000);
	}
	MPI_Barrier(MPI_COMM_WORLD);
}

static void look(MPI_File file)
{
	char got[8] = "";

	MPI_File_read_at(file, 0, got, 6, MPI_CHAR, MPI_STATUS_IGNORE);
	if (strcmp(got, "stones"))
		fail("what was written is not there");
}

int main(int argc, char **argv)
{
	const int amode = MPI_MODE_CREATE | MPI_MODE_RDWR;
	MPI_File doomed, other;

	MPI_Init(&argc, &argv);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	gate = argc > 1 ? argv[1] : "gate";
	if (MPI_File_open(MPI_COMM_WORLD, "doomed",
			  amode | MPI_MODE_DELETE_ON_CLOSE, MPI_INFO_NULL,
			  &doomed) ||
	    MPI_File_open(MPI_COMM_WORLD, "other", amode, MPI_INFO_NULL,
			  &other))
		fail("cannot open files");
	MPI_File_write_at_all(doomed, 0, "stones", 6, MPI_CHAR,
			      MPI_STATUS_IGNORE);
	MPI_File_write_at_all(other, 0, "stones", 6, MPI_CHAR,
			      MPI_STATUS_IGNORE);
	meet("open", "close");
	look(doomed);
	look(other);
	MPI_File_close(&doomed);
	MPI_File_close(&other);
	if (!rank && MPI_File_delete("other", MPI_INFO_NULL))
		fail("a file cannot be removed");
	MPI_Barrier(MPI_COMM_WORLD);
	if (!access("doomed", F_OK) || !access("other", F_OK))
		fail("a file is still there");
	meet("removed", "end");
	MPI_Finalize();
	if (!rank)
		puts("right");
	return 0;
}
