/* SPDX-License-Identifier: BSD-3-Clause */
/* objects.c - what is common to all kinds of objects */
#include "mpi_wrappers/objects.h"

#include "mpi_wrappers/win.h"

void objects_init(void)
{
	handle_set_destroy(V_COMM, comm_destroy);
	handle_set_destroy(V_GROUP, group_destroy);
	handle_set_destroy(V_TYPE, type_destroy);
	handle_set_destroy(V_OP, op_destroy);
	handle_set_destroy(V_INFO, info_destroy);
	handle_set_destroy(V_ERRHANDLER, errhandler_destroy);
	handle_set_destroy(V_FILE, file_destroy);
	handle_set_destroy(V_WIN, win_destroy);
}
