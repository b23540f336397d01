/* SPDX-License-Identifier: BSD-3-Clause */
/* memory.c - MPI_Alloc_mem: in the upper half, so that it is in the image */
#include "mpi_wrappers/api.h"

int PMPI_Alloc_mem(MPI_Aint size, MPI_Info info, void *baseptr)
{
	struct thread_ctx *ctx = ctx_enter();
	int ret = MPI_SUCCESS;
	void *memory;

	(void)info; /* hints only; every alignment that MPI asks for is met */
	real_start();
	if (size < 0 || !baseptr) {
		ret = MPI_ERR_ARG;
	} else if (size == 0) {
		*(void **)baseptr = NULL;
	} else {
		memory = upper_alloc((size_t)size);
		if (memory)
			*(void **)baseptr = memory;
		else
			ret = MPI_ERR_NO_MEM;
	}
	ret = error_world(ret, FN_MPI_Alloc_mem);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Alloc_mem);

int PMPI_Free_mem(void *base)
{
	struct thread_ctx *ctx = ctx_enter();

	upper_free(base);
	ctx_leave(ctx);
	return MPI_SUCCESS;
}
API_ALIAS(MPI_Free_mem);
