# runtime/lower: the second half of a rank's address space.  liblower.a is the
# upper half's side; cairn-lower is the guest.
noinst_LIBRARIES += runtime/liblower.a
runtime_liblower_a_SOURCES = \
	runtime/lower/arena.c runtime/lower/arena.h \
	runtime/lower/callback.c \
	runtime/lower/check.c runtime/lower/check.h \
	runtime/lower/cross.S \
	runtime/lower/crossing.c runtime/lower/crossing.h \
	runtime/lower/decode.c \
	runtime/lower/donor.c runtime/lower/donor.h \
	runtime/lower/elf.c runtime/lower/elf.h \
	runtime/lower/frames.c runtime/lower/frames.h \
	runtime/lower/futex.h \
	runtime/lower/insn.c runtime/lower/insn.h \
	runtime/lower/lower.h \
	runtime/lower/patch.c runtime/lower/patch.h \
	runtime/lower/patch_entry.S \
	runtime/lower/place.c runtime/lower/place.h \
	runtime/lower/place_fd.c \
	runtime/lower/place_memory.c \
	runtime/lower/place_private.h \
	runtime/lower/place_signal.c \
	runtime/lower/stack.c runtime/lower/stack.h \
	runtime/lower/start.c \
	runtime/lower/tls.c runtime/lower/tls.h
# Much of this runs inside system calls of the guest: no stack protector (it
# reads the canary through FS), and no loop may become a call of libc's memset
# or memcpy, whose vector registers the guest's call must not lose.
runtime_liblower_a_CFLAGS = $(AM_CFLAGS) -D_GNU_SOURCE -fno-stack-protector \
	$(NO_LIBC_CFLAGS)
runtime_liblower_a_CCASFLAGS = $(AM_CPPFLAGS)

# The guest: an ordinary program that the runtime itself maps.  Its exports
# come before the MPI library's own.
pkglibexec_PROGRAMS += runtime/cairn-lower
runtime_cairn_lower_SOURCES = \
	runtime/lower/guest/early.c \
	runtime/lower/guest/guest.h \
	runtime/lower/guest/interpose.c \
	runtime/lower/guest/loops.c \
	runtime/lower/guest/main.c \
	runtime/lower/guest/open.c \
	runtime/lower/guest/service.c
runtime_cairn_lower_CPPFLAGS = $(AM_CPPFLAGS) $(MPI_CPPFLAGS)
runtime_cairn_lower_LDFLAGS = -pie -rdynamic
runtime_cairn_lower_LDADD = runtime/libbase.a
EXTRA_DIST += runtime/lower/README.md runtime/lower/lower.md
include tests/unit/lower/local.mk
include tests/system/lower/local.mk
