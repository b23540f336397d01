# The lower half with real MPI libraries, without the rest of Cairn.
check_PROGRAMS += tests/system/lower/rank
tests_system_lower_rank_SOURCES = tests/system/lower/rank.c
tests_system_lower_rank_CPPFLAGS = $(AM_CPPFLAGS) $(MPI_CPPFLAGS)
tests_system_lower_rank_LDADD = runtime/liblower.a runtime/libbase.a
# Something that looks like Open MPI.
check_PROGRAMS += tests/system/lower/openmpi.so
tests_system_lower_openmpi_so_SOURCES = tests/system/lower/openmpi.c
tests_system_lower_openmpi_so_LDFLAGS = -shared
SYSTEM_TESTS += tests/system/0100-lower.t
