# unit tests of runtime/restore
check_PROGRAMS += tests/unit/restore/test_rank
TESTS += tests/unit/restore/test_rank
tests_unit_restore_test_rank_SOURCES = tests/unit/restore/test_rank.c
tests_unit_restore_test_rank_CFLAGS = $(UNIT_CFLAGS)
tests_unit_restore_test_rank_LDADD = runtime/librank.a $(UNIT_LDADD)
