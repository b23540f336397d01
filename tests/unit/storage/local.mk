STORAGE_RIG = tests/unit/storage/rig.c tests/unit/storage/rig.h

check_PROGRAMS += tests/unit/storage/test_image
TESTS += tests/unit/storage/test_image
tests_unit_storage_test_image_SOURCES = tests/unit/storage/test_image.c $(STORAGE_RIG)
tests_unit_storage_test_image_CFLAGS = $(UNIT_CFLAGS)
tests_unit_storage_test_image_LDADD = $(UNIT_LDADD) $(STORAGE_LIBS)

check_PROGRAMS += tests/unit/storage/test_manifest
TESTS += tests/unit/storage/test_manifest
tests_unit_storage_test_manifest_SOURCES = tests/unit/storage/test_manifest.c $(STORAGE_RIG)
tests_unit_storage_test_manifest_CFLAGS = $(UNIT_CFLAGS)
tests_unit_storage_test_manifest_LDADD = $(UNIT_LDADD) $(STORAGE_LIBS)

check_PROGRAMS += tests/unit/storage/test_epoch
TESTS += tests/unit/storage/test_epoch
tests_unit_storage_test_epoch_SOURCES = tests/unit/storage/test_epoch.c $(STORAGE_RIG)
tests_unit_storage_test_epoch_CFLAGS = $(UNIT_CFLAGS)
tests_unit_storage_test_epoch_LDADD = $(UNIT_LDADD) $(STORAGE_LIBS)

check_PROGRAMS += tests/unit/storage/test_damage
TESTS += tests/unit/storage/test_damage
tests_unit_storage_test_damage_SOURCES = tests/unit/storage/test_damage.c $(STORAGE_RIG)
tests_unit_storage_test_damage_CFLAGS = $(UNIT_CFLAGS)
tests_unit_storage_test_damage_LDADD = $(UNIT_LDADD) $(STORAGE_LIBS)

check_PROGRAMS += tests/unit/storage/test_commit
TESTS += tests/unit/storage/test_commit
tests_unit_storage_test_commit_SOURCES = tests/unit/storage/test_commit.c $(STORAGE_RIG)
tests_unit_storage_test_commit_CFLAGS = $(UNIT_CFLAGS)
tests_unit_storage_test_commit_LDADD = $(UNIT_LDADD) $(STORAGE_LIBS)

check_PROGRAMS += tests/unit/storage/test_tier
TESTS += tests/unit/storage/test_tier
tests_unit_storage_test_tier_SOURCES = tests/unit/storage/test_tier.c $(STORAGE_RIG)
tests_unit_storage_test_tier_CFLAGS = $(UNIT_CFLAGS)
tests_unit_storage_test_tier_LDADD = $(UNIT_LDADD) $(STORAGE_LIBS)

check_PROGRAMS += tests/unit/storage/test_base
TESTS += tests/unit/storage/test_base
tests_unit_storage_test_base_SOURCES = tests/unit/storage/test_base.c $(STORAGE_RIG)
tests_unit_storage_test_base_CFLAGS = $(UNIT_CFLAGS)
tests_unit_storage_test_base_LDADD = $(UNIT_LDADD) $(STORAGE_LIBS)

check_PROGRAMS += tests/unit/storage/test_codec
TESTS += tests/unit/storage/test_codec
tests_unit_storage_test_codec_SOURCES = tests/unit/storage/test_codec.c $(STORAGE_RIG)
tests_unit_storage_test_codec_CFLAGS = $(UNIT_CFLAGS) $(ZSTD_CFLAGS)
tests_unit_storage_test_codec_LDADD = $(UNIT_LDADD) $(STORAGE_LIBS) -lm

check_PROGRAMS += tests/unit/storage/test_retention
TESTS += tests/unit/storage/test_retention
tests_unit_storage_test_retention_CFLAGS = $(UNIT_CFLAGS)
tests_unit_storage_test_retention_LDADD = $(UNIT_LDADD) $(STORAGE_LIBS)
