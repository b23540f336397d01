check_PROGRAMS += tests/unit/lower/test_arena tests/unit/lower/test_decode
TESTS += tests/unit/lower/test_arena tests/unit/lower/test_decode
tests_unit_lower_test_arena_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE
tests_unit_lower_test_arena_CFLAGS = $(UNIT_CFLAGS)
tests_unit_lower_test_arena_LDADD = runtime/liblower.a $(UNIT_LDADD)
tests_unit_lower_test_decode_CFLAGS = $(UNIT_CFLAGS)
tests_unit_lower_test_decode_LDADD = runtime/liblower.a $(UNIT_LDADD)
