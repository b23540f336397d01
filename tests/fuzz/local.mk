# libFuzzer harnesses: built and run for a few seconds by fuzz.t, with clang.
SYSTEM_TESTS += tests/fuzz/fuzz.t
EXTRA_DIST += tests/fuzz/README.md tests/fuzz/fuzz.h tests/fuzz/seeds.c \
	tests/fuzz/fuzz_sheet.c tests/fuzz/fuzz_index.c \
	tests/fuzz/fuzz_history.c tests/fuzz/fuzz_manifest.c \
	tests/fuzz/corpus
