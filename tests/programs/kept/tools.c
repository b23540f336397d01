/* SPDX-License-Identifier: BSD-3-Clause */
/* tools.c - handles of MPI_T */
#include "kept.h"

#define READ_NAME  "MPIR_CVAR_POLLS_BEFORE_YIELD"
#define WRITE_NAME "MPIR_CVAR_BCAST_SHORT_MSG_SIZE"

static MPI_T_cvar_handle reads, writes;
static MPI_T_pvar_session session;
static int first, turn;

static MPI_T_cvar_handle open_variable(const char *name)
{
	MPI_T_cvar_handle handle = MPI_T_CVAR_HANDLE_NULL;
	int index = -1, count = 0;

	CHECK(MPI_T_cvar_get_index(name, &index) == MPI_SUCCESS);
	CHECK(MPI_T_cvar_handle_alloc(index, NULL, &handle, &count) ==
	      MPI_SUCCESS);
	CHECK(count == 1);
	return handle;
}

void tools_make(void)
{
	int provided, value = 4000 + ++turn;

	/* Once: MPICH forgets all variables with the last MPI_T_finalize. */
	if (turn == 1)
		MPI_T_init_thread(MPI_THREAD_SINGLE, &provided);
	reads = open_variable(READ_NAME);
	writes = open_variable(WRITE_NAME);
	CHECK(MPI_T_cvar_read(reads, &first) == MPI_SUCCESS);
	CHECK(MPI_T_cvar_write(writes, &value) == MPI_SUCCESS);
	CHECK(MPI_T_pvar_session_create(&session) == MPI_SUCCESS);
}

void tools_check(void)
{
	MPI_T_cvar_handle freed = writes;
	int value = -1, number = -1;

	CHECK(MPI_T_pvar_get_num(&number) == MPI_SUCCESS && number >= 0);
	CHECK(MPI_T_cvar_read(reads, &value) == MPI_SUCCESS && value == first);
	CHECK(MPI_T_cvar_read(writes, &value) == MPI_SUCCESS);
	CHECK(value == 4000 + turn);
	CHECK(MPI_T_cvar_handle_free(&freed) == MPI_SUCCESS);
	CHECK(freed == MPI_T_CVAR_HANDLE_NULL);
	/* The value is the variable's, not the handle's. */
	writes = open_variable(WRITE_NAME);
	CHECK(MPI_T_cvar_read(writes, &value) == MPI_SUCCESS);
	CHECK(value == 4000 + turn);
	MPI_T_cvar_handle_free(&writes);
	MPI_T_cvar_handle_free(&reads);
	CHECK(MPI_T_pvar_session_free(&session) == MPI_SUCCESS);
	CHECK(session == MPI_T_PVAR_SESSION_NULL);
}
