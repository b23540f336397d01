# unit tests of runtime/net
check_PROGRAMS += tests/unit/net/test_channel
TESTS += tests/unit/net/test_channel
tests_unit_net_test_channel_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE $(JANSSON_CFLAGS) $(SODIUM_CFLAGS)
tests_unit_net_test_channel_CFLAGS = $(UNIT_CFLAGS)
tests_unit_net_test_channel_LDADD = runtime/libnet.a $(UNIT_LDADD) \
	$(JANSSON_LIBS) $(SODIUM_LIBS)

MUNGED_RIG = tests/unit/net/munged.c tests/unit/net/munged.h

check_PROGRAMS += tests/unit/net/test_munge
TESTS += tests/unit/net/test_munge
tests_unit_net_test_munge_SOURCES = tests/unit/net/test_munge.c $(MUNGED_RIG)
tests_unit_net_test_munge_CPPFLAGS = $(tests_unit_net_test_channel_CPPFLAGS)
tests_unit_net_test_munge_CFLAGS = $(UNIT_CFLAGS)
tests_unit_net_test_munge_LDADD = $(tests_unit_net_test_channel_LDADD)

check_PROGRAMS += tests/unit/net/test_credential
TESTS += tests/unit/net/test_credential
tests_unit_net_test_credential_SOURCES = tests/unit/net/test_credential.c $(MUNGED_RIG)
tests_unit_net_test_credential_CPPFLAGS = $(tests_unit_net_test_channel_CPPFLAGS)
tests_unit_net_test_credential_CFLAGS = $(UNIT_CFLAGS)
tests_unit_net_test_credential_LDADD = $(tests_unit_net_test_channel_LDADD)
EXTRA_DIST += tests/lib/munge
if HAVE_MUNGE
unit_starts += runtime/cairn-munge
endif
