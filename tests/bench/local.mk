# Measurements: built with the tests, run by hand or by `make bench`.
check_PROGRAMS += tests/bench/bench_image
tests_bench_bench_image_SOURCES = tests/bench/bench_image.c $(STORAGE_RIG)
tests_bench_bench_image_CFLAGS = $(UNIT_CFLAGS)
tests_bench_bench_image_LDADD = $(UNIT_LDADD) $(STORAGE_LIBS)

# What `make bench` runs natively and under Cairn, built as a user would.
bench_programs = tests/bench/first tests/bench/memory tests/bench/micro
$(bench_programs): tests/bench/%: $(srcdir)/tests/bench/%.c
	$(AM_V_CC)$(MKDIR_P) tests/bench && $(MPICC) -std=gnu11 -O2 -g \
		-Wall -Wextra -Wno-stringop-overflow -o $@ $<
check_DATA += $(bench_programs)
CLEANFILES += $(bench_programs) bench.json
EXTRA_DIST += tests/bench/README.md tests/bench/RESULTS.md \
	tests/bench/bench tests/bench/first.c tests/bench/memory.c \
	tests/bench/micro.c

# Needs a quiet machine of two cores, 6 GiB of memory and 6 of disk; minutes.
# BENCH_FLAGS: see `tests/bench/bench --help`.
bench: all $(bench_programs) tests/system/lower/rank \
		tests/programs/cluster/node_init
	$(top_srcdir)/tests/bench/bench --build . --json bench.json $(BENCH_FLAGS)
.PHONY: bench

# That it runs at all; says nothing of speed.
SYSTEM_TESTS += tests/system/0700-bench.t
