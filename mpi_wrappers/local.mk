# mpi_wrappers: libmpi.so.12, the MPI library that the program sees.
mpi_gen = $(top_srcdir)/mpi_wrappers/gen/gen.awk $(top_srcdir)/mpi_wrappers/api.tbl
MPI_FROM_TABLE = mpi_wrappers/functions.h mpi_wrappers/functions.c \
	mpi_wrappers/wrappers.c
$(MPI_FROM_TABLE): $(mpi_gen)
	$(AM_V_GEN)$(MKDIR_P) mpi_wrappers && \
	$(AWK) -v product=$(@F) -f $(top_srcdir)/mpi_wrappers/gen/gen.awk \
		$(top_srcdir)/mpi_wrappers/api.tbl >$@.tmp && mv $@.tmp $@
# The table, and what MPICH's own programs have shown (tests/suite/report).
mpi_wrappers/support.md: $(mpi_gen) $(top_srcdir)/tests/suite/RESULTS.md
	$(AM_V_GEN)$(MKDIR_P) mpi_wrappers && { \
		$(AWK) -v product=$(@F) -f $(top_srcdir)/mpi_wrappers/gen/gen.awk \
			$(top_srcdir)/mpi_wrappers/api.tbl && \
		echo && sed -n '/^## The rest/,$$p' \
			$(top_srcdir)/tests/suite/RESULTS.md; \
	} >$@.tmp && mv $@.tmp $@
MPI_GENERATED = $(MPI_FROM_TABLE) mpi_wrappers/support.md
BUILT_SOURCES += $(MPI_GENERATED)
CLEANFILES += $(MPI_GENERATED)
EXTRA_DIST += mpi_wrappers/api.tbl mpi_wrappers/gen/gen.awk \
	mpi_wrappers/README.md

# Everything is in a convenience library, which unit tests link too.
noinst_LIBRARIES += mpi_wrappers/libmpiwrap.a
mpi_wrappers_libmpiwrap_a_SOURCES = \
	mpi_wrappers/address.c \
	mpi_wrappers/api.h \
	mpi_wrappers/agree.c mpi_wrappers/agree.h \
	mpi_wrappers/attr.c mpi_wrappers/attr.h \
	mpi_wrappers/attr_list.c \
	mpi_wrappers/barrier.c mpi_wrappers/barrier.h \
	mpi_wrappers/batch.c mpi_wrappers/batch.h \
	mpi_wrappers/bsend.c \
	mpi_wrappers/clock.c mpi_wrappers/clock.h \
	mpi_wrappers/comm_bury.c \
	mpi_wrappers/comm.c mpi_wrappers/comm.h \
	mpi_wrappers/comm_make.c \
	mpi_wrappers/comm_private.h \
	mpi_wrappers/comm_rebuild.c \
	mpi_wrappers/complete.c \
	mpi_wrappers/complete_some.c \
	mpi_wrappers/datarep.c \
	mpi_wrappers/datatype.c \
	mpi_wrappers/deliver.c mpi_wrappers/deliver.h \
	mpi_wrappers/drain.c mpi_wrappers/drain.h \
	mpi_wrappers/drain_ask.c \
	mpi_wrappers/drain_held.c \
	mpi_wrappers/drain_take.c mpi_wrappers/drain_take.h \
	mpi_wrappers/drain_test.c \
	mpi_wrappers/dynamic.c \
	mpi_wrappers/errcode.c \
	mpi_wrappers/errhandler.c \
	mpi_wrappers/error.c mpi_wrappers/error.h \
	mpi_wrappers/file.c mpi_wrappers/file.h \
	mpi_wrappers/file_epoch.c \
	mpi_wrappers/file_error.c \
	mpi_wrappers/file_remove.c \
	mpi_wrappers/frontier.c mpi_wrappers/frontier.h \
	mpi_wrappers/frontier_need.c mpi_wrappers/frontier_need.h \
	mpi_wrappers/gid.c mpi_wrappers/gid.h \
	mpi_wrappers/grequest.c \
	mpi_wrappers/group.c \
	mpi_wrappers/handles.c mpi_wrappers/handles.h \
	mpi_wrappers/info.c \
	mpi_wrappers/init.c mpi_wrappers/init.h \
	mpi_wrappers/keyval.c mpi_wrappers/keyval.h \
	mpi_wrappers/lock.h \
	mpi_wrappers/match.c mpi_wrappers/match.h \
	mpi_wrappers/memory.c \
	mpi_wrappers/mprobe.c mpi_wrappers/mprobe.h \
	mpi_wrappers/objects.c mpi_wrappers/objects.h \
	mpi_wrappers/op.c \
	mpi_wrappers/opaque.c \
	mpi_wrappers/p2p.c mpi_wrappers/p2p.h \
	mpi_wrappers/partitioned.c mpi_wrappers/partitioned.h \
	mpi_wrappers/peers.h \
	mpi_wrappers/persistent.c \
	mpi_wrappers/private.c mpi_wrappers/private.h \
	mpi_wrappers/probe.c \
	mpi_wrappers/qmpi.c \
	mpi_wrappers/real.c \
	mpi_wrappers/rebuild.c \
	mpi_wrappers/recipe.c mpi_wrappers/recipe.h \
	mpi_wrappers/request.c mpi_wrappers/request.h \
	mpi_wrappers/request_epoch.c \
	mpi_wrappers/request_file.c \
	mpi_wrappers/request_ours.c \
	mpi_wrappers/sendrecv.c \
	mpi_wrappers/sessions.c \
	mpi_wrappers/status.c \
	mpi_wrappers/sync.c mpi_wrappers/sync.h \
	mpi_wrappers/threads.c \
	mpi_wrappers/tool.c \
	mpi_wrappers/topology.c \
	mpi_wrappers/win.c mpi_wrappers/win.h \
	mpi_wrappers/win_epoch.c \
	mpi_wrappers/win_lock.c \
	mpi_wrappers/win_memory.c \
	mpi_wrappers/win_sync.c
nodist_mpi_wrappers_libmpiwrap_a_SOURCES = \
	mpi_wrappers/functions.c \
	mpi_wrappers/wrappers.c
# mpi.h declares its functions visible only if told so.
mpi_wrappers_libmpiwrap_a_CPPFLAGS = $(AM_CPPFLAGS) $(MPI_CPPFLAGS) \
	-DHAVE_VISIBILITY
# It runs with the FS register of the other half: no stack protector.
mpi_wrappers_libmpiwrap_a_CFLAGS = $(AM_CFLAGS) -fno-stack-protector
$(mpi_wrappers_libmpiwrap_a_OBJECTS): mpi_wrappers/functions.h

# Lazy binding would run the dynamic linker with the wrong FS register.
pkglibexec_PROGRAMS += mpi_wrappers/libmpi.so.12
mpi_wrappers_libmpi_so_12_SOURCES = mpi_wrappers/data.c
mpi_wrappers_libmpi_so_12_CPPFLAGS = $(AM_CPPFLAGS) $(MPI_CPPFLAGS) \
	-DHAVE_VISIBILITY
mpi_wrappers_libmpi_so_12_LDFLAGS = -shared -Wl,-soname,libmpi.so.12 \
	-Wl,-z,now -Wl,-z,defs
mpi_wrappers_libmpi_so_12_LINK = $(CCLD) $(AM_CFLAGS) $(CFLAGS) \
	$(mpi_wrappers_libmpi_so_12_LDFLAGS) $(LDFLAGS) \
	-Wl,--whole-archive mpi_wrappers/libmpiwrap.a \
	-Wl,--no-whole-archive -o $@
mpi_wrappers_libmpi_so_12_LDADD = runtime/liblower.a runtime/libcairn.so \
	runtime/libbase.a
mpi_wrappers_libmpi_so_12_DEPENDENCIES = mpi_wrappers/libmpiwrap.a \
	runtime/liblower.a runtime/libcairn.so runtime/libbase.a

# What Debian calls the same library: empty, it leads to the one above.
pkglibexec_PROGRAMS += mpi_wrappers/libmpich.so.12
mpi_wrappers_libmpich_so_12_SOURCES = mpi_wrappers/mpich.c
mpi_wrappers_libmpich_so_12_LDFLAGS = -shared -Wl,-soname,libmpich.so.12 \
	-Wl,--no-as-needed -Wl,--enable-new-dtags -Wl,-rpath,'$$ORIGIN'
mpi_wrappers_libmpich_so_12_LDADD = mpi_wrappers/libmpi.so.12

EXTRA_DIST += mpi_wrappers/rma.md mpi_wrappers/drain.md mpi_wrappers/file.md tests/programs/p2p_drain.c
include tests/unit/mpi/local.mk
SYSTEM_TESTS += tests/system/0150-symbols.t tests/system/0160-objects.t
