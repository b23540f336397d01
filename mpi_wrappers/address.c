/* SPDX-License-Identifier: BSD-3-Clause */
/* address.c - addresses, and MPI_Pcontrol: nothing that needs the real library
 */
#include "mpi_wrappers/api.h"

static int address(const void *location, MPI_Aint *where, int function)
{
	struct thread_ctx *ctx;
	int ret;

	if (where) {
		*where = (MPI_Aint)location;
		return MPI_SUCCESS;
	}
	ctx = ctx_enter();
	ret = error_world(MPI_ERR_ARG, function);
	ctx_leave(ctx);
	return ret;
}

int PMPI_Get_address(const void *location, MPI_Aint *where)
{
	return address(location, where, FN_MPI_Get_address);
}
API_ALIAS(MPI_Get_address);

int PMPI_Address(void *location, MPI_Aint *where)
{
	return address(location, where, FN_MPI_Address);
}
API_ALIAS(MPI_Address);

/* Unsigned: addresses wrap, integers must not. */
MPI_Aint PMPI_Aint_add(MPI_Aint base, MPI_Aint disp)
{
	return (MPI_Aint)((uintptr_t)base + (uintptr_t)disp);
}
API_ALIAS(MPI_Aint_add);

MPI_Aint PMPI_Aint_diff(MPI_Aint addr1, MPI_Aint addr2)
{
	return (MPI_Aint)((uintptr_t)addr1 - (uintptr_t)addr2);
}
API_ALIAS(MPI_Aint_diff);

/* For tools that put themselves before it; the library does nothing. */
int PMPI_Pcontrol(const int level, ...)
{
	(void)level;
	return MPI_SUCCESS;
}
API_ALIAS(MPI_Pcontrol);
