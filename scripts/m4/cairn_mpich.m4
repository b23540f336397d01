# CAIRN_MPICH
# Finds an MPICH-ABI mpi.h and compilers for the test programs.  Cairn never
# links to MPICH: it only reads its header (constants of the MPICH ABI).
AC_DEFUN([CAIRN_MPICH], [
	AC_ARG_VAR([MPICC], [MPICH's C compiler wrapper])
	AC_PATH_PROGS([MPICC], [mpicc.mpich mpicc])
	AC_PATH_PROGS([MPIEXEC], [mpiexec.mpich mpiexec.hydra mpiexec])
	AC_PATH_PROGS([MPIF90], [mpif90.mpich mpif90])
	AC_PATH_PROGS([MPICXX], [mpicxx.mpich mpicxx])
	# The wrappers may be there without the compilers behind them.
	AM_CONDITIONAL([HAVE_MPIF90],
		[test -n "$MPIF90" && "$MPIF90" --version >/dev/null 2>&1])
	AM_CONDITIONAL([HAVE_MPICXX],
		[test -n "$MPICXX" && "$MPICXX" --version >/dev/null 2>&1])
	# A library over MPI-IO, for a test.
	PKG_CHECK_MODULES([HDF5], [hdf5-mpich], [have_hdf5=yes], [have_hdf5=no])
	AM_CONDITIONAL([HAVE_HDF5], [test $have_hdf5 = yes])
	AS_IF([test -z "$MPICC"],
		[AC_MSG_ERROR([no MPICH compiler wrapper; on Debian: apt-get install libmpich-dev mpich, or set MPICC])])
	AC_MSG_CHECKING([for the folder of MPICH's mpi.h])
	MPI_CPPFLAGS=
	for flag in `$MPICC -show -c`; do
		AS_CASE([$flag], [-I*], [MPI_CPPFLAGS="$MPI_CPPFLAGS $flag"])
	done
	AC_MSG_RESULT([$MPI_CPPFLAGS])
	saved_CPPFLAGS=$CPPFLAGS
	CPPFLAGS="$CPPFLAGS $MPI_CPPFLAGS"
	AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[#include <mpi.h>
#ifndef MPICH_NUMVERSION
#error not an MPICH
#endif]])], [],
		[AC_MSG_ERROR([the mpi.h of $MPICC is not MPICH's; set MPICC to an MPICH wrapper])])
	CPPFLAGS=$saved_CPPFLAGS
	AC_SUBST([MPI_CPPFLAGS])
])
