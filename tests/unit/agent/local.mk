check_PROGRAMS += tests/unit/agent/test_frontier
TESTS += tests/unit/agent/test_frontier
tests_unit_agent_test_frontier_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
tests_unit_agent_test_frontier_CFLAGS = $(UNIT_CFLAGS)
tests_unit_agent_test_frontier_LDADD = runtime/libagent.a $(UNIT_LDADD) $(JANSSON_LIBS)

check_PROGRAMS += tests/unit/agent/test_agent
TESTS += tests/unit/agent/test_agent
tests_unit_agent_test_agent_SOURCES = tests/unit/agent/test_agent.c \
	tests/unit/agent/fake_rank.c tests/unit/agent/fake_rank.h
tests_unit_agent_test_agent_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE $(JANSSON_CFLAGS)
tests_unit_agent_test_agent_CFLAGS = $(UNIT_CFLAGS)
tests_unit_agent_test_agent_LDADD = tests/lib/libunit.a runtime/libnet.a \
	$(STORAGE_LIBS) $(CUNIT_LIBS) $(SODIUM_LIBS)
EXTRA_tests_unit_agent_test_agent_DEPENDENCIES = runtime/cairnd

check_PROGRAMS += tests/unit/agent/test_leftover
TESTS += tests/unit/agent/test_leftover
tests_unit_agent_test_leftover_CPPFLAGS = $(AM_CPPFLAGS)
tests_unit_agent_test_leftover_CFLAGS = $(UNIT_CFLAGS)
tests_unit_agent_test_leftover_LDADD = runtime/libagent.a $(UNIT_LDADD)

check_PROGRAMS += tests/unit/agent/test_changes
TESTS += tests/unit/agent/test_changes
tests_unit_agent_test_changes_CPPFLAGS = $(AM_CPPFLAGS)
tests_unit_agent_test_changes_CFLAGS = $(UNIT_CFLAGS)
tests_unit_agent_test_changes_LDADD = runtime/libagent.a $(UNIT_LDADD)

check_PROGRAMS += tests/unit/agent/test_buffer
TESTS += tests/unit/agent/test_buffer
tests_unit_agent_test_buffer_CPPFLAGS = $(AM_CPPFLAGS)
tests_unit_agent_test_buffer_CFLAGS = $(UNIT_CFLAGS)
tests_unit_agent_test_buffer_LDADD = runtime/libagent.a $(UNIT_LDADD) $(STORAGE_LIBS)

check_PROGRAMS += tests/unit/agent/test_memory
TESTS += tests/unit/agent/test_memory
tests_unit_agent_test_memory_CPPFLAGS = $(AM_CPPFLAGS)
tests_unit_agent_test_memory_CFLAGS = $(UNIT_CFLAGS)
tests_unit_agent_test_memory_LDADD = runtime/libagent.a $(UNIT_LDADD)
