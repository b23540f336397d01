check_PROGRAMS += tests/unit/agent/test_frontier
TESTS += tests/unit/agent/test_frontier
tests_unit_agent_test_frontier_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
tests_unit_agent_test_frontier_CFLAGS = $(UNIT_CFLAGS)
tests_unit_agent_test_frontier_LDADD = runtime/libagent.a $(UNIT_LDADD) $(JANSSON_LIBS)
