# runtime/process: libcairn.so, preloaded into every rank.
pkglibexec_PROGRAMS += runtime/libcairn.so
runtime_libcairn_so_SOURCES = \
	runtime/process/alloc.c \
	runtime/process/hooks.h \
	runtime/process/link.c \
	runtime/process/private.h \
	runtime/process/process.h \
	runtime/process/regs.c \
	runtime/process/reserve.c \
	runtime/process/safepoint.c \
	runtime/process/start.c \
	runtime/process/switch.S \
	runtime/process/thread.c runtime/process/thread.h
# It runs in handlers and with the FS register of the other half: no stack
# protector (it reads the canary through FS).  Lazy binding would run the
# dynamic linker there, so everything is bound at start.
runtime_libcairn_so_CFLAGS = $(AM_CFLAGS) -fno-stack-protector
runtime_libcairn_so_LDFLAGS = -shared -Wl,-soname,libcairn.so -Wl,-z,now \
	-Wl,-z,defs
runtime_libcairn_so_LDADD = runtime/libbase.a -ldl
