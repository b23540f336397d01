# unit tests of mpi_wrappers
check_PROGRAMS += tests/unit/mpi/test_handles
TESTS += tests/unit/mpi/test_handles
tests_unit_mpi_test_handles_SOURCES = tests/unit/mpi/test_handles.c
tests_unit_mpi_test_handles_CPPFLAGS = $(AM_CPPFLAGS) $(MPI_CPPFLAGS)
tests_unit_mpi_test_handles_CFLAGS = $(UNIT_CFLAGS)
tests_unit_mpi_test_handles_LDADD = mpi_wrappers/libmpiwrap.a $(UNIT_LDADD)

check_PROGRAMS += tests/unit/mpi/test_match
TESTS += tests/unit/mpi/test_match
tests_unit_mpi_test_match_SOURCES = tests/unit/mpi/test_match.c
tests_unit_mpi_test_match_CPPFLAGS = $(AM_CPPFLAGS) $(MPI_CPPFLAGS)
tests_unit_mpi_test_match_CFLAGS = $(UNIT_CFLAGS)
tests_unit_mpi_test_match_LDADD = mpi_wrappers/libmpiwrap.a $(UNIT_LDADD)
