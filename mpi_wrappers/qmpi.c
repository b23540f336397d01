/* SPDX-License-Identifier: BSD-3-Clause */
/* qmpi.c - QMPI, the interface for several tools at once: not supported */
#include "mpi_wrappers/api.h"

/*
 * MPICH has QMPI only where it was configured with --enable-qmpi; in all other
 * builds, Debian's among them, these functions are there and answer as ours do.
 * Tools look at the answer (MPICH's mpi_t/qmpi_test does).  They never pass to
 * a library that has QMPI: its tools' functions would lie in the upper half and
 * be called with real handles from inside the lower one.
 */
int QMPI_Register_tool_name(const char *tool_name,
			    void (*init_function_ptr)(int tool_id))
{
	(void)tool_name;
	(void)init_function_ptr;
	return MPI_ERR_UNSUPPORTED_OPERATION;
}

int QMPI_Register_tool_storage(int tool_id, void *tool_storage)
{
	(void)tool_id;
	(void)tool_storage;
	return MPI_ERR_UNSUPPORTED_OPERATION;
}

int QMPI_Register_function(int calling_tool_id,
			   enum QMPI_Functions_enum function_enum,
			   void (*function_ptr)(void))
{
	(void)calling_tool_id;
	(void)function_enum;
	(void)function_ptr;
	return MPI_ERR_UNSUPPORTED_OPERATION;
}

int QMPI_Get_function(int calling_tool_id,
		      enum QMPI_Functions_enum function_enum,
		      void (**function_ptr)(void), int *next_tool_id)
{
	(void)calling_tool_id;
	(void)function_enum;
	(void)function_ptr;
	(void)next_tool_id;
	return MPI_ERR_UNSUPPORTED_OPERATION;
}

int QMPI_Get_tool_storage(QMPI_Context context, int tool_id, void **storage)
{
	(void)context;
	(void)tool_id;
	(void)storage;
	return MPI_ERR_UNSUPPORTED_OPERATION;
}

int QMPI_Get_calling_address(QMPI_Context context, void **address)
{
	(void)context;
	(void)address;
	return MPI_ERR_UNSUPPORTED_OPERATION;
}
