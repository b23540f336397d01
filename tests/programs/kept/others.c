/* SPDX-License-Identifier: BSD-3-Clause */
/* others.c - messages, datatypes, error codes, persistent collectives */
#include "kept.h"

#include <stdlib.h>
#include <string.h>

#define TAG 4242

/* --- messages: matched, buffered, cancelled
 * ----------------------------------------
 */

static MPI_Message matched;
static MPI_Request cancelled, started;
static MPI_Status made_up;
static char *buffer;
static int buffer_size, out[3], in[2];

void messages_make(void)
{
	int got = 0, flag = 0;
	MPI_Status status;

	out[0] = rank + 10;
	MPI_Sendrecv(&out[0], 1, MPI_INT, right, TAG, &got, 1, MPI_INT, left,
		     TAG, MPI_COMM_WORLD, &status);
	CHECK(got == left + 10);
	out[1] = rank + 20;
	MPI_Isend(&out[1], 1, MPI_INT, right, TAG + 1, MPI_COMM_WORLD,
		  &started);
	while (!flag)
		MPI_Improbe(left, TAG + 1, MPI_COMM_WORLD, &flag, &matched,
			    &status);
	CHECK(status.MPI_SOURCE == left);
	/* What comes behind it may not be mistaken for it. */
	out[2] = rank + 30;
	MPI_Send(&out[2], 1, MPI_INT, right, TAG + 1, MPI_COMM_WORLD);

	MPI_Pack_size(1000, MPI_INT, MPI_COMM_WORLD, &buffer_size);
	buffer_size += MPI_BSEND_OVERHEAD;
	buffer = malloc((size_t)buffer_size);
	MPI_Buffer_attach(buffer, buffer_size);
	for (int i = 0, data[1000]; i < 1; i++) {
		for (int k = 0; k < 1000; k++)
			data[k] = rank * 1000 + k;
		MPI_Bsend(data, 1000, MPI_INT, right, TAG + 2, MPI_COMM_WORLD);
	}
	MPI_Irecv(&got, 1, MPI_INT, left, TAG + 9, MPI_COMM_WORLD, &cancelled);
	MPI_Cancel(&cancelled);

	memset(&made_up, 0, sizeof(made_up));
	made_up.MPI_TAG = 3;
	MPI_Status_set_elements(&made_up, MPI_DOUBLE, 5);
	MPI_Status_set_cancelled(&made_up, 1);
}

static void check_buffered(void)
{
	int data[1000], wrong = 0, detached = 0;
	char *was = NULL;

	MPI_Recv(data, 1000, MPI_INT, left, TAG + 2, MPI_COMM_WORLD,
		 MPI_STATUS_IGNORE);
	for (int k = 0; k < 1000; k++)
		wrong += data[k] != left * 1000 + k;
	CHECK(!wrong);
	MPI_Buffer_detach(&was, &detached);
	CHECK(was == buffer && detached == buffer_size);
	free(buffer);
}

void messages_check(void)
{
	MPI_Status status;
	int n = 0, flag = 0;

	CHECK(matched != MPI_MESSAGE_NULL);
	MPI_Mrecv(&in[0], 1, MPI_INT, &matched, &status);
	CHECK(in[0] == left + 20 && status.MPI_TAG == TAG + 1);
	MPI_Recv(&in[1], 1, MPI_INT, left, TAG + 1, MPI_COMM_WORLD, &status);
	CHECK(in[1] == left + 30);
	MPI_Wait(&started, MPI_STATUS_IGNORE);
	check_buffered();
	MPI_Wait(&cancelled, &status);
	MPI_Test_cancelled(&status, &flag);
	CHECK(flag);
	MPI_Get_count(&made_up, MPI_DOUBLE, &n);
	MPI_Test_cancelled(&made_up, &flag);
	CHECK(n == 5 && flag && made_up.MPI_TAG == 3);
}

/* --- datatypes
 * -----------------------------------------------------------------
 */

#define SIDE 6

static MPI_Datatype matching, resized, darray, subarray, all, large;
static char external[256];
static MPI_Aint external_len;

void types_make(void)
{
	int gsizes[2] = { SIDE, SIDE }, psizes[2] = { 1, 1 };
	int distribs[2] = { MPI_DISTRIBUTE_CYCLIC, MPI_DISTRIBUTE_BLOCK };
	int dargs[2] = { 2, MPI_DISTRIBUTE_DFLT_DARG };
	int sub[2] = { 2, 3 }, at[2] = { 1, 2 }, ones[2] = { 1, 1 };
	MPI_Aint places[2] = { 0, 1024 };
	int numbers[4] = { 1, -2, 3, rank };

	MPI_Type_match_size(MPI_TYPECLASS_REAL, 8, &matching);
	MPI_Type_create_resized(matching, 0, 24, &resized);
	MPI_Type_create_darray(1, 0, 2, gsizes, distribs, dargs, psizes,
			       MPI_ORDER_C, MPI_INT, &darray);
	MPI_Type_create_subarray(2, gsizes, sub, at, MPI_ORDER_FORTRAN, MPI_INT,
				 &subarray);
	MPI_Type_create_struct(2, ones, places,
			       (MPI_Datatype[]){ darray, resized }, &all);
	MPI_Type_commit(&all);
	MPI_Type_commit(&subarray);
	MPI_Type_contiguous_c(3, MPI_SHORT, &large);
	MPI_Type_commit(&large);
	external_len = 0;
	MPI_Pack_external("external32", numbers, 4, MPI_INT, external,
			  sizeof(external), &external_len);
}

void types_check(void)
{
	int from[SIDE * SIDE], to[SIDE * SIDE], sum = 0, numbers[4] = { 0 };
	short shorts[6] = { 1, 2, 3, 4, 5, 6 }, back[6] = { 0 };
	MPI_Count count = 0;
	MPI_Aint lb, extent, at = 0;
	MPI_Status status;
	int size_of;

	MPI_Type_size(matching, &size_of);
	CHECK(size_of == 8);
	MPI_Type_get_extent(resized, &lb, &extent);
	CHECK(lb == 0 && extent == 24);
	MPI_Type_size(all, &size_of);
	CHECK(size_of == SIDE * SIDE * (int)sizeof(int) + 8);
	for (int i = 0; i < SIDE * SIDE; i++)
		from[i] = i + rank;
	memset(to, 0, sizeof(to));
	MPI_Sendrecv(from, 1, subarray, right, TAG + 5, to, 1, subarray, left,
		     TAG + 5, MPI_COMM_WORLD, &status);
	for (int i = 0; i < SIDE * SIDE; i++) {
		int x = i % SIDE, y = i / SIDE;
		int inside = x >= 1 && x < 3 && y >= 2 && y < 5;

		sum += to[i] != (inside ? i + left : 0);
	}
	CHECK(sum == 0);
	MPI_Unpack_external("external32", external, external_len, &at, numbers,
			    4, MPI_INT);
	CHECK(numbers[1] == -2 && numbers[3] == rank && at == 16);
	MPI_Sendrecv_c(shorts, 2, large, right, TAG + 6, back, 2, large, left,
		       TAG + 6, MPI_COMM_WORLD, &status);
	MPI_Get_count_c(&status, large, &count);
	CHECK(count == 2 && back[5] == 6);
	MPI_Type_free(&resized);
	MPI_Type_free(&darray);
	MPI_Type_free(&subarray);
	MPI_Type_free(&all);
	MPI_Type_free(&large);
}

/* --- error codes of the program, and its parent
 * ----------------------------------
 */

static int error_class, error_code;
static MPI_Comm parent;

void errors_make(void)
{
	/* they are for good */
	if (!error_class) {
		MPI_Add_error_class(&error_class);
		MPI_Add_error_code(error_class, &error_code);
		MPI_Add_error_string(error_code, "out of cheese");
	}
	/* Nobody has spawned us: that must not stand in a checkpoint's way. */
	MPI_Comm_get_parent(&parent);
}

void errors_check(void)
{
	char text[MPI_MAX_ERROR_STRING];
	int class = -1, length, other = 0;

	CHECK(parent == MPI_COMM_NULL);
	MPI_Error_class(error_code, &class);
	CHECK(class == error_class);
	MPI_Error_string(error_code, text, &length);
	CHECK(!strcmp(text, "out of cheese"));
	MPI_Add_error_code(error_class, &other);
	CHECK(other > error_code);
}

/* --- persistent collectives
 * -----------------------------------------------------
 */

static MPI_Request sum_request, bcast_request;
static int number, sum_of, told;

void colls_make(void)
{
	MPI_Allreduce_init(&number, &sum_of, 1, MPI_INT, MPI_SUM,
			   MPI_COMM_WORLD, MPI_INFO_NULL, &sum_request);
	MPI_Bcast_init(&told, 1, MPI_INT, 1, MPI_COMM_WORLD, MPI_INFO_NULL,
		       &bcast_request);
	number = rank + 1;
	sum_of = 0;
	MPI_Start(&sum_request);
}

void colls_check(void)
{
	MPI_Wait(&sum_request, MPI_STATUS_IGNORE);
	CHECK(sum_of == size * (size + 1) / 2);
	number = 2;
	told = rank == 1 ? 99 : 0;
	MPI_Start(&sum_request);
	MPI_Start(&bcast_request);
	MPI_Wait(&bcast_request, MPI_STATUS_IGNORE);
	MPI_Wait(&sum_request, MPI_STATUS_IGNORE);
	CHECK(sum_of == 2 * size && told == 99);
	MPI_Request_free(&sum_request);
	MPI_Request_free(&bcast_request);
}
