# unit tests of runtime/net
check_PROGRAMS += tests/unit/net/test_channel
TESTS += tests/unit/net/test_channel
tests_unit_net_test_channel_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE $(JANSSON_CFLAGS) $(SODIUM_CFLAGS)
tests_unit_net_test_channel_CFLAGS = $(UNIT_CFLAGS)
tests_unit_net_test_channel_LDADD = runtime/libnet.a $(UNIT_LDADD) \
	$(JANSSON_LIBS) $(SODIUM_LIBS)

check_PROGRAMS += tests/unit/net/test_munge
TESTS += tests/unit/net/test_munge
tests_unit_net_test_munge_CPPFLAGS = $(tests_unit_net_test_channel_CPPFLAGS)
tests_unit_net_test_munge_CFLAGS = $(UNIT_CFLAGS)
tests_unit_net_test_munge_LDADD = $(tests_unit_net_test_channel_LDADD)
EXTRA_DIST += tests/lib/munge
