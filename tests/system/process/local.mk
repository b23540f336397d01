# Many epochs of one process: storm plays the agent, nothing is captured.
check_PROGRAMS += tests/system/process/storm tests/programs/process/busy \
	tests/programs/process/handlers tests/programs/process/strangers \
	tests/programs/process/waits
tests_system_process_storm_SOURCES = tests/system/process/storm.c
tests_programs_process_busy_SOURCES = tests/programs/process/busy.c
tests_programs_process_busy_CFLAGS = $(AM_CFLAGS) -fopenmp
tests_programs_process_handlers_SOURCES = tests/programs/process/handlers.c
tests_programs_process_strangers_SOURCES = tests/programs/process/strangers.c
tests_programs_process_waits_SOURCES = tests/programs/process/waits.c
SYSTEM_TESTS += tests/system/0200-process.t
