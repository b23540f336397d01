# runtime/restore: cairn-rank, which mpiexec starts, and the restorer.
noinst_LIBRARIES += runtime/librank.a
runtime_librank_a_SOURCES = \
	runtime/restore/become.c \
	runtime/restore/join.c \
	runtime/restore/leave.c \
	runtime/restore/place.c \
	runtime/restore/program.c \
	runtime/restore/tools.c \
	runtime/restore/rank.h
runtime_librank_a_CFLAGS = $(AM_CFLAGS) $(SANITIZER_CFLAGS)

pkglibexec_PROGRAMS += runtime/cairn-rank
runtime_cairn_rank_SOURCES = runtime/restore/rank.c
runtime_cairn_rank_LDADD = runtime/librank.a runtime/libbase.a

# The restorer: no libc, no TLS, no relocations, and none of AM_CFLAGS'
# assumptions of a hosted program.
pkglibexec_PROGRAMS += runtime/cairn-restore
runtime_cairn_restore_SOURCES = \
	runtime/base/fmt.c \
	runtime/base/procmaps.c \
	runtime/restore/area.c \
	runtime/restore/layout.c \
	runtime/restore/mem.c \
	runtime/restore/pie.h \
	runtime/restore/restore.c \
	runtime/restore/start.S \
	runtime/restore/talk.c
runtime_cairn_restore_CFLAGS = -std=gnu11 -fPIE -fvisibility=hidden \
	$(CAIRN_CFLAGS) -O2 -ffreestanding -fno-stack-protector -fcf-protection=none \
	-fno-jump-tables $(NO_LIBC_CFLAGS) -mgeneral-regs-only -U_FORTIFY_SOURCE
runtime_cairn_restore_LDFLAGS = -nostdlib -static-pie -Wl,-z,noseparate-code \
	-Wl,-z,norelro -Wl,--build-id=none -Wl,-z,noexecstack
runtime_cairn_restore_LDADD =

EXTRA_DIST += runtime/restore/README.md
include tests/unit/restore/local.mk
include tests/system/restore/local.mk
