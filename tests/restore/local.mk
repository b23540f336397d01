# One process's capture and restart, driven without the real agent.
restore_programs = \
	tests/programs/restore/counter \
	tests/programs/restore/files \
	tests/programs/restore/pairs \
	tests/programs/restore/maps \
	tests/programs/restore/openmp \
	tests/programs/restore/pending \
	tests/programs/restore/pids \
	tests/programs/restore/refuse \
	tests/programs/restore/threads \
	tests/programs/restore/timers
check_PROGRAMS += $(restore_programs) tests/restore/mini_agent \
	tests/restore/libempty.so
# The programs are plain ones, as a user would build them.
tests_programs_restore_openmp_CFLAGS = -std=gnu11 -fopenmp
tests_restore_libempty_so_SOURCES = tests/restore/empty.c
tests_restore_libempty_so_LDFLAGS = -shared
tests_restore_libempty_so_LDADD =
tests_restore_mini_agent_SOURCES = tests/restore/mini_agent.c
noinst_HEADERS = tests/programs/restore/ckpt.h
TESTS += tests/system/0200-restore.t
EXTRA_DIST += tests/system/0200-restore.t \
	tests/programs/restore/loop.pl tests/programs/restore/loop.py

check_PROGRAMS += tests/unit/restore/test_rank
TESTS += tests/unit/restore/test_rank
tests_unit_restore_test_rank_SOURCES = tests/unit/restore/test_rank.c
tests_unit_restore_test_rank_CFLAGS = $(UNIT_CFLAGS)
tests_unit_restore_test_rank_LDADD = runtime/librank.a $(UNIT_LDADD)
