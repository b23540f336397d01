/* SPDX-License-Identifier: BSD-3-Clause */
/* records.c - one HDF5 file that all ranks write, step by step */

/*
 * records FILE STEPS [collective|independent [REST]]; REST are microseconds of
 * sleep after each step that writes
 *
 * Three datasets: a field of fixed size, a row a step, each rank its columns; a
 * log that grows by a row a step, in chunks; and one in which each rank writes
 * every other element.  Each tenth step makes a group with an attribute and
 * flushes.  At its end it opens the file again, reads everything and compares
 * it with what it computes anew; prints "answer DIGEST".  The file's bytes
 * depend on the arguments and the number of ranks only.
 */
#include <hdf5.h>
#include <mpi.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COLUMNS 4096 /* of one rank */
#define SPREAD  512

/* File-scope: a program. */
static int rank, size;
static hsize_t steps;
static useconds_t rest;
static hid_t transfer; /* how data is written and read */

struct sets {
	hid_t file, field, log, spread;
};

#define OK(call) ok((long long)(call), #call)

static long long ok(long long result, const char *what)
{
	if (result < 0) {
		fprintf(stderr, "records: rank %d: %s failed\n", rank, what);
		MPI_Abort(MPI_COMM_WORLD, 3);
	}
	return result;
}

static uint64_t mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
	return x ^ (x >> 31);
}

/* --- what is written --------------------------------------------------------
 */

/* The rank's part of step i of a dataset; depends on all ranks through sum. */
static void fill(uint64_t *row, int n, hsize_t i, uint64_t sum)
{
	for (int k = 0; k < n; k++)
		row[k] = mix(sum + i * 1000003 + (uint64_t)rank * 8191 +
			     (uint64_t)k);
}

/* Some work, and a number that all ranks share. */
static uint64_t advance(uint64_t sum)
{
	uint64_t mine = sum + (uint64_t)rank, all;

	for (int k = 0; k < 300000; k++)
		mine = mix(mine + (uint64_t)k);
	MPI_Allreduce(&mine, &all, 1, MPI_UINT64_T, MPI_BXOR, MPI_COMM_WORLD);
	return all;
}

/* --- the file ---------------------------------------------------------------
 */

static hid_t access_by_all(void)
{
	hid_t plist = OK(H5Pcreate(H5P_FILE_ACCESS));
	MPI_Info info;

	MPI_Info_create(&info);
	MPI_Info_set(info, "romio_cb_write", "enable");
	OK(H5Pset_fapl_mpio(plist, MPI_COMM_WORLD, info));
	OK(H5Pset_libver_bounds(plist, H5F_LIBVER_LATEST, H5F_LIBVER_LATEST));
	MPI_Info_free(&info);
	return plist;
}

/* Without times, so that the file's bytes are the same every day. */
static hid_t timeless(hid_t class)
{
	hid_t plist = OK(H5Pcreate(class));

	OK(H5Pset_obj_track_times(plist, 0));
	return plist;
}

static hid_t create_set(hid_t file, const char *name, int rows, int columns,
			int grows)
{
	hsize_t now[2] = { grows ? 1 : (hsize_t)rows, (hsize_t)columns };
	hsize_t most[2] = { grows ? H5S_UNLIMITED : now[0], now[1] };
	hsize_t chunk[2] = { 4, (hsize_t)columns / 4 };
	hid_t space = OK(H5Screate_simple(2, now, most));
	hid_t plist = timeless(H5P_DATASET_CREATE), set;

	OK(H5Pset_fill_time(plist, H5D_FILL_TIME_ALLOC));
	if (grows)
		OK(H5Pset_chunk(plist, 2, chunk));
	set = OK(H5Dcreate(file, name, H5T_STD_U64LE, space, H5P_DEFAULT, plist,
			   H5P_DEFAULT));
	H5Pclose(plist);
	H5Sclose(space);
	return set;
}

static struct sets create_file(const char *path)
{
	hid_t access = access_by_all(), plist = timeless(H5P_FILE_CREATE);
	struct sets s;

	s.file = OK(H5Fcreate(path, H5F_ACC_TRUNC, plist, access));
	H5Pclose(access);
	H5Pclose(plist);
	s.field = create_set(s.file, "field", (int)steps, COLUMNS * size, 0);
	s.log = create_set(s.file, "log", (int)steps, SPREAD * size, 1);
	s.spread = create_set(s.file, "spread", (int)steps, SPREAD * size, 0);
	return s;
}

static struct sets open_file(const char *path)
{
	hid_t plist = access_by_all();
	struct sets s;

	s.file = OK(H5Fopen(path, H5F_ACC_RDONLY, plist));
	H5Pclose(plist);
	s.field = OK(H5Dopen(s.file, "field", H5P_DEFAULT));
	s.log = OK(H5Dopen(s.file, "log", H5P_DEFAULT));
	s.spread = OK(H5Dopen(s.file, "spread", H5P_DEFAULT));
	return s;
}

static void close_file(struct sets *s)
{
	OK(H5Dclose(s->field));
	OK(H5Dclose(s->log));
	OK(H5Dclose(s->spread));
	OK(H5Fclose(s->file));
}

/* The elements of row i that are this rank's: a block, or every size-th. */
static hid_t mine(hid_t set, hsize_t i, int n, int every)
{
	hid_t space = OK(H5Dget_space(set));
	hsize_t first[2] = { i, (hsize_t)(every ? rank : rank * n) };
	hsize_t count[2] = { 1, (hsize_t)n };
	hsize_t stride[2] = { 1, (hsize_t)(every ? size : 1) };

	OK(H5Sselect_hyperslab(space, H5S_SELECT_SET, first, stride, count,
			       NULL));
	return space;
}

static void write_row(hid_t set, hsize_t i, int n, int every, uint64_t *row)
{
	hsize_t length = (hsize_t)n;
	hid_t there = mine(set, i, n, every);
	hid_t here = OK(H5Screate_simple(1, &length, NULL));

	OK(H5Dwrite(set, H5T_NATIVE_UINT64, here, there, transfer, row));
	H5Sclose(here);
	H5Sclose(there);
}

static void check_row(hid_t set, hsize_t i, int n, int every,
		      const uint64_t *row)
{
	hsize_t length = (hsize_t)n;
	hid_t there = mine(set, i, n, every);
	hid_t here = OK(H5Screate_simple(1, &length, NULL));
	uint64_t *read = calloc((size_t)n, sizeof(*read));

	OK(H5Dread(set, H5T_NATIVE_UINT64, here, there, transfer, read));
	if (memcmp(read, row, (size_t)n * sizeof(*read))) {
		fprintf(stderr, "records: rank %d: row %llu is wrong\n", rank,
			(unsigned long long)i);
		MPI_Abort(MPI_COMM_WORLD, 4);
	}
	free(read);
	H5Sclose(here);
	H5Sclose(there);
}

/* A group with the sum so far; metadata is written by all ranks together. */
static void milestone(hid_t file, hsize_t i, uint64_t sum)
{
	hid_t space = OK(H5Screate(H5S_SCALAR)), group, attribute;
	hid_t plist = timeless(H5P_GROUP_CREATE);
	char name[32];

	snprintf(name, sizeof(name), "step-%05llu", (unsigned long long)i);
	group = OK(H5Gcreate(file, name, H5P_DEFAULT, plist, H5P_DEFAULT));
	attribute = OK(H5Acreate(group, "sum", H5T_STD_U64LE, space,
				 H5P_DEFAULT, H5P_DEFAULT));
	OK(H5Awrite(attribute, H5T_NATIVE_UINT64, &sum));
	H5Aclose(attribute);
	H5Pclose(plist);
	H5Gclose(group);
	H5Sclose(space);
	OK(H5Fflush(file, H5F_SCOPE_GLOBAL));
}

/* --- one pass ---------------------------------------------------------------
 */

typedef void row_fn(hid_t set, hsize_t i, int n, int every, uint64_t *row);

static void check_cb(hid_t set, hsize_t i, int n, int every, uint64_t *row)
{
	check_row(set, i, n, every, row);
}

static uint64_t pass(struct sets *s, row_fn *row_cb, int writes)
{
	static uint64_t row[COLUMNS];
	uint64_t sum = 1;

	for (hsize_t i = 0; i < steps; i++) {
		hsize_t rows[2] = { i + 1, (hsize_t)(SPREAD * size) };

		sum = advance(sum);
		fill(row, COLUMNS, i, sum);
		row_cb(s->field, i, COLUMNS, 0, row);
		if (writes)
			OK(H5Dset_extent(s->log, rows));
		fill(row, SPREAD, i, sum + 1);
		row_cb(s->log, i, SPREAD, 0, row);
		fill(row, SPREAD, i, sum + 2);
		row_cb(s->spread, i, SPREAD, 1, row);
		if (writes && i % 10 == 9)
			milestone(s->file, i, sum);
		if (writes && rest)
			usleep(rest);
	}
	return sum;
}

int main(int argc, char **argv)
{
	struct sets sets;
	uint64_t written, read;
	int together = argc < 4 || strcmp(argv[3], "independent");

	MPI_Init(&argc, &argv);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	MPI_Comm_size(MPI_COMM_WORLD, &size);
	if (argc < 3)
		MPI_Abort(MPI_COMM_WORLD, 2);
	steps = strtoul(argv[2], NULL, 10);
	rest = argc > 4 ? (useconds_t)strtoul(argv[4], NULL, 10) : 0;
	transfer = OK(H5Pcreate(H5P_DATASET_XFER));
	OK(H5Pset_dxpl_mpio(transfer, together ? H5FD_MPIO_COLLECTIVE :
						 H5FD_MPIO_INDEPENDENT));
	sets = create_file(argv[1]);
	written = pass(&sets, write_row, 1);
	close_file(&sets);
	sets = open_file(argv[1]);
	read = pass(&sets, check_cb, 0);
	close_file(&sets);
	H5Pclose(transfer);
	if (!rank)
		printf("answer %016llx %s\n", (unsigned long long)written,
		       read == written ? "right" : "wrong");
	MPI_Finalize();
	return read != written;
}
