# mpi_wrappers: libmpi.so.12, the MPI library that the program sees.
# Hand-written files that have not come yet: the table's `own:FILE` lines of these
# are generated as plain pass-through.  A file that comes takes its name away.
MPI_ABSENT = barrier bsend complete mprobe p2p persistent probe request status

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
	mpi_wrappers/frontier.c mpi_wrappers/frontier.h \
	mpi_wrappers/handles.c mpi_wrappers/handles.h \
	mpi_wrappers/lock.h \
	mpi_wrappers/objects.h \
	mpi_wrappers/recipe.h \
	mpi_wrappers/request.h
nodist_mpi_wrappers_libmpiwrap_a_SOURCES = \
	mpi_wrappers/functions.c \
	mpi_wrappers/wrappers.c
mpi_wrappers_libmpiwrap_a_CPPFLAGS = $(AM_CPPFLAGS) $(MPI_CPPFLAGS)
mpi_wrappers_libmpiwrap_a_CFLAGS = $(AM_CFLAGS) -fno-stack-protector
$(mpi_wrappers_libmpiwrap_a_OBJECTS): mpi_wrappers/functions.h
