/* SPDX-License-Identifier: BSD-3-Clause */
/* sessions.c - sessions and what comes of them */
#include "kept.h"

#include <string.h>

static MPI_Session session;
static MPI_Group everybody, mine, others;
static MPI_Comm whole, part, between, alone;
static MPI_Errhandler handler;
static int heard;

static void on_error(MPI_Session *which, int *code, ...)
{
	CHECK(*which == session && *code != MPI_SUCCESS);
	heard++;
}

/* The ranks up to the middle, and those behind it. */
static void halves(MPI_Group *lower, MPI_Group *upper)
{
	int low[1][3] = { { 0, (size - 1) / 2, 1 } };

	MPI_Group_range_incl(everybody, 1, low, lower);
	MPI_Group_difference(everybody, *lower, upper);
}

void sessions_make(void)
{
	MPI_Group lower, upper, self;
	int is_low = rank <= (size - 1) / 2;

	heard = 0;
	CHECK(MPI_Session_create_errhandler(on_error, &handler) ==
	      MPI_SUCCESS);
	CHECK(MPI_Session_init(MPI_INFO_NULL, MPI_ERRORS_RETURN, &session) ==
	      MPI_SUCCESS);
	CHECK(MPI_Session_set_errhandler(session, handler) == MPI_SUCCESS);
	MPI_Group_from_session_pset(session, "mpi://WORLD", &everybody);
	MPI_Comm_create_from_group(everybody, "org.example.whole",
				   MPI_INFO_NULL, MPI_ERRORS_RETURN, &whole);
	halves(&lower, &upper);
	mine = is_low ? lower : upper;
	others = is_low ? upper : lower;
	MPI_Comm_create_from_group(mine, "org.example.part", MPI_INFO_NULL,
				   MPI_ERRORS_RETURN, &part);
	MPI_Intercomm_create_from_groups(mine, 0, others, 0,
					 "org.example.between", MPI_INFO_NULL,
					 MPI_ERRORS_RETURN, &between);
	MPI_Group_from_session_pset(session, "mpi://self", &self);
	MPI_Comm_create_from_group(self, "org.example.self", MPI_INFO_NULL,
				   MPI_ERRORS_RETURN, &alone);
	MPI_Group_free(&self);
}

static void check_info(void)
{
	char text[MPI_MAX_INFO_VAL + 1] = "", name[64] = "";
	int n = 0, len = 0, flag = 0;
	MPI_Info info;

	MPI_Session_get_num_psets(session, MPI_INFO_NULL, &n);
	CHECK(n == 2);
	MPI_Session_get_nth_pset(session, MPI_INFO_NULL, 1, &len, NULL);
	MPI_Session_get_nth_pset(session, MPI_INFO_NULL, 1, &len, name);
	CHECK(!strcmp(name, "mpi://SELF") && len == 11);
	MPI_Session_get_info(session, &info);
	MPI_Info_get(info, "thread_level", MPI_MAX_INFO_VAL, text, &flag);
	CHECK(flag && !strcmp(text, "MPI_THREAD_MULTIPLE"));
	MPI_Info_free(&info);
	MPI_Session_call_errhandler(session, MPI_ERR_ARG);
	CHECK(heard == 1);
}

void sessions_check(void)
{
	int sum = 0, n = 0, ranks = -1, one = rank + 1, got = 0;

	check_info();
	MPI_Allreduce(&one, &sum, 1, MPI_INT, MPI_SUM, whole);
	CHECK(sum == size * (size + 1) / 2);
	MPI_Comm_size(part, &n);
	MPI_Group_size(mine, &ranks);
	CHECK(n == ranks);
	MPI_Allreduce(&(int){ 1 }, &sum, 1, MPI_INT, MPI_SUM, part);
	CHECK(sum == n);
	MPI_Comm_remote_size(between, &n);
	MPI_Group_size(others, &ranks);
	CHECK(n == ranks);
	MPI_Allreduce(&(int){ 1 }, &sum, 1, MPI_INT, MPI_SUM, between);
	CHECK(sum == n);
	MPI_Comm_size(alone, &n);
	CHECK(n == 1);
	MPI_Sendrecv(&one, 1, MPI_INT, 0, 3, &got, 1, MPI_INT, 0, 3, alone,
		     MPI_STATUS_IGNORE);
	CHECK(got == one);
	MPI_Comm_free(&whole);
	MPI_Comm_free(&part);
	MPI_Comm_free(&between);
	MPI_Comm_free(&alone);
	MPI_Group_free(&everybody);
	MPI_Group_free(&mine);
	MPI_Group_free(&others);
	MPI_Errhandler_free(&handler);
	CHECK(MPI_Session_finalize(&session) == MPI_SUCCESS);
	CHECK(session == MPI_SESSION_NULL);
}

/* --- in place of MPI_Init
 * -------------------------------------------------------
 */

static MPI_Session life;
static MPI_Comm world;

MPI_Comm sessions_begin(void)
{
	MPI_Group group;

	MPI_Session_init(MPI_INFO_NULL, MPI_ERRORS_RETURN, &life);
	MPI_Group_from_session_pset(life, "mpi://WORLD", &group);
	MPI_Comm_create_from_group(group, "org.example.life", MPI_INFO_NULL,
				   MPI_ERRORS_RETURN, &world);
	MPI_Group_free(&group);
	return world;
}

void sessions_end(void)
{
	MPI_Comm_free(&world);
	MPI_Session_finalize(&life);
}
