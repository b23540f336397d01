check_PROGRAMS += tests/unit/lower/test_arena \
	tests/unit/lower/test_decode tests/unit/lower/test_insn
TESTS += tests/unit/lower/test_arena \
	tests/unit/lower/test_decode tests/unit/lower/test_insn
tests_unit_lower_test_arena_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE
tests_unit_lower_test_arena_CFLAGS = $(UNIT_CFLAGS)
tests_unit_lower_test_arena_LDADD = runtime/liblower.a $(UNIT_LDADD)
tests_unit_lower_test_decode_CFLAGS = $(UNIT_CFLAGS)
tests_unit_lower_test_decode_LDADD = runtime/liblower.a $(UNIT_LDADD)
tests_unit_lower_test_insn_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE
tests_unit_lower_test_insn_CFLAGS = $(UNIT_CFLAGS)
tests_unit_lower_test_insn_LDADD = runtime/liblower.a $(UNIT_LDADD)
