# unit tests of runtime/process: not under sanitizers, as libcairn.so lives in
# programs that have none.
if !SANITIZERS
check_PROGRAMS += tests/unit/process/test_upper tests/unit/process/test_jump
TESTS += tests/unit/process/test_upper tests/unit/process/test_jump
endif
tests_unit_process_test_upper_SOURCES = tests/unit/process/test_upper.c
tests_unit_process_test_upper_CFLAGS = $(UNIT_CFLAGS)
tests_unit_process_test_upper_LDFLAGS = -Wl,-rpath,$(abs_top_builddir)/runtime
tests_unit_process_test_upper_LDADD = runtime/libcairn.so $(UNIT_LDADD)
tests_unit_process_test_jump_SOURCES = tests/unit/process/test_jump.c
tests_unit_process_test_jump_CFLAGS = $(UNIT_CFLAGS)
tests_unit_process_test_jump_LDFLAGS = -Wl,-rpath,$(abs_top_builddir)/runtime
tests_unit_process_test_jump_LDADD = runtime/libcairn.so $(UNIT_LDADD)
