/* SPDX-License-Identifier: BSD-3-Clause */
/* file_sequential.c - two files in MPI_MODE_SEQUENTIAL that stay open */

/*
 * file_sequential ROUNDS [PAUSE_MS]
 *
 * Each round writes to the file "written" and reads what "read" has next, by
 * the shared pointer, which is the only one that this mode has; now and then the
 * view is moved to where the pointer is, and some of the calls that the mode
 * forbids are made.  The pointers go on from round to round, so a restart that
 * has lost one is seen in the next.  PAUSE_MS: slept in each round.  Prints
 * "answer" and a sum of all that was read.
 */
#include <mpi.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define N 16 /* ints of a rank in an operation */

static int rank, size, round_now, pause_ms;
static uint64_t sum;
static MPI_File out, in;

static void wrong(const char *what, int got, int wanted)
{
	fprintf(stderr, "file_sequential: rank %d, round %d: %s is %d, not %d\n",
		rank, round_now, what, got, wanted);
	MPI_Abort(MPI_COMM_WORLD, 3);
}

static void must(int code, int class_wanted, const char *what)
{
	int class = code;

	if (code)
		MPI_Error_class(code, &class);
	if (class != class_wanted)
		wrong(what, class, class_wanted);
}

#define MUST(call)	    must(call, MPI_SUCCESS, #call)
#define FAILS(class, call) must(call, class, #call)

static void linger(void)
{
	if (pause_ms)
		usleep((useconds_t)pause_ms * 1000);
}

/* What the file "read" holds: so many ints for each round. */
static int each(void)
{
	return 2 * N * size + size;
}

static void make_input(int rounds)
{
	FILE *f = rank ? NULL : fopen("read", "w");

	for (int i = 0; f && i < rounds * each(); i++)
		fwrite(&i, sizeof(i), 1, f);
	if (f)
		fclose(f);
	MPI_Barrier(MPI_COMM_WORLD);
}

static void open_both(void)
{
	MUST(MPI_File_open(MPI_COMM_WORLD, "written",
			   MPI_MODE_CREATE | MPI_MODE_WRONLY |
				   MPI_MODE_SEQUENTIAL,
			   MPI_INFO_NULL, &out));
	MUST(MPI_File_open(MPI_COMM_WORLD, "read",
			   MPI_MODE_RDONLY | MPI_MODE_SEQUENTIAL, MPI_INFO_NULL,
			   &in));
	MUST(MPI_File_set_view(out, MPI_DISPLACEMENT_CURRENT, MPI_INT, MPI_INT,
			       "native", MPI_INFO_NULL));
	MUST(MPI_File_set_view(in, MPI_DISPLACEMENT_CURRENT, MPI_INT, MPI_INT,
			       "native", MPI_INFO_NULL));
}

/* Not allowed in this mode: refused as the library does. */
static void forbidden(void)
{
	MPI_Offset at;
	MPI_Status status;
	int data[2] = { 0, 0 }, amode;

	FAILS(MPI_ERR_UNSUPPORTED_OPERATION,
	      MPI_File_get_position_shared(in, &at));
	FAILS(MPI_ERR_UNSUPPORTED_OPERATION,
	      MPI_File_seek(in, 0, MPI_SEEK_SET));
	FAILS(MPI_ERR_UNSUPPORTED_OPERATION,
	      MPI_File_seek_shared(in, 0, MPI_SEEK_SET));
	FAILS(MPI_ERR_UNSUPPORTED_OPERATION,
	      MPI_File_read(in, data, 1, MPI_INT, &status));
	FAILS(MPI_ERR_UNSUPPORTED_OPERATION,
	      MPI_File_write_at_all(out, 0, data, 1, MPI_INT, &status));
	FAILS(MPI_ERR_ACCESS, MPI_File_read(out, data, 1, MPI_INT, &status));
	FAILS(MPI_ERR_ARG, MPI_File_set_view(in, 0, MPI_INT, MPI_INT, "native",
					     MPI_INFO_NULL));
	MUST(MPI_File_get_amode(out, &amode));
	if (amode !=
	    (MPI_MODE_CREATE | MPI_MODE_WRONLY | MPI_MODE_SEQUENTIAL))
		wrong("the mode", amode, MPI_MODE_SEQUENTIAL);
}

static void write_round(void)
{
	int data[N], one = round_now * 7;
	MPI_Request request;

	for (int i = 0; i < N; i++)
		data[i] = round_now * 1000003 + rank * 101 + i;
	MUST(MPI_File_write_ordered(out, data, N, MPI_INT, MPI_STATUS_IGNORE));
	linger();
	/* all write the same: their order is nobody's matter */
	MUST(MPI_File_write_shared(out, &one, 1, MPI_INT, MPI_STATUS_IGNORE));
	MUST(MPI_File_iwrite_shared(out, &one, 1, MPI_INT, &request));
	linger();
	MUST(MPI_Wait(&request, MPI_STATUS_IGNORE));
	MPI_Barrier(MPI_COMM_WORLD);
}

static void read_round(void)
{
	int data[N], base = round_now * each(), one;

	MUST(MPI_File_read_ordered(in, data, N, MPI_INT, MPI_STATUS_IGNORE));
	linger();
	for (int i = 0; i < N; i++)
		if (data[i] != base + rank * N + i)
			wrong("what was read", data[i], base + rank * N + i);
	base += size * N;
	MUST(MPI_File_read_ordered_begin(in, data, N, MPI_INT));
	linger();
	MUST(MPI_File_read_ordered_end(in, data, MPI_STATUS_IGNORE));
	for (int i = 0; i < N; i++)
		if (data[i] != base + rank * N + i)
			wrong("what was read", data[i], base + rank * N + i);
	base += size * N;
	MPI_Barrier(MPI_COMM_WORLD);
	MUST(MPI_File_read_shared(in, &one, 1, MPI_INT, MPI_STATUS_IGNORE));
	if (one < base || one >= base + size)
		wrong("what was read by whoever came", one, base);
	sum += (uint64_t)one;
	MPI_Barrier(MPI_COMM_WORLD);
}

static void move_view(MPI_File file)
{
	MPI_Offset disp, before;
	MPI_Datatype etype, filetype;
	char datarep[MPI_MAX_DATAREP_STRING];

	MUST(MPI_File_get_view(file, &before, &etype, &filetype, datarep));
	MUST(MPI_File_set_view(file, MPI_DISPLACEMENT_CURRENT, MPI_INT, MPI_INT,
			       "native", MPI_INFO_NULL));
	MUST(MPI_File_get_view(file, &disp, &etype, &filetype, datarep));
	if (disp <= before)
		wrong("the view", (int)disp, (int)before);
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 4;
	uint64_t all = 0;

	MPI_Init(&argc, &argv);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	MPI_Comm_size(MPI_COMM_WORLD, &size);
	pause_ms = argc > 2 ? atoi(argv[2]) : 0;
	make_input(rounds);
	open_both();
	for (round_now = 0; round_now < rounds; round_now++) {
		forbidden();
		write_round();
		read_round();
		if (round_now % 3 == 2) {
			move_view(in);
			move_view(out);
		}
	}
	MUST(MPI_File_close(&in));
	MUST(MPI_File_close(&out));
	MPI_Reduce(&sum, &all, 1, MPI_UINT64_T, MPI_SUM, 0, MPI_COMM_WORLD);
	if (!rank)
		printf("answer %llu\n", (unsigned long long)all);
	MPI_Finalize();
	return 0;
}
