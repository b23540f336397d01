# unit tests of runtime/fabric
if HAVE_FABRIC
check_PROGRAMS += tests/unit/fabric/test_transfer
TESTS += tests/unit/fabric/test_transfer
endif
tests_unit_fabric_test_transfer_CPPFLAGS = $(runtime_libfabric_a_CPPFLAGS)
tests_unit_fabric_test_transfer_CFLAGS = $(UNIT_CFLAGS)
tests_unit_fabric_test_transfer_LDADD = tests/lib/libunit.a \
	runtime/libfabric.a $(STORAGE_LIBS) $(FABRIC_LIBS) $(SODIUM_LIBS) \
	$(CUNIT_LIBS)
