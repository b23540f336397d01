# runtime/fabric: files from node to node.  Only cairn-fabric (and its tests)
# needs libfabric.
if HAVE_FABRIC
noinst_LIBRARIES += runtime/libfabric.a
pkglibexec_PROGRAMS += runtime/cairn-fabric
unit_starts += runtime/cairn-fabric
endif
runtime_libfabric_a_SOURCES = \
	runtime/fabric/fabric.c runtime/fabric/fabric.h \
	runtime/fabric/give.c \
	runtime/fabric/slots.c runtime/fabric/slots.h \
	runtime/fabric/take.c \
	runtime/fabric/transfer.h \
	runtime/fabric/wire.c runtime/fabric/wire.h
runtime_libfabric_a_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE $(FABRIC_CFLAGS) \
	$(SODIUM_CFLAGS) $(XXHASH_CFLAGS)
runtime_libfabric_a_CFLAGS = $(AM_CFLAGS) $(SANITIZER_CFLAGS)

runtime_cairn_fabric_SOURCES = runtime/fabric/program.c
runtime_cairn_fabric_CPPFLAGS = $(runtime_libfabric_a_CPPFLAGS) $(JANSSON_CFLAGS)
runtime_cairn_fabric_CFLAGS = $(AM_CFLAGS) $(SANITIZER_CFLAGS)
runtime_cairn_fabric_LDADD = runtime/libfabric.a $(STORAGE_LIBS) \
	$(FABRIC_LIBS) $(SODIUM_LIBS)
EXTRA_DIST += runtime/fabric/README.md runtime/fabric/fabric.md
include tests/unit/fabric/local.mk
