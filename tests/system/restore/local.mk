# One process's capture and restart, driven without the real agent.
restore_programs = \
	tests/programs/restore/advice \
	tests/programs/restore/counter \
	tests/programs/restore/files \
	tests/programs/restore/maps \
	tests/programs/restore/openmp \
	tests/programs/restore/pairs \
	tests/programs/restore/pending \
	tests/programs/restore/pids \
	tests/programs/restore/refuse \
	tests/programs/restore/threads \
	tests/programs/restore/timers
check_PROGRAMS += $(restore_programs) \
	tests/system/restore/mini_agent \
	tests/system/restore/libempty.so
# The programs are plain ones, as a user would build them.
tests_programs_restore_openmp_CFLAGS = -std=gnu11 -fopenmp
tests_system_restore_libempty_so_SOURCES = tests/system/restore/empty.c
tests_system_restore_libempty_so_LDFLAGS = -shared
tests_system_restore_libempty_so_LDADD =
tests_system_restore_mini_agent_SOURCES = tests/system/restore/mini_agent.c
tests_system_restore_mini_agent_LDADD = runtime/libbase.a
noinst_HEADERS = tests/programs/restore/ckpt.h
SYSTEM_TESTS += tests/system/0200-restore.t
EXTRA_DIST += tests/programs/restore/loop.pl tests/programs/restore/loop.py
