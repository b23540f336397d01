# runtime/agent: cairnd, one a node a job
noinst_LIBRARIES += runtime/libagent.a
runtime_libagent_a_SOURCES = \
	runtime/agent/fault.c runtime/agent/fault.h \
	runtime/agent/frontier.c runtime/agent/frontier.h \
	runtime/agent/gids.c runtime/agent/gids.h \
	runtime/agent/loop.c runtime/agent/loop.h
runtime_libagent_a_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE $(JANSSON_CFLAGS) $(SODIUM_CFLAGS)
runtime_libagent_a_CFLAGS = $(AM_CFLAGS) $(SANITIZER_CFLAGS)
EXTRA_DIST += runtime/agent/protocol.md
include tests/unit/agent/local.mk
