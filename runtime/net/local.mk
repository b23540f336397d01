# runtime/net: the control plane's connections
noinst_LIBRARIES += runtime/libnet.a
runtime_libnet_a_SOURCES = \
	runtime/net/address.c runtime/net/address.h \
	runtime/net/auth.c \
	runtime/net/buffer.c runtime/net/buffer.h \
	runtime/net/channel.c runtime/net/channel.h \
	runtime/net/credential.c runtime/net/credential.h \
	runtime/net/handshake.c runtime/net/handshake.h \
	runtime/net/listen.c \
	runtime/net/secret.c
runtime_libnet_a_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE $(JANSSON_CFLAGS) $(SODIUM_CFLAGS)
runtime_libnet_a_CFLAGS = $(AM_CFLAGS) $(SANITIZER_CFLAGS)

# The only one that needs libmunge (credential.c).
if HAVE_MUNGE
pkglibexec_PROGRAMS += runtime/cairn-munge
endif
runtime_cairn_munge_SOURCES = runtime/net/munge.c
runtime_cairn_munge_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE $(MUNGE_CFLAGS)
runtime_cairn_munge_CFLAGS = $(AM_CFLAGS) $(SANITIZER_CFLAGS)
runtime_cairn_munge_LDADD = $(MUNGE_LIBS)

EXTRA_DIST += runtime/net/README.md runtime/net/channel.md
include tests/unit/net/local.mk
