/* SPDX-License-Identifier: BSD-3-Clause */
/* data.c - the variables that MPICH's library exports: ours, with ours
 * addresses */
#include <mpi.h>

/* Programs compare with their values; wrappers translate them (real_weights,
 * real_pvar). */
static int unweighted, weights_empty;
int *const MPI_UNWEIGHTED = &unweighted;
int *const MPI_WEIGHTS_EMPTY = &weights_empty;

static long all_handles;
struct MPIR_T_pvar_handle_s *const
	MPI_T_PVAR_ALL_HANDLES = (struct MPIR_T_pvar_handle_s *)&all_handles;

/* Set by the Fortran library when it starts. */
MPI_Fint *MPI_F_STATUS_IGNORE;
MPI_Fint *MPI_F_STATUSES_IGNORE;

MPI_F08_status MPIR_F08_MPI_STATUS_IGNORE_OBJ;
MPI_F08_status MPIR_F08_MPI_STATUSES_IGNORE_OBJ[1];
int MPIR_F08_MPI_IN_PLACE;
int MPIR_F08_MPI_BOTTOM;
MPI_F08_status *MPI_F08_STATUS_IGNORE = &MPIR_F08_MPI_STATUS_IGNORE_OBJ;
MPI_F08_status *MPI_F08_STATUSES_IGNORE = &MPIR_F08_MPI_STATUSES_IGNORE_OBJ[0];

/* What Fortran 2008 passes for its own MPI_UNWEIGHTED and MPI_WEIGHTS_EMPTY.  The
 * Fortran library has these, too, and may be found first: so they are set by
 * name, and not only here. */
extern int *MPIR_C_MPI_UNWEIGHTED MPICH_API_PUBLIC;
extern int *MPIR_C_MPI_WEIGHTS_EMPTY MPICH_API_PUBLIC;
int *MPIR_C_MPI_UNWEIGHTED;
int *MPIR_C_MPI_WEIGHTS_EMPTY;

__attribute__((constructor)) static void data_load(void)
{
	MPIR_C_MPI_UNWEIGHTED = MPI_UNWEIGHTED;
	MPIR_C_MPI_WEIGHTS_EMPTY = MPI_WEIGHTS_EMPTY;
}

/* What the library says of how it was built; the real one answers
 * MPI_Get_library_version. */
/* clang-format off */
#define VERSION_TEXT(name, text)				\
	extern const char MPII_Version_##name[] MPICH_API_PUBLIC;	\
	const char MPII_Version_##name[] = text
VERSION_TEXT(string, MPICH_VERSION);
VERSION_TEXT(date, "");
VERSION_TEXT(configure, "");
VERSION_TEXT(device, "cairn");
VERSION_TEXT(CC, "");
VERSION_TEXT(CXX, "");
VERSION_TEXT(F77, "");
VERSION_TEXT(FC, "");
VERSION_TEXT(custom, "");
VERSION_TEXT(ABI, "");
/* clang-format on */
