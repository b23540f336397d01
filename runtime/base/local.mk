# runtime/base: errors, logs, formats shared by all; knows nothing of MPI or
# of checkpoints.  Safe in signal handlers and without TLS where said so.
noinst_LIBRARIES += runtime/libbase.a
runtime_libbase_a_SOURCES = \
	runtime/base/comm.c runtime/base/comm.h \
	runtime/base/control.h \
	runtime/base/cpu.c runtime/base/cpu.h \
	runtime/base/ctx.h \
	runtime/base/delta.h \
	runtime/base/err.c runtime/base/err.h \
	runtime/base/fmt.c runtime/base/fmt.h \
	runtime/base/log.c runtime/base/log.h \
	runtime/base/moment.c runtime/base/moment.h \
	runtime/base/node.c runtime/base/node.h \
	runtime/base/procmaps.c runtime/base/procmaps.h \
	runtime/base/sheet.h \
	runtime/base/sheet_flags.c runtime/base/sheet_flags.h \
	runtime/base/sys.h \
	runtime/base/where.c runtime/base/where.h
runtime_libbase_a_CFLAGS = $(AM_CFLAGS) -fno-stack-protector $(SANITIZER_CFLAGS)
EXTRA_DIST += runtime/README.md runtime/base/README.md
include tests/unit/base/local.mk
