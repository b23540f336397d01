# runtime/process: libcairn.so, preloaded into every rank.
pkglibexec_PROGRAMS += runtime/libcairn.so
runtime_libcairn_so_SOURCES = \
	runtime/process/alloc.c \
	runtime/process/attributes.c \
	runtime/process/callback.S \
	runtime/process/calls.c \
	runtime/process/capture.c \
	runtime/process/capture.h \
	runtime/process/capture_explain.c \
	runtime/process/capture_private.h \
	runtime/process/capture_probe.c \
	runtime/process/capture_sheet.c \
	runtime/process/clock.c \
	runtime/process/epoch.c \
	runtime/process/epoch.h \
	runtime/process/exec.c \
	runtime/process/files.c \
	runtime/process/files.h \
	runtime/process/files_info.c \
	runtime/process/files_pipe.c \
	runtime/process/files_resume.c \
	runtime/process/files_socket.c \
	runtime/process/hooks.h \
	runtime/process/jump.c \
	runtime/process/jump.h \
	runtime/process/link.c \
	runtime/process/mask.c \
	runtime/process/mutex.c \
	runtime/process/park.c \
	runtime/process/pending.c \
	runtime/process/pending.h \
	runtime/process/pid.c \
	runtime/process/pid.h \
	runtime/process/private.h \
	runtime/process/private_memory.c \
	runtime/process/process.h \
	runtime/process/regs.c \
	runtime/process/reserve.c \
	runtime/process/respawn.c \
	runtime/process/restored.c \
	runtime/process/restored.h \
	runtime/process/resume.c \
	runtime/process/rewind.c \
	runtime/process/safepoint.c \
	runtime/process/signals.c \
	runtime/process/signals.h \
	runtime/process/start.c \
	runtime/process/switch.S \
	runtime/process/tasks.c \
	runtime/process/tasks.h \
	runtime/process/terminate.c \
	runtime/process/thread.c \
	runtime/process/thread.h \
	runtime/process/tid.c \
	runtime/process/timer_thread.c \
	runtime/process/timers.c \
	runtime/process/track.c \
	runtime/process/twin.c
# It runs in handlers and with the FS register of the other half: no stack
# protector (it reads the canary through FS).  Lazy binding would run the
# dynamic linker there, so everything is bound at start.
runtime_libcairn_so_CFLAGS = $(AM_CFLAGS) -fno-stack-protector
runtime_libcairn_so_LDFLAGS = -shared -Wl,-soname,libcairn.so -Wl,-z,now \
	-Wl,-z,defs
runtime_libcairn_so_LDADD = runtime/libbase.a -ldl

EXTRA_DIST += runtime/process/README.md runtime/process/epoch.md \
	runtime/process/capture.md
include tests/unit/process/local.mk
include tests/system/process/local.mk
