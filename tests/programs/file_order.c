/* SPDX-License-Identifier: BSD-3-Clause */
/* file_order.c - collectives on files, waited for in another way on each rank
 */

/*
 * file_order [GATE]
 *
 * Each rank begins the same writes and reads on two files, interleaved with the
 * other ranks' so that the library has to exchange the data, and completes them
 * as no other rank does.  With GATE the last rank begins to complete the first
 * writes when this file exists; the others make GATE.RANK and wait.  Prints
 * "right".
 */
#include <mpi.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FILES  2
#define EACH   4 /* operations on each file */
#define N      ((int)(FILES * EACH))
#define BLOCKS 64
#define BLOCK  256

static int rank, size;
static char data[N][BLOCKS * BLOCK];
static MPI_Request req[N];

static void fail(const char *what)
{
	fprintf(stderr, "file_order: rank %d: %s\n", rank, what);
	MPI_Abort(MPI_COMM_WORLD, 3);
}

static void fill(int writer)
{
	for (int i = 0; i < N; i++)
		memset(data[i], 1 + i * size + writer, sizeof(data[i]));
}

static void check(int writer)
{
	for (int i = 0; i < N; i++)
		for (size_t k = 0; k < sizeof(data[i]); k++)
			if (data[i][k] != (char)(1 + i * size + writer))
				fail("a block is wrong");
}

/* --- completing them --------------------------------------------------------
 */

static void all_at_once(void)
{
	MPI_Status statuses[N];
	int count;

	MPI_Waitall(N, req, statuses);
	for (int i = 0; i < N; i++) {
		MPI_Get_count(&statuses[i], MPI_BYTE, &count);
		if (count != BLOCKS * BLOCK)
			fail("a count is wrong");
	}
}

static void backwards(void)
{
	for (int i = N - 1; i >= 0; i--)
		MPI_Wait(&req[i], MPI_STATUS_IGNORE);
}

static void polling(void)
{
	int done = 0;

	while (!done)
		MPI_Testall(N, req, &done, MPI_STATUSES_IGNORE);
}

static void as_they_come(void)
{
	int index, done, left = N;

	while (left > 1) {
		MPI_Testany(N, req, &index, &done, MPI_STATUS_IGNORE);
		left -= done;
	}
	MPI_Waitany(N, req, &index, MPI_STATUS_IGNORE);
}

static void complete(int round)
{
	static void (*const ways[])(void) = { all_at_once, backwards, polling,
					      as_they_come };

	ways[(rank + round) % 4]();
}

/* --- files ------------------------------------------------------------------
 */

static void open_files(MPI_File files[FILES], const char *const names[FILES])
{
	MPI_Info info;

	MPI_Info_create(&info);
	MPI_Info_set(info, "romio_cb_write", "enable");
	MPI_Info_set(info, "romio_cb_read", "enable");
	MPI_Info_set(info, "cb_buffer_size", "8192"); /* many steps */
	for (int i = 0; i < FILES; i++)
		if (MPI_File_open(MPI_COMM_WORLD, names[i],
				  MPI_MODE_CREATE | MPI_MODE_RDWR, info,
				  &files[i]))
			fail("cannot open a file");
	MPI_Info_free(&info);
}

/* Block b of the file belongs to rank b % size. */
static void view(MPI_File file, int owner)
{
	MPI_Datatype blocks;

	MPI_Type_vector(EACH * BLOCKS, BLOCK, size * BLOCK, MPI_BYTE, &blocks);
	MPI_Type_commit(&blocks);
	MPI_File_set_view(file, (MPI_Offset)owner * BLOCK, MPI_BYTE, blocks,
			  "native", MPI_INFO_NULL);
	MPI_Type_free(&blocks);
}

/* On one half of the ranks the second file comes first: their order matters
 * within each file only. */
static void begin(MPI_File files[FILES], int write)
{
	for (int k = 0; k < N; k++) {
		int which = (k + rank) % FILES, nth = k / FILES;
		int i = nth * FILES + which;
		MPI_Offset at = (MPI_Offset)nth * BLOCKS * BLOCK;

		if (write)
			MPI_File_iwrite_at_all(files[which], at, data[i],
					       BLOCKS * BLOCK, MPI_BYTE,
					       &req[i]);
		else
			MPI_File_iread_at_all(files[which], at, data[i],
					      BLOCKS * BLOCK, MPI_BYTE,
					      &req[i]);
	}
}

/* Nobody gets through before the last rank does. */
static void wait_at(const char *gate)
{
	char path[4096];

	if (rank == size - 1) {
		while (access(gate, F_OK))
			usleep(1000);
		return;
	}
	snprintf(path, sizeof(path), "%s.%d", gate, rank);
	fclose(fopen(path, "w"));
}

int main(int argc, char **argv)
{
	static const char *const names[FILES] = { "file_order.1",
						  "file_order.2" };
	MPI_File files[FILES];

	MPI_Init(&argc, &argv);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	MPI_Comm_size(MPI_COMM_WORLD, &size);
	for (int round = 0; round < 2; round++) {
		open_files(files, names);
		for (int i = 0; i < FILES; i++)
			view(files[i], rank);
		fill(rank);
		begin(files, 1);
		if (argc > 1 && !round)
			wait_at(argv[1]);
		complete(round);
		for (int i = 0; i < FILES; i++) {
			MPI_File_sync(files[i]);
			view(files[i], (rank + 1) % size);
		}
		memset(data, 0, sizeof(data));
		begin(files, 0);
		complete(round);
		check((rank + 1) % size);
		for (int i = 0; i < FILES; i++)
			MPI_File_close(&files[i]);
	}
	if (!rank)
		printf("right\n");
	MPI_Finalize();
	return 0;
}
