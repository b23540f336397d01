# runtime/restore: cairn-rank, which mpiexec starts, and the restorer.
noinst_LIBRARIES += runtime/librank.a
runtime_librank_a_SOURCES = \
	runtime/restore/become.c \
	runtime/restore/join.c \
	runtime/restore/place.c \
	runtime/restore/program.c \
	runtime/restore/rank.h
runtime_librank_a_CFLAGS = $(AM_CFLAGS) $(SANITIZER_CFLAGS)

pkglibexec_PROGRAMS += runtime/cairn-rank
runtime_cairn_rank_SOURCES = runtime/restore/rank.c
runtime_cairn_rank_LDADD = runtime/librank.a runtime/libbase.a

EXTRA_DIST += runtime/restore/README.md
