# launcher: cairnrun with the coordinator, and cairn, the tool
noinst_LIBRARIES += launcher/liblauncher.a
launcher_liblauncher_a_SOURCES = \
	launcher/frontier.c launcher/frontier.h
launcher_liblauncher_a_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE $(JANSSON_CFLAGS) $(SODIUM_CFLAGS)
launcher_liblauncher_a_CFLAGS = $(AM_CFLAGS) $(SANITIZER_CFLAGS)
