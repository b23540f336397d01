# Measurements: built with the tests, run by hand or by `make bench`.
check_PROGRAMS += tests/bench/bench_image
tests_bench_bench_image_SOURCES = tests/bench/bench_image.c $(STORAGE_RIG)
tests_bench_bench_image_CFLAGS = $(UNIT_CFLAGS)
tests_bench_bench_image_LDADD = $(UNIT_LDADD) $(STORAGE_LIBS)
