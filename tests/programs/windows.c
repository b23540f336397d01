/* SPDX-License-Identifier: BSD-3-Clause */
/* windows.c - every kind of one-sided communication, over and over */
#include <mpi.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * usage: windows STEPS US [apart]
 *
 * Each step uses every window in its own way, with US microseconds of sleep
 * within each epoch, and checks what came.  The last line is an answer that
 * follows from the number of steps and ranks.  apart: the ranks share no
 * memory, so they may be on several nodes.
 */
#define CELLS 64

static int rank, size, left, right;
static int apart;
static long step;
static useconds_t pause_us;
static uint64_t digest;

static void check(int is, const char *what)
{
	if (is)
		return;
	printf("rank %d, step %ld: %s\n", rank, step, what);
	fflush(stdout);
	MPI_Abort(MPI_COMM_WORLD, 3);
}

static void linger(void)
{
	if (pause_us)
		usleep(pause_us);
}

static void note(long value)
{
	digest = (digest ^ (uint64_t)value) * 0x100000001b3ULL;
}

static long value(int of, int cell)
{
	return step * 1000000 + of * 1000 + cell;
}

/* --- MPI_Win_create, fences -------------------------------------------------- */

static long created[CELLS];
static MPI_Win create_win;
static MPI_Datatype odd; /* every second cell */

static void create_begin(void)
{
	MPI_Comm comm;

	/* The window outlives its communicator. */
	MPI_Comm_dup(MPI_COMM_WORLD, &comm);
	MPI_Win_create(created, sizeof(created), sizeof(long), MPI_INFO_NULL,
		       comm, &create_win);
	MPI_Comm_free(&comm);
	MPI_Type_vector(CELLS / 4, 1, 2, MPI_LONG, &odd);
	MPI_Type_commit(&odd);
	MPI_Win_fence(MPI_MODE_NOPRECEDE, create_win);
}

static void create_step(void)
{
	long from[CELLS / 4], got[CELLS / 4];

	for (int i = 0; i < CELLS / 4; i++)
		from[i] = value(rank, i);
	memset(created, 0, sizeof(created));
	MPI_Win_fence(0, create_win);
	MPI_Put(from, CELLS / 4, MPI_LONG, right, 0, 1, odd, create_win);
	MPI_Accumulate(from, 4, MPI_LONG, 0, CELLS / 2, 4, MPI_LONG, MPI_SUM,
		       create_win);
	linger();
	MPI_Win_fence(MPI_MODE_NOPUT, create_win);
	MPI_Get_c(got, CELLS / 4, MPI_LONG, right, 0, 1, odd, create_win);
	linger();
	MPI_Win_fence(0, create_win);
	for (int i = 0; i < CELLS / 4; i++) {
		check(created[2 * i] == value(left, i), "MPI_Put in a fence");
		check(got[i] == value(rank, i), "MPI_Get in a fence");
	}
	for (int i = 0; i < 4 && !rank; i++) {
		long sum = 0;

		for (int r = 0; r < size; r++)
			sum += value(r, i);
		check(created[CELLS / 2 + i] == sum, "MPI_Accumulate");
	}
	MPI_Win_fence(0, create_win);
	note(created[0]);
}

/* --- MPI_Win_allocate, post and start ------------------------------------------ */

static long *allocated;
static MPI_Win allocate_win;
static MPI_Group to_right, to_left;

static void allocate_begin(void)
{
	MPI_Group all;

	MPI_Win_allocate(CELLS * sizeof(long), sizeof(long), MPI_INFO_NULL,
			 MPI_COMM_WORLD, &allocated, &allocate_win);
	MPI_Win_get_group(allocate_win, &all);
	MPI_Group_incl(all, 1, &right, &to_right);
	MPI_Group_incl(all, 1, &left, &to_left);
	MPI_Group_free(&all);
}

static void allocate_step(void)
{
	long from = value(rank, 7), got = -1;
	int over = 0;

	allocated[1] = value(rank, 1);
	MPI_Win_post(to_left, 0, allocate_win);
	MPI_Win_start(to_right, 0, allocate_win);
	linger();
	MPI_Put(&from, 1, MPI_LONG, right, 0, 1, MPI_LONG, allocate_win);
	MPI_Get(&got, 1, MPI_LONG, right, 1, 1, MPI_LONG, allocate_win);
	linger();
	MPI_Win_complete(allocate_win);
	if (step % 2)
		MPI_Win_wait(allocate_win);
	while (!(step % 2) && !over)
		MPI_Win_test(allocate_win, &over);
	check(allocated[0] == value(left, 7), "MPI_Put between start and post");
	check(got == value(right, 1), "MPI_Get between start and post");
	note(allocated[0]);
}

/* --- locks: a counter that only they guard --------------------------------------- */

static void locks_step(void)
{
	long seen = -1, mine;
	int target = (int)(step % size);

	MPI_Win_lock(MPI_LOCK_EXCLUSIVE, target, 0, allocate_win);
	MPI_Get(&seen, 1, MPI_LONG, target, 10, 1, MPI_LONG, allocate_win);
	MPI_Win_flush(target, allocate_win);
	linger();
	mine = seen + 1;
	MPI_Put(&mine, 1, MPI_LONG, target, 10, 1, MPI_LONG, allocate_win);
	MPI_Win_unlock(target, allocate_win);

	MPI_Barrier(MPI_COMM_WORLD);
	MPI_Win_lock(MPI_LOCK_SHARED, target, 0, allocate_win);
	MPI_Get(&seen, 1, MPI_LONG, target, 10, 1, MPI_LONG, allocate_win);
	MPI_Win_flush_local(target, allocate_win);
	linger();
	MPI_Win_unlock(target, allocate_win);
	check(seen == (step / size + 1) * size, "a lock guards nothing");
	MPI_Win_lock_all(0, allocate_win);
	MPI_Win_flush_all(allocate_win);
	MPI_Win_unlock_all(allocate_win);
	note(seen);
}

/* --- a dynamic window in one epoch for good: atomics and requests ----------------- */

static long *attached;
static MPI_Aint *where;
static MPI_Win dynamic_win;

static void dynamic_begin(void)
{
	MPI_Aint here;

	attached = calloc(CELLS, sizeof(long));
	where = calloc((size_t)size, sizeof(*where));
	MPI_Win_create_dynamic(MPI_INFO_NULL, MPI_COMM_WORLD, &dynamic_win);
	MPI_Win_attach(dynamic_win, attached, CELLS * sizeof(long));
	MPI_Get_address(attached, &here);
	MPI_Allgather(&here, 1, MPI_AINT, where, 1, MPI_AINT, MPI_COMM_WORLD);
	MPI_Win_lock_all(MPI_MODE_NOCHECK, dynamic_win);
}

static MPI_Aint cell(int of, int n)
{
	return MPI_Aint_add(where[of], n * (MPI_Aint)sizeof(long));
}

static void atomics(int target)
{
	long one = 1, got = -1, old = -1, expected = step / size;

	MPI_Fetch_and_op(&one, &got, MPI_LONG, target, cell(target, 0),
			 MPI_SUM, dynamic_win);
	linger();
	MPI_Win_flush(target, dynamic_win);
	check(got >= step / size * size && got < (step / size + 1) * size,
	      "MPI_Fetch_and_op");
	/* Exactly one rank changes it, and then all see that. */
	one = expected + 1;
	MPI_Compare_and_swap(&one, &expected, &old, MPI_LONG, target,
			     cell(target, 1), dynamic_win);
	MPI_Win_flush(target, dynamic_win);
	check(old == expected || old == expected + 1, "MPI_Compare_and_swap");
}

static void requests(void)
{
	long from = value(rank, 3), back = -1, sum = rank + 1, before = -1;
	MPI_Request request[2];

	MPI_Rput(&from, 1, MPI_LONG, right, cell(right, 2 + rank), 1, MPI_LONG,
		 dynamic_win, &request[0]);
	MPI_Raccumulate(&sum, 1, MPI_LONG, right, cell(right, 20), 1, MPI_LONG,
			MPI_SUM, dynamic_win, &request[1]);
	linger();
	MPI_Waitall(2, request, MPI_STATUSES_IGNORE);
	MPI_Win_flush(right, dynamic_win);
	MPI_Rget(&back, 1, MPI_LONG, right, cell(right, 2 + rank), 1, MPI_LONG,
		 dynamic_win, &request[0]);
	MPI_Rget_accumulate(&sum, 1, MPI_LONG, &before, 1, MPI_LONG, right,
			    cell(right, 20), 1, MPI_LONG, MPI_NO_OP,
			    dynamic_win, &request[1]);
	linger();
	MPI_Waitall(2, request, MPI_STATUSES_IGNORE);
	check(back == from, "MPI_Rput and MPI_Rget");
	check(before == (step + 1) * (rank + 1), "MPI_Raccumulate");
	note(before);
}

static void dynamic_step(void)
{
	atomics((int)(step % size));
	requests();
}

/* --- shared memory: stores and loads ----------------------------------------------- */

static long *shared;
static MPI_Win shared_win;

static void shared_begin(void)
{
	MPI_Win_allocate_shared((rank == 1 ? 0 : CELLS) * sizeof(long),
				sizeof(long), MPI_INFO_NULL, MPI_COMM_WORLD,
				&shared, &shared_win);
	MPI_Win_lock_all(0, shared_win);
}

static long *shared_of(int of)
{
	MPI_Aint len;
	int unit;
	long *at;

	MPI_Win_shared_query(shared_win, of, &len, &unit, &at);
	check(len == (of == 1 ? 0 : CELLS) * (MPI_Aint)sizeof(long) &&
		      unit == sizeof(long),
	      "MPI_Win_shared_query");
	return at;
}

static void shared_end(void)
{
	MPI_Win_unlock_all(shared_win);
	MPI_Win_free(&shared_win);
}

static void shared_step(void)
{
	int writer = rank == 1 ? 0 : rank;

	check(shared_of(rank) == shared || rank == 1, "an address has changed");
	if (rank != 1)
		shared[3] = value(rank, 3);
	MPI_Win_sync(shared_win);
	MPI_Barrier(MPI_COMM_WORLD);
	MPI_Win_sync(shared_win);
	linger();
	for (int of = 0; of < size; of++)
		check(of == 1 || shared_of(of)[3] == value(of, 3),
		      "a load from shared memory");
	note(shared_of(writer)[3]);
	MPI_Barrier(MPI_COMM_WORLD);
}

/* --- small things ------------------------------------------------------------------ */

static long alone[4];
static MPI_Win self_win, empty_win;

static int keyval, raised;

static void on_error(MPI_Win *win, int *code, ...)
{
	int class;

	MPI_Error_class(*code, &class);
	raised += *win == self_win && class == MPI_ERR_RMA_SYNC;
}

static void small_begin(void)
{
	MPI_Errhandler handler;
	MPI_Info info;

	MPI_Info_create(&info);
	MPI_Info_set(info, "accumulate_ordering", "none");
	MPI_Win_create(alone, sizeof(alone), 4, info, MPI_COMM_SELF, &self_win);
	MPI_Info_free(&info);
	MPI_Win_create(NULL, 0, 1, MPI_INFO_NULL, MPI_COMM_WORLD, &empty_win);
	MPI_Win_create_errhandler(on_error, &handler);
	MPI_Win_set_errhandler(self_win, handler);
	MPI_Errhandler_free(&handler);
	MPI_Win_set_name(self_win, "a window of one's own");
	MPI_Win_create_keyval(MPI_WIN_NULL_COPY_FN, MPI_WIN_NULL_DELETE_FN,
			      &keyval, NULL);
	MPI_Win_set_attr(self_win, keyval, &keyval);
}

static void hints_check(void)
{
	char text[MPI_MAX_INFO_VAL + 1] = "";
	MPI_Info info;
	int flag;

	MPI_Win_get_info(self_win, &info);
	MPI_Info_get(info, "accumulate_ordering", MPI_MAX_INFO_VAL, text,
		     &flag);
	MPI_Info_free(&info);
	check(flag && !strcmp(text, "none"), "the hints of a window");
}

static void attributes_check(void)
{
	char name[MPI_MAX_OBJECT_NAME];
	int flag, len, *flavor;
	MPI_Aint *bytes;
	void *p;

	MPI_Win_get_name(self_win, name, &len);
	check(!strcmp(name, "a window of one's own"), "a window's name");
	MPI_Win_get_attr(self_win, keyval, &p, &flag);
	check(flag && p == &keyval, "a window's attribute");
	MPI_Win_get_attr(allocate_win, MPI_WIN_BASE, &p, &flag);
	check(flag && p == allocated, "MPI_WIN_BASE");
	MPI_Win_get_attr(allocate_win, MPI_WIN_SIZE, &bytes, &flag);
	check(flag && *bytes == CELLS * sizeof(long), "MPI_WIN_SIZE");
	MPI_Win_get_attr(dynamic_win, MPI_WIN_CREATE_FLAVOR, &flavor, &flag);
	check(flag && *flavor == MPI_WIN_FLAVOR_DYNAMIC,
	      "MPI_WIN_CREATE_FLAVOR");
}

static void small_step(void)
{
	long from = value(rank, 9), *exposed;
	MPI_Win passing;

	attributes_check();
	hints_check();
	raised = 0;
	MPI_Put(&from, 1, MPI_LONG, 0, 0, 1, MPI_LONG, self_win);
	check(raised == 1, "an operation outside of an epoch");
	MPI_Win_lock(MPI_LOCK_EXCLUSIVE, 0, 0, self_win);
	MPI_Put(&from, 1, MPI_LONG, 0, 2, 1, MPI_LONG, self_win);
	MPI_Win_unlock(0, self_win);
	check(alone[1] == from, "a window on MPI_COMM_SELF");
	MPI_Win_fence(0, empty_win);
	MPI_Win_fence(MPI_MODE_NOSUCCEED, empty_win);
	/* one that lives for a moment */
	MPI_Win_allocate(CELLS * sizeof(*exposed), 1, MPI_INFO_NULL, MPI_COMM_WORLD,
			 &exposed, &passing);
	MPI_Win_fence(0, passing);
	MPI_Put(&from, 1, MPI_LONG, right, 0, 1, MPI_LONG, passing);
	linger();
	MPI_Win_fence(MPI_MODE_NOSUCCEED, passing);
	check(*exposed == value(left, 9), "a window that lives for a moment");
	MPI_Win_free(&passing);
}

static void all_end(void)
{
	MPI_Win_unlock_all(dynamic_win);
	MPI_Win_detach(dynamic_win, attached);
	MPI_Group_free(&to_left);
	MPI_Group_free(&to_right);
	MPI_Type_free(&odd);
	MPI_Win_free(&create_win);
	MPI_Win_free(&allocate_win);
	MPI_Win_free(&dynamic_win);
	MPI_Win_free(&self_win);
	MPI_Win_free(&empty_win);
	MPI_Win_free_keyval(&keyval);
	free(attached);
	free(where);
}

int main(int argc, char **argv)
{
	uint64_t all = 0;
	long steps;

	MPI_Init(&argc, &argv);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	MPI_Comm_size(MPI_COMM_WORLD, &size);
	steps = argc > 1 ? atol(argv[1]) : 10;
	pause_us = argc > 2 ? (useconds_t)atol(argv[2]) : 0;
	apart = argc > 3 && !strcmp(argv[3], "apart");
	left = (rank + size - 1) % size;
	right = (rank + 1) % size;
	create_begin();
	allocate_begin();
	for (int i = 0; i < CELLS; i++)
		allocated[i] = 0;
	MPI_Barrier(MPI_COMM_WORLD);
	dynamic_begin();
	if (!apart)
		shared_begin();
	small_begin();
	for (step = 0; step < steps; step++) {
		create_step();
		allocate_step();
		locks_step();
		dynamic_step();
		if (!apart)
			shared_step();
		small_step();
		if (!rank) {
			printf("step %ld\n", step);
			fflush(stdout);
		}
	}
	MPI_Barrier(MPI_COMM_WORLD);
	note(attached[0]);
	note(attached[1]);
	if (!apart)
		shared_end();
	all_end();
	MPI_Reduce(&digest, &all, 1, MPI_UINT64_T, MPI_BXOR, 0, MPI_COMM_WORLD);
	if (!rank)
		printf("answer %016llx\n", (unsigned long long)all);
	MPI_Finalize();
	return 0;
}
