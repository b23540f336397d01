/* SPDX-License-Identifier: BSD-3-Clause */
/* file_kinds.c - every kind of access to a file, over and over, on files that
 * stay open */

/*
 * file_kinds ROUNDS [PAUSE_MS [CLOSED]]
 *
 * Each round uses all of these on files that were opened in the beginning, and
 * on some that live for the round only; every result is looked at. Pointers,
 * views, hints, atomicity and handlers go on from round to round, so a restart
 * that has lost one is seen in the next.  PAUSE_MS: slept in each round, in the
 * midst of operations that are under way.  Prints "answer" and a sum of all that
 * was read.  CLOSED: a closed file is used, too, which must be MPI_ERR_FILE
 * (MPICH alone looks at memory that it has freed).
 */
#include <mpi.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define N 24 /* ints of a rank in most operations */

static int rank, size, round_now, pause_ms, use_closed;
static uint64_t sum = 14695981039346656037ULL;
static MPI_Comm half; /* ranks of the same parity */

static void wrong(const char *what, ...)
{
	va_list ap;

	va_start(ap, what);
	fprintf(stderr, "file_kinds: rank %d, round %d: ", rank, round_now);
	vfprintf(stderr, what, ap);
	fputc('\n', stderr);
	va_end(ap);
	MPI_Abort(MPI_COMM_WORLD, 3);
}

static void must(int code, const char *what)
{
	char text[MPI_MAX_ERROR_STRING];
	int len;

	if (!code)
		return;
	MPI_Error_string(code, text, &len);
	wrong("%s: %s", what, text);
}

#define MUST(call) must(call, #call)

static void add(const void *data, size_t len)
{
	const unsigned char *p = data;

	for (size_t i = 0; i < len; i++)
		sum = (sum ^ p[i]) * 1099511628211ULL;
}

/* What `who` writes as number i for `kind` in this round. */
static int value(int kind, int who, int i)
{
	return round_now * 1000003 + kind * 10007 + who * 101 + i;
}

static void fill(int *data, int n, int kind)
{
	for (int i = 0; i < n; i++)
		data[i] = value(kind, rank, i);
}

static void check(const int *data, int n, int kind, int who)
{
	for (int i = 0; i < n; i++)
		if (data[i] != value(kind, who, i))
			wrong("kind %d: number %d of rank %d is %d, not %d",
			      kind, i, who, data[i], value(kind, who, i));
	add(data, sizeof(*data) * (size_t)n);
}

static void counted(const MPI_Status *status, int n)
{
	int got;

	MPI_Get_count(status, MPI_INT, &got);
	if (got != n)
		wrong("a count is %d, not %d", got, n);
}

static void linger(void)
{
	if (pause_ms)
		usleep((useconds_t)pause_ms * 1000);
}

static MPI_File open_as(MPI_Comm comm, const char *name, int amode,
			MPI_Info info)
{
	MPI_File file;

	must(MPI_File_open(comm, name, amode, info, &file), name);
	return file;
}

#define NEW (MPI_MODE_CREATE | MPI_MODE_RDWR)

/* --- explicit offsets; grows by each round ------------------------------- */

static MPI_File explicit_file;

static void explicit_open(void)
{
	MPI_Info info;

	MPI_Info_create(&info);
	MPI_Info_set(info, "cb_buffer_size", "65536");
	explicit_file = open_as(MPI_COMM_WORLD, "explicit", NEW, info);
	MPI_Info_free(&info);
}

static void explicit_round(void)
{
	int data[N], back[N], next = (rank + 1) % size, flag;
	MPI_Offset base = (MPI_Offset)round_now * size * 3 * N, length;
	MPI_Offset mine = (MPI_Offset)rank * N, other = (MPI_Offset)next * N;
	char text[MPI_MAX_INFO_VAL + 1];
	MPI_Status status;
	MPI_Info info;
	MPI_File f = explicit_file;
	const int z = sizeof(int);

	fill(data, N, 1);
	MUST(MPI_File_write_at(f, (base + mine) * z, data, N, MPI_INT,
			       &status));
	counted(&status, N);
	base += (MPI_Offset)size * N;
	fill(data, N, 2);
	MUST(MPI_File_write_at_all(f, (base + mine) * z, data, N, MPI_INT,
				   &status));
	base += (MPI_Offset)size * N;
	fill(data, N, 3);
	MUST(MPI_File_write_at_all_begin(f, (base + mine) * z, data, N,
					 MPI_INT));
	if (MPI_File_write_at_all_begin(f, 0, data, N, MPI_INT) == MPI_SUCCESS)
		wrong("two split collectives at once");
	linger();
	MUST(MPI_File_write_at_all_end(f, data, &status));
	counted(&status, N);
	if (MPI_File_write_at_all_end(f, data, &status) == MPI_SUCCESS)
		wrong("a split collective ended twice");
	MUST(MPI_File_sync(f));
	MPI_Barrier(MPI_COMM_WORLD);
	MUST(MPI_File_get_size(f, &length));
	if (length != (base + (MPI_Offset)size * N) * z)
		wrong("the file has %lld bytes", (long long)length);
	MUST(MPI_File_read_at_all(f, (base + other) * z, back, N, MPI_INT,
				  &status));
	check(back, N, 3, next);
	base -= (MPI_Offset)size * N;
	MUST(MPI_File_read_at_all_begin(f, (base + other) * z, back, N,
					MPI_INT));
	MUST(MPI_File_read_at_all_end(f, back, &status));
	check(back, N, 2, next);
	base -= (MPI_Offset)size * N;
	MUST(MPI_File_read_at(f, (base + other) * z, back, N, MPI_INT,
			      &status));
	check(back, N, 1, next);
	MUST(MPI_File_get_info(f, &info));
	MPI_Info_get(info, "cb_buffer_size", MPI_MAX_INFO_VAL, text, &flag);
	if (!flag || strcmp(text, "65536"))
		wrong("a hint is lost");
	MPI_Info_free(&info);
}

/* --- individual pointers on a view of resized pieces, opened by halves in the
 * other order ------------------------------------------------------------- */

static MPI_File piece_file;

static void piece_open(void)
{
	MPI_Datatype run, piece;

	piece_file = open_as(MPI_COMM_WORLD, "pieces", NEW, MPI_INFO_NULL);
	MPI_Type_contiguous(4, MPI_INT, &run);
	MPI_Type_create_resized(run, 0,
				(MPI_Aint)(4 * sizeof(int)) * size, &piece);
	MPI_Type_commit(&piece);
	MUST(MPI_File_set_view(piece_file,
			       (MPI_Offset)(rank * 4 * (int)sizeof(int)),
			       MPI_INT, piece, "native", MPI_INFO_NULL));
	MPI_Type_free(&run);
	MPI_Type_free(&piece);
}

static void piece_round(void)
{
	int data[N], back[N];
	MPI_Offset at, disp, byte;
	MPI_Datatype etype, filetype;
	char datarep[MPI_MAX_DATAREP_STRING + 1];
	MPI_Request req[2];
	MPI_Status status;
	MPI_Aint lb, extent;
	MPI_File f = piece_file;

	MUST(MPI_File_get_position(f, &at));
	if (at != (MPI_Offset)round_now * 3 * N)
		wrong("the pointer is at %lld", (long long)at);
	fill(data, N, 4);
	MUST(MPI_File_write(f, data, N, MPI_INT, &status));
	fill(data, N, 5);
	MUST(MPI_File_write_all_begin(f, data, N, MPI_INT));
	linger();
	MUST(MPI_File_write_all_end(f, data, &status));
	fill(data, N, 6);
	MUST(MPI_File_iwrite_all(f, data, N, MPI_INT, &req[0]));
	linger();
	MUST(MPI_Wait(&req[0], &status));
	counted(&status, N);
	MUST(MPI_File_seek(f, at, MPI_SEEK_SET));
	MUST(MPI_File_read_all(f, back, N, MPI_INT, &status));
	check(back, N, 4, rank);
	MUST(MPI_File_iread_all(f, back, N, MPI_INT, &req[0]));
	MUST(MPI_File_iread_at_all(f, at + 2 * N, data, N, MPI_INT, &req[1]));
	linger();
	MUST(MPI_Waitall(2, req, MPI_STATUSES_IGNORE));
	check(back, N, 5, rank);
	check(data, N, 6, rank);
	MUST(MPI_File_seek(f, N, MPI_SEEK_CUR));
	MUST(MPI_File_get_byte_offset(f, 4, &byte));
	if (byte != (MPI_Offset)(4 * sizeof(int)) * (rank + size))
		wrong("element 4 is at byte %lld", (long long)byte);
	MUST(MPI_File_get_view(f, &disp, &etype, &filetype, datarep));
	MPI_Type_get_extent(filetype, &lb, &extent);
	if (disp != rank * 4 * (int)sizeof(int) || etype != MPI_INT ||
	    extent != (MPI_Aint)(4 * sizeof(int)) * size ||
	    strcmp(datarep, "native"))
		wrong("the view is another one");
	MPI_Type_free(&filetype);
}

/* --- a distributed array, written in one form and read in another --------- */

#define SIDE 12

static MPI_File array_file, array_again;

static void array_open(void)
{
	array_file = open_as(MPI_COMM_WORLD, "array", NEW, MPI_INFO_NULL);
	MUST(MPI_File_set_atomicity(array_file, 1));
	array_again = open_as(MPI_COMM_SELF, "array", MPI_MODE_RDONLY,
			      MPI_INFO_NULL);
}

static MPI_Datatype rows(void) /* cyclic, one row a rank */
{
	int sizes[2] = { SIDE, SIDE }, grid[2] = { size, 1 };
	int kind[2] = { MPI_DISTRIBUTE_CYCLIC, MPI_DISTRIBUTE_NONE };
	int args[2] = { 1, MPI_DISTRIBUTE_DFLT_DARG };
	MPI_Datatype type;

	MPI_Type_create_darray(size, rank, 2, sizes, kind, args, grid,
			       MPI_ORDER_C, MPI_INT, &type);
	MPI_Type_commit(&type);
	return type;
}

static MPI_Datatype columns(void) /* two of them */
{
	int sizes[2] = { SIDE, SIDE }, part[2] = { SIDE, 2 };
	int from[2] = { 0, 2 * (rank + 1) };
	MPI_Datatype type;

	MPI_Type_create_subarray(2, sizes, part, from, MPI_ORDER_C, MPI_INT,
				 &type);
	MPI_Type_commit(&type);
	return type;
}

static void array_round(void)
{
	int mine[SIDE * SIDE], back[SIDE * 2], n = 0, flag = 0, amode;
	MPI_Offset base = (MPI_Offset)round_now * SIDE * SIDE * 4;
	MPI_Datatype type = rows();
	MPI_Status status;

	MUST(MPI_File_set_view(array_file, base, MPI_INT, type, "native",
			       MPI_INFO_NULL));
	MPI_Type_free(&type);
	for (int i = rank; i < SIDE; i += size)
		for (int j = 0; j < SIDE; j++)
			mine[n++] = value(7, i, j);
	MUST(MPI_File_write_all(array_file, mine, n, MPI_INT, &status));
	counted(&status, n);
	MUST(MPI_File_get_atomicity(array_file, &flag));
	MUST(MPI_File_get_amode(array_file, &amode));
	if (!flag || amode != NEW)
		wrong("atomicity or mode is lost");
	MPI_Barrier(MPI_COMM_WORLD);
	type = columns();
	MUST(MPI_File_set_view(array_again, base, MPI_INT, type, "native",
			       MPI_INFO_NULL));
	MPI_Type_free(&type);
	linger();
	MUST(MPI_File_read(array_again, back, SIDE * 2, MPI_INT, &status));
	for (int i = 0; i < SIDE; i++)
		for (int j = 0; j < 2; j++)
			if (back[i * 2 + j] != value(7, i, 2 * (rank + 1) + j))
				wrong("the array is wrong at %d, %d", i, j);
	add(back, sizeof(back));
}

/* --- the shared pointer ---------------------------------------------------- */

static MPI_File shared_file, ordered_file;

static void shared_open(void)
{
	/* a file of half the ranks each, and one of all */
	char name[32];

	snprintf(name, sizeof(name), "shared.%d", rank % 2);
	ordered_file = open_as(MPI_COMM_WORLD, "ordered", NEW, MPI_INFO_NULL);
	MUST(MPI_File_set_view(ordered_file, 8, MPI_INT, MPI_INT, "native",
			       MPI_INFO_NULL));
	shared_file = open_as(half, name, NEW, MPI_INFO_NULL);
	MUST(MPI_File_set_view(shared_file, 0, MPI_INT, MPI_INT, "native",
			       MPI_INFO_NULL));
}

/* In any order, each once. */
static void shared_round(void)
{
	int members, data[2], all[64], seen = 0;
	MPI_Offset at;
	MPI_Request req;
	MPI_Status status;

	MPI_Comm_size(half, &members);
	data[0] = value(8, rank, 0);
	data[1] = rank;
	MUST(MPI_File_write_shared(shared_file, data, 2, MPI_INT, &status));
	linger();
	MUST(MPI_File_iwrite_shared(shared_file, data, 2, MPI_INT, &req));
	MUST(MPI_Wait(&req, &status));
	MPI_Barrier(half);
	MUST(MPI_File_get_position_shared(shared_file, &at));
	if (at != (MPI_Offset)(round_now + 1) * members * 4)
		wrong("the shared pointer is at %lld", (long long)at);
	MUST(MPI_File_read_at(shared_file, at - members * 4, all, members * 4,
			      MPI_INT, &status));
	for (int i = 0; i < members * 2; i++)
		if (all[2 * i] == value(8, all[2 * i + 1], 0))
			seen += all[2 * i + 1];
	if (seen != (members - 1) * members * 2 + 2 * members * (rank % 2))
		wrong("what was written by the shared pointer is wrong");
	MPI_Barrier(half);
}

static void ordered_round(void)
{
	int data[N], back[N];
	MPI_Offset at;
	MPI_Status status;
	MPI_File f = ordered_file;

	MPI_Barrier(MPI_COMM_WORLD); /* nobody moves it */
	MUST(MPI_File_get_position_shared(f, &at));
	if (at != (MPI_Offset)round_now * 2 * N * size)
		wrong("the ordered pointer is at %lld", (long long)at);
	MPI_Barrier(MPI_COMM_WORLD);
	fill(data, N, 9);
	MUST(MPI_File_write_ordered(f, data, N, MPI_INT, &status));
	fill(data, N, 10);
	MUST(MPI_File_write_ordered_begin(f, data, N, MPI_INT));
	linger();
	MUST(MPI_File_write_ordered_end(f, data, &status));
	MUST(MPI_File_seek_shared(f, at, MPI_SEEK_SET));
	MUST(MPI_File_read_ordered(f, back, N, MPI_INT, &status));
	check(back, N, 9, rank);
	linger();
	MUST(MPI_File_read_ordered_begin(f, back, N, MPI_INT));
	MUST(MPI_File_read_ordered_end(f, back, &status));
	check(back, N, 10, rank);
}

/* --- in the other order of bytes ------------------------------------------- */

static MPI_File wire_file;

static void wire_open(void)
{
	wire_file = open_as(MPI_COMM_WORLD, "wire", NEW, MPI_INFO_NULL);
	MUST(MPI_File_set_view(wire_file, 0, MPI_INT, MPI_INT, "external32",
			       MPI_INFO_NULL));
}

static void wire_round(void)
{
	int data[N], back[N];
	MPI_Offset at = ((MPI_Offset)round_now * size + rank) * N;

	fill(data, N, 12);
	MUST(MPI_File_write_at(wire_file, at, data, N, MPI_INT,
			       MPI_STATUS_IGNORE));
	linger();
	MUST(MPI_File_read_at(wire_file, at, back, N, MPI_INT,
			      MPI_STATUS_IGNORE));
	check(back, N, 12, rank);
}

/* --- one rank's own, non-blocking, and errors ------------------------------ */

static int told;

static void listen(MPI_File *file, int *code, ...)
{
	int class;

	MPI_Error_class(*code, &class);
	if (*file != array_again || class != MPI_ERR_READ_ONLY)
		wrong("a handler is told another file or error");
	told++;
}

static void own_open(void)
{
	MPI_Errhandler handler;

	MPI_File_create_errhandler(listen, &handler);
	MUST(MPI_File_set_errhandler(array_again, handler));
	MPI_Errhandler_free(&handler);
}

static void own_round(void)
{
	int data[N], back[N], class;
	MPI_Request req[3];
	MPI_File f, closed;
	MPI_Group group;
	char name[64];
	int members;

	snprintf(name, sizeof(name), "own.%d.%d", rank, round_now % 5);
	f = open_as(MPI_COMM_SELF, name, NEW | MPI_MODE_DELETE_ON_CLOSE,
		    MPI_INFO_NULL);
	closed = f;
	fill(data, N, 11);
	MUST(MPI_File_iwrite_at(f, 0, data, N, MPI_INT, &req[0]));
	MUST(MPI_File_iwrite_at(f, N * 4, data, N, MPI_INT, &req[1]));
	linger();
	MUST(MPI_Waitall(2, req, MPI_STATUSES_IGNORE));
	MUST(MPI_File_iread(f, back, N, MPI_INT, &req[2]));
	linger();
	MUST(MPI_Wait(&req[2], MPI_STATUS_IGNORE));
	check(back, N, 11, rank);
	MUST(MPI_File_get_group(f, &group));
	MPI_Group_size(group, &members);
	MPI_Group_free(&group);
	MUST(MPI_File_close(&f));
	if (members != 1 || f != MPI_FILE_NULL || !access(name, F_OK))
		wrong("a file of one's own is not as it should be");
	class = MPI_ERR_FILE;
	if (use_closed)
		MPI_Error_class(MPI_File_write_at(closed, 0, data, 1, MPI_INT,
						  MPI_STATUS_IGNORE),
				&class);
	if (class != MPI_ERR_FILE)
		wrong("a closed file gives class %d", class);
	if (MPI_File_write_at(array_again, 0, data, 1, MPI_INT,
			      MPI_STATUS_IGNORE) == MPI_SUCCESS ||
	    told != round_now + 1)
		wrong("a handler was not told");
}

/* --- all of it ------------------------------------------------------------- */

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 4;
	uint64_t all[64];

	MPI_Init(&argc, &argv);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	MPI_Comm_size(MPI_COMM_WORLD, &size);
	pause_ms = argc > 2 ? atoi(argv[2]) : 0;
	use_closed = argc > 3;
	MPI_Comm_split(MPI_COMM_WORLD, rank % 2, rank, &half);
	array_open();
	shared_open();
	explicit_open();
	piece_open();
	wire_open();
	own_open();
	for (round_now = 0; round_now < rounds; round_now++) {
		/* also with an epoch in between no two come in one order */
		explicit_round();
		shared_round();
		piece_round();
		array_round();
		ordered_round();
		wire_round();
		own_round();
	}
	MUST(MPI_File_close(&shared_file));
	MUST(MPI_File_close(&array_file));
	MUST(MPI_File_close(&array_again));
	MUST(MPI_File_close(&ordered_file));
	MUST(MPI_File_close(&wire_file));
	MUST(MPI_File_close(&piece_file));
	MUST(MPI_File_close(&explicit_file));
	MPI_Comm_free(&half);
	MPI_Gather(&sum, 1, MPI_UINT64_T, all, 1, MPI_UINT64_T, 0,
		   MPI_COMM_WORLD);
	if (!rank) {
		sum = 1;
		add(all, sizeof(*all) * (size_t)size);
		printf("answer %016llx\n", (unsigned long long)sum);
	}
	MPI_Finalize();
	return 0;
}
