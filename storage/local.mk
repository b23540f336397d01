# storage: images, manifests, catalogs; knows base only.
noinst_LIBRARIES += storage/libstorage.a
storage_libstorage_a_SOURCES = \
	storage/base.c storage/base.h \
	storage/catalog.c storage/catalog.h \
	storage/chunk.c storage/chunk.h \
	storage/codec.c storage/codec.h \
	storage/commit.c storage/commit.h \
	storage/copy.c storage/copy.h \
	storage/dedup.c storage/dedup.h \
	storage/fault.c storage/fault.h \
	storage/format.h \
	storage/image.h \
	storage/index.c storage/index.h \
	storage/index_encode.c storage/index_private.h \
	storage/manifest.c storage/manifest.h \
	storage/owner.c storage/owner.h \
	storage/probe.c storage/probe.h \
	storage/prune.c \
	storage/retention.c storage/retention.h \
	storage/reader.c \
	storage/reader_chunks.c storage/reader_private.h \
	storage/sheet_check.c \
	storage/shuffle.c storage/shuffle.h \
	storage/sink.c storage/sink.h \
	storage/thread.c storage/thread.h \
	storage/tier.c storage/tier.h \
	storage/verify.c \
	storage/writer.c \
	storage/writer_base.c \
	storage/writer_finish.c \
	storage/writer_pack.c \
	storage/writer_private.h
storage_libstorage_a_CFLAGS = $(AM_CFLAGS) $(ZSTD_CFLAGS) $(XXHASH_CFLAGS) \
	$(JANSSON_CFLAGS) $(SANITIZER_CFLAGS)
# What a program that links libstorage.a needs beside it, in this order.
STORAGE_LIBS = storage/libstorage.a runtime/libbase.a \
	$(JANSSON_LIBS) $(ZSTD_LIBS) $(XXHASH_LIBS)
EXTRA_DIST += storage/README.md storage/FORMAT.md
include tests/unit/storage/local.mk
