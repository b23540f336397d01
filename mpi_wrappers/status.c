/* SPDX-License-Identifier: BSD-3-Clause */
/* status.c - what a status says; its content is the real library's own */
#include <string.h>

#include "mpi_wrappers/api.h"

#define QUERY(name, count_t)                                          \
	int PMPI_##name(const MPI_Status *status, MPI_Datatype type,  \
			count_t *count)                               \
	{                                                             \
		struct thread_ctx *ctx = ctx_enter();                 \
		int ret = REAL(name, status, real_type(type), count); \
                                                                      \
		if (__builtin_expect(ret != MPI_SUCCESS, 0))          \
			ret = error_world(ret, FN_MPI_##name);        \
		ctx_leave(ctx);                                       \
		return ret;                                           \
	}                                                             \
	API_ALIAS(MPI_##name)

QUERY(Get_count, int);
QUERY(Get_count_c, MPI_Count);
QUERY(Get_elements, int);
QUERY(Get_elements_x, MPI_Count);
QUERY(Get_elements_c, MPI_Count);

#define SET(name, count_t)                                                    \
	int PMPI_##name(MPI_Status *status, MPI_Datatype type, count_t count) \
	{                                                                     \
		struct thread_ctx *ctx = ctx_enter();                         \
		int ret = REAL(name, status, real_type(type), count);         \
                                                                              \
		if (__builtin_expect(ret != MPI_SUCCESS, 0))                  \
			ret = error_world(ret, FN_MPI_##name);                \
		ctx_leave(ctx);                                               \
		return ret;                                                   \
	}                                                                     \
	API_ALIAS(MPI_##name)

SET(Status_set_elements, int);
SET(Status_set_elements_x, MPI_Count);

/* clang-format off */
#define PLAIN(name, a_t, b_t)                                                 \
	int PMPI_##name(a_t a, b_t b)                                         \
	{                                                                     \
		struct thread_ctx *ctx = ctx_enter();                         \
		int ret = REAL(name, a, b);                                   \
                                                                              \
		if (__builtin_expect(ret != MPI_SUCCESS, 0))                  \
			ret = error_world(ret, FN_MPI_##name);                \
		ctx_leave(ctx);                                               \
		return ret;                                                   \
	}                                                                     \
	API_ALIAS(MPI_##name)
/* clang-format on */

PLAIN(Status_set_cancelled, MPI_Status *, int);
PLAIN(Test_cancelled, const MPI_Status *, int *);

/* A Fortran status is the same words. */
int PMPI_Status_c2f(const MPI_Status *c_status, MPI_Fint *f_status)
{
	if (c_status == MPI_STATUS_IGNORE || c_status == MPI_STATUSES_IGNORE)
		return error_world(MPI_ERR_OTHER, FN_MPI_Status_c2f);
	memcpy(f_status, c_status, sizeof(*c_status));
	return MPI_SUCCESS;
}
API_ALIAS(MPI_Status_c2f);

int PMPI_Status_f2c(const MPI_Fint *f_status, MPI_Status *c_status)
{
	if (f_status == MPI_F_STATUS_IGNORE)
		return error_world(MPI_ERR_OTHER, FN_MPI_Status_f2c);
	memcpy(c_status, f_status, sizeof(*c_status));
	return MPI_SUCCESS;
}
API_ALIAS(MPI_Status_f2c);
