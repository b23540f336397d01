# The lower half with real MPI libraries, without the rest of Cairn.
check_PROGRAMS += tests/system/lower/rank
tests_system_lower_rank_SOURCES = tests/system/lower/rank.c
tests_system_lower_rank_CPPFLAGS = $(AM_CPPFLAGS) $(MPI_CPPFLAGS)
tests_system_lower_rank_LDADD = runtime/liblower.a runtime/libbase.a
# Something that looks like Open MPI.
check_PROGRAMS += tests/system/lower/openmpi.so
tests_system_lower_openmpi_so_SOURCES = tests/system/lower/openmpi.c
tests_system_lower_openmpi_so_LDFLAGS = -shared
# MPI, behind a library of an old linker's layout.
check_DATA += tests/system/lower/oldlayout.so
tests/system/lower/oldlayout.so: tests/system/lower/oldlayout.c
	$(AM_V_CC)$(MKDIR_P) $(@D) && $(MPICC) -shared -fPIC -o $@ $< \
		-Wl,-z,noseparate-code -Wl,-z,max-page-size=2097152 \
		-Wl,--no-as-needed
EXTRA_DIST += tests/system/lower/oldlayout.c
CLEANFILES += tests/system/lower/oldlayout.so
# Something that the runtime cannot look through.
check_PROGRAMS += tests/system/lower/foreign.so
tests_system_lower_foreign_so_SOURCES = tests/system/lower/foreign.c
tests_system_lower_foreign_so_LDFLAGS = -shared
SYSTEM_TESTS += tests/system/0100-lower.t
