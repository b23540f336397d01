# tests: unit/ and system/ print TAP (one line a check), so that one driver and
# one summary serve both.  Programs and *.t are TAP; *.sh count by exit code.
TEST_EXTENSIONS = .t .sh
TAP_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) \
	$(top_srcdir)/scripts/build-aux/tap-driver.sh
LOG_DRIVER = $(TAP_DRIVER)
T_LOG_DRIVER = $(TAP_DRIVER)
AM_TESTS_ENVIRONMENT = \
	top_srcdir='$(abs_top_srcdir)'; export top_srcdir; \
	top_builddir='$(abs_top_builddir)'; export top_builddir;

check_LIBRARIES = tests/lib/libunit.a
tests_lib_libunit_a_SOURCES = \
	tests/lib/make_sheet.c tests/lib/make_sheet.h \
	tests/lib/unit.c tests/lib/unit.h
tests_lib_libunit_a_CFLAGS = $(UNIT_CFLAGS)

# For each unit test program X of another local.mk:
#   check_PROGRAMS += tests/unit/DIR/test_X
#   TESTS += tests/unit/DIR/test_X
#   tests_unit_DIR_test_X_CFLAGS = $(UNIT_CFLAGS)
#   tests_unit_DIR_test_X_LDADD = <its own libraries> $(UNIT_LDADD)
UNIT_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS) $(SANITIZER_CFLAGS)
UNIT_LDADD = tests/lib/libunit.a runtime/libbase.a $(CUNIT_LIBS)

# A library before the MPI library (0600, 0700).
check_DATA += tests/lib/joins.so
CLEANFILES += tests/lib/joins.so
tests/lib/joins.so: tests/lib/joins.c
	$(AM_V_CC)$(MKDIR_P) $(@D) && $(MPICC) -std=gnu11 -O2 -Wall -Wextra \
		-shared -fPIC -o $@ $<

EXTRA_DIST += tests/lib/joins.c \
	tests/README.md tests/lib/README.md tests/lib/system.sh \
	tests/lib/messages-exist \
	tests/lib/cluster tests/lib/cluster-rsh tests/lib/slurm \
	tests/lib/slurm-jobs.sh \
	tests/unit/README.md

# The modules' own tests are included by the modules.
include tests/system/local.mk
include tests/system/invariants/local.mk
include tests/programs/local.mk
include tests/programs/hdf5/local.mk
include tests/programs/mpi4py/local.mk
include tests/programs/lang/local.mk
include tests/bench/local.mk
include tests/fuzz/local.mk
include tests/scale/local.mk
