/* SPDX-License-Identifier: BSD-3-Clause */
/* opaque.c - objects that cannot be restored yet: counted, to be named */
#include "mpi_wrappers/api.h"

#include <errno.h>
#include <string.h>

/* By the function that made them.  File-scope: belongs to the process. */
static _Atomic int live[FN_COUNT];

/* What a person calls them, by the beginning of the function's name; and how
 * to get rid of them. */
static const struct {
	const char *prefix, *what, *remedy;
} names[] = {
	{ "MPI_File_open", "a file", "MPI_File_close" },
	{ "MPI_T_", "a handle of the tools interface", "it is freed" },
	{ "MPIX_Comm_revoke", "a revoked communicator", "MPI_Comm_free" },
	{ "MPIX_Comm_shrink", "a shrunk communicator", "MPI_Comm_free" },
	{ "MPI_", "a communicator with processes beyond MPI_COMM_WORLD",
	  "MPI_Comm_disconnect" },
};

void opaque_opened(int function)
{
	atomic_fetch_add(&live[function], 1);
}

void opaque_closed(int function)
{
	atomic_fetch_sub(&live[function], 1);
}

static int refuse(int function, struct err *err)
{
	size_t i = 0;
	int rank = comm_world ? comm_world->rank : 0;

	while (strncmp(api_names[function], names[i].prefix,
		       strlen(names[i].prefix)))
		i++;
	if (!names[i].remedy)
		return err_set(err, -EBUSY,
			       "rank %d has %s (%s), which cannot be restored "
			       "yet",
			       rank, names[i].what, api_names[function]);
	return err_set(err, -EBUSY,
		       "rank %d has %s open (%s), which cannot be restored "
		       "yet; checkpoints work again after %s",
		       rank, names[i].what, api_names[function],
		       names[i].remedy);
}

int opaque_check(struct err *err)
{
	for (int i = 0; i < FN_COUNT; i++)
		if (atomic_load(&live[i]) > 0)
			return refuse(i, err);
	return 0;
}
