check_PROGRAMS += tests/unit/base/test_err
TESTS += tests/unit/base/test_err
tests_unit_base_test_err_CFLAGS = $(UNIT_CFLAGS)
tests_unit_base_test_err_LDADD = $(UNIT_LDADD)

check_PROGRAMS += tests/unit/base/test_procmaps
TESTS += tests/unit/base/test_procmaps
tests_unit_base_test_procmaps_CFLAGS = $(UNIT_CFLAGS)
tests_unit_base_test_procmaps_LDADD = $(UNIT_LDADD)

check_PROGRAMS += tests/unit/base/test_cpu
TESTS += tests/unit/base/test_cpu
tests_unit_base_test_cpu_CFLAGS = $(UNIT_CFLAGS)
tests_unit_base_test_cpu_LDADD = $(UNIT_LDADD)

check_PROGRAMS += tests/unit/base/test_comm
TESTS += tests/unit/base/test_comm
tests_unit_base_test_comm_CFLAGS = $(UNIT_CFLAGS)
tests_unit_base_test_comm_LDADD = $(UNIT_LDADD)
