# runtime/agent: cairnd, one a node a job
noinst_LIBRARIES += runtime/libagent.a
runtime_libagent_a_SOURCES = \
	runtime/agent/agent.h \
	runtime/agent/buffer.c runtime/agent/buffer.h \
	runtime/agent/busy.c runtime/agent/busy.h \
	runtime/agent/capture.c runtime/agent/capture.h \
	runtime/agent/copies.c runtime/agent/copies.h \
	runtime/agent/cpu.c runtime/agent/cpu.h \
	runtime/agent/epoch.c runtime/agent/epoch.h \
	runtime/agent/fault.c runtime/agent/fault.h \
	runtime/agent/fill.c runtime/agent/fill.h \
	runtime/agent/flush.c runtime/agent/flush.h \
	runtime/agent/lineage.c runtime/agent/lineage.h \
	runtime/agent/frontier.c runtime/agent/frontier.h \
	runtime/agent/frontier_messages.c runtime/agent/frontier_needs.c \
	runtime/agent/frontier_private.h \
	runtime/agent/gids.c runtime/agent/gids.h \
	runtime/agent/greeting.c \
	runtime/agent/leftover.c runtime/agent/leftover.h \
	runtime/agent/link.c \
	runtime/agent/loop.c runtime/agent/loop.h \
	runtime/agent/memory.c runtime/agent/memory.h \
	runtime/agent/message.c \
	runtime/agent/mover.c runtime/agent/mover.h \
	runtime/agent/ranks.c runtime/agent/ranks_private.h \
	runtime/agent/changes.c runtime/agent/changes.h \
	runtime/agent/reader.c runtime/agent/reader.h \
	runtime/agent/restore.c runtime/agent/restore.h \
	runtime/agent/shared.c runtime/agent/shared.h \
	runtime/agent/task.c runtime/agent/task.h \
	runtime/agent/timing.c runtime/agent/timing.h \
	runtime/agent/wrapper.c
runtime_libagent_a_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE $(JANSSON_CFLAGS) $(SODIUM_CFLAGS)
runtime_libagent_a_CFLAGS = $(AM_CFLAGS) $(SANITIZER_CFLAGS)

pkglibexec_PROGRAMS += runtime/cairnd
runtime_cairnd_SOURCES = runtime/agent/cairnd.c
runtime_cairnd_CPPFLAGS = $(runtime_libagent_a_CPPFLAGS)
runtime_cairnd_CFLAGS = $(AM_CFLAGS) $(SANITIZER_CFLAGS)
runtime_cairnd_LDADD = runtime/libagent.a runtime/libnet.a $(STORAGE_LIBS) \
	$(SODIUM_LIBS)
EXTRA_DIST += runtime/agent/README.md runtime/agent/protocol.md
include tests/unit/agent/local.mk
