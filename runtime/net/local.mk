# runtime/net: the control plane's connections
noinst_LIBRARIES += runtime/libnet.a
runtime_libnet_a_SOURCES = \
	runtime/net/address.c runtime/net/address.h \
	runtime/net/channel.c runtime/net/channel.h \
	runtime/net/handshake.c runtime/net/handshake.h \
	runtime/net/listen.c \
	runtime/net/secret.c
runtime_libnet_a_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE $(JANSSON_CFLAGS) $(SODIUM_CFLAGS)
runtime_libnet_a_CFLAGS = $(AM_CFLAGS) $(SANITIZER_CFLAGS)
EXTRA_DIST += runtime/net/README.md runtime/net/channel.md
include tests/unit/net/local.mk
