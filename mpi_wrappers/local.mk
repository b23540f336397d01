# mpi_wrappers: libmpi.so.12, the MPI library that the program sees.
# Hand-written files that have not come yet: the table's `own:FILE` lines of these
# are generated as plain pass-through.  A file that comes takes its name away.
MPI_ABSENT =

mpi_gen = $(top_srcdir)/mpi_wrappers/gen/gen.awk $(top_srcdir)/mpi_wrappers/api.tbl
MPI_GENERATED = mpi_wrappers/functions.h mpi_wrappers/functions.c \
	mpi_wrappers/wrappers.c mpi_wrappers/support.md
$(MPI_GENERATED): $(mpi_gen) $(top_srcdir)/mpi_wrappers/local.mk
	$(AM_V_GEN)$(MKDIR_P) mpi_wrappers && \
	$(AWK) -v product=$(@F) -v absent="$(MPI_ABSENT)" \
		-f $(top_srcdir)/mpi_wrappers/gen/gen.awk \
		$(top_srcdir)/mpi_wrappers/api.tbl >$@.tmp && mv $@.tmp $@
BUILT_SOURCES += $(MPI_GENERATED)
CLEANFILES += $(MPI_GENERATED)
EXTRA_DIST += mpi_wrappers/api.tbl mpi_wrappers/gen/gen.awk \
	mpi_wrappers/README.md

noinst_LIBRARIES += mpi_wrappers/libmpiwrap.a
mpi_wrappers_libmpiwrap_a_SOURCES = \
	mpi_wrappers/api.h \
	mpi_wrappers/attr.h \
	mpi_wrappers/comm.h \
	mpi_wrappers/drain.h \
	mpi_wrappers/error.h \
	mpi_wrappers/barrier.c \
	mpi_wrappers/batch.c mpi_wrappers/batch.h \
	mpi_wrappers/bsend.c \
	mpi_wrappers/complete.c \
	mpi_wrappers/deliver.c mpi_wrappers/deliver.h \
	mpi_wrappers/drain.c \
	mpi_wrappers/drain_take.c mpi_wrappers/drain_take.h \
	mpi_wrappers/drain_test.c \
	mpi_wrappers/frontier.c mpi_wrappers/frontier.h \
	mpi_wrappers/handles.c mpi_wrappers/handles.h \
	mpi_wrappers/lock.h \
	mpi_wrappers/match.c mpi_wrappers/match.h \
	mpi_wrappers/mprobe.c mpi_wrappers/mprobe.h \
	mpi_wrappers/objects.h \
	mpi_wrappers/p2p.c mpi_wrappers/p2p.h \
	mpi_wrappers/peers.h \
	mpi_wrappers/persistent.c \
	mpi_wrappers/private.c mpi_wrappers/private.h \
	mpi_wrappers/probe.c \
	mpi_wrappers/recipe.h \
	mpi_wrappers/request.c mpi_wrappers/request.h \
	mpi_wrappers/request_epoch.c \
	mpi_wrappers/sendrecv.c \
	mpi_wrappers/status.c \
	mpi_wrappers/sync.c mpi_wrappers/sync.h
nodist_mpi_wrappers_libmpiwrap_a_SOURCES = \
	mpi_wrappers/functions.c \
	mpi_wrappers/wrappers.c
mpi_wrappers_libmpiwrap_a_CPPFLAGS = $(AM_CPPFLAGS) $(MPI_CPPFLAGS)
mpi_wrappers_libmpiwrap_a_CFLAGS = $(AM_CFLAGS) -fno-stack-protector
$(mpi_wrappers_libmpiwrap_a_OBJECTS): mpi_wrappers/functions.h
