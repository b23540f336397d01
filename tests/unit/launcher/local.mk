# unit tests of the launcher
LAUNCHER_TEST_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE $(JANSSON_CFLAGS) $(SODIUM_CFLAGS)

check_PROGRAMS += tests/unit/launcher/test_command
TESTS += tests/unit/launcher/test_command
tests_unit_launcher_test_command_CPPFLAGS = $(LAUNCHER_TEST_CPPFLAGS)
tests_unit_launcher_test_command_CFLAGS = $(UNIT_CFLAGS)
tests_unit_launcher_test_command_LDADD = launcher/liblauncher.a \
	runtime/libnet.a $(UNIT_LDADD) $(STORAGE_LIBS) $(SODIUM_LIBS)

check_PROGRAMS += tests/unit/launcher/test_private
TESTS += tests/unit/launcher/test_private
tests_unit_launcher_test_private_CPPFLAGS = $(LAUNCHER_TEST_CPPFLAGS)
tests_unit_launcher_test_private_CFLAGS = $(UNIT_CFLAGS)
tests_unit_launcher_test_private_LDADD = launcher/liblauncher.a $(UNIT_LDADD)

check_PROGRAMS += tests/unit/launcher/test_coordinator
TESTS += tests/unit/launcher/test_coordinator
tests_unit_launcher_test_coordinator_CPPFLAGS = $(LAUNCHER_TEST_CPPFLAGS)
tests_unit_launcher_test_coordinator_CFLAGS = $(UNIT_CFLAGS)
tests_unit_launcher_test_coordinator_LDADD = launcher/liblauncher.a \
	runtime/libnet.a $(UNIT_LDADD) $(STORAGE_LIBS) $(SODIUM_LIBS)

check_PROGRAMS += tests/unit/launcher/test_hosts
TESTS += tests/unit/launcher/test_hosts
tests_unit_launcher_test_hosts_CPPFLAGS = $(LAUNCHER_TEST_CPPFLAGS)
tests_unit_launcher_test_hosts_CFLAGS = $(UNIT_CFLAGS)
tests_unit_launcher_test_hosts_LDADD = launcher/liblauncher.a \
	runtime/libnet.a $(UNIT_LDADD) $(SODIUM_LIBS) $(JANSSON_LIBS)

check_PROGRAMS += tests/unit/launcher/test_keeper
TESTS += tests/unit/launcher/test_keeper
tests_unit_launcher_test_keeper_CPPFLAGS = $(LAUNCHER_TEST_CPPFLAGS)
tests_unit_launcher_test_keeper_CFLAGS = $(UNIT_CFLAGS)
tests_unit_launcher_test_keeper_LDADD = launcher/liblauncher.a $(UNIT_LDADD)

check_PROGRAMS += tests/unit/launcher/test_slurm
TESTS += tests/unit/launcher/test_slurm
tests_unit_launcher_test_slurm_CPPFLAGS = $(LAUNCHER_TEST_CPPFLAGS)
tests_unit_launcher_test_slurm_CFLAGS = $(UNIT_CFLAGS)
tests_unit_launcher_test_slurm_LDADD = launcher/liblauncher.a \
	runtime/libnet.a $(UNIT_LDADD) $(SODIUM_LIBS) $(JANSSON_LIBS)

check_PROGRAMS += tests/unit/launcher/test_history
TESTS += tests/unit/launcher/test_history
tests_unit_launcher_test_history_CPPFLAGS = $(LAUNCHER_TEST_CPPFLAGS)
tests_unit_launcher_test_history_CFLAGS = $(UNIT_CFLAGS)
tests_unit_launcher_test_history_LDADD = launcher/liblauncher.a \
	runtime/libnet.a $(STORAGE_LIBS) $(UNIT_LDADD) $(SODIUM_LIBS)

check_PROGRAMS += tests/unit/launcher/test_interval
TESTS += tests/unit/launcher/test_interval
tests_unit_launcher_test_interval_CPPFLAGS = $(LAUNCHER_TEST_CPPFLAGS)
tests_unit_launcher_test_interval_CFLAGS = $(UNIT_CFLAGS)
tests_unit_launcher_test_interval_LDADD = launcher/liblauncher.a \
	$(UNIT_LDADD) -lm

check_PROGRAMS += tests/unit/launcher/test_counts
TESTS += tests/unit/launcher/test_counts
tests_unit_launcher_test_counts_CPPFLAGS = $(LAUNCHER_TEST_CPPFLAGS)
tests_unit_launcher_test_counts_CFLAGS = $(UNIT_CFLAGS)
tests_unit_launcher_test_counts_LDADD = launcher/liblauncher.a $(UNIT_LDADD) \
	$(JANSSON_LIBS)
