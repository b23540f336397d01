check_PROGRAMS += tests/unit/storage/test_image
TESTS += tests/unit/storage/test_image
STORAGE_RIG = tests/unit/storage/rig.c tests/unit/storage/rig.h
tests_unit_storage_test_image_SOURCES = \
	tests/unit/storage/test_image.c $(STORAGE_RIG)
tests_unit_storage_test_image_CFLAGS = $(UNIT_CFLAGS)
tests_unit_storage_test_image_LDADD = $(UNIT_LDADD) $(STORAGE_LIBS)
