# Invented nodes in great number: what cairnrun itself costs.
check_PROGRAMS += tests/scale/agents
tests_scale_agents_SOURCES = tests/scale/agents.c
tests_scale_agents_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE $(JANSSON_CFLAGS) $(SODIUM_CFLAGS)
tests_scale_agents_CFLAGS = $(UNIT_CFLAGS)
tests_scale_agents_LDADD = runtime/libagent.a runtime/libnet.a $(STORAGE_LIBS) \
	$(SODIUM_LIBS)
EXTRA_DIST += tests/scale/README.md tests/scale/RESULTS.md tests/scale/scale
