/* SPDX-License-Identifier: BSD-3-Clause */
/* threads.c - does the program call MPI from several threads at once? */
#include "mpi_wrappers/request.h"

bool request_threaded; /* of its own, so that match.c links without requests */

void request_init(bool threaded)
{
	request_threaded = threaded;
}
