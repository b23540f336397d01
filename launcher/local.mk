# launcher: cairnrun with the coordinator, and cairn, the tool
noinst_LIBRARIES += launcher/liblauncher.a
launcher_liblauncher_a_SOURCES = \
	launcher/command.c launcher/starter.h \
	launcher/frontier.c launcher/frontier.h \
	launcher/hydra.c \
	launcher/options.c launcher/options.h \
	launcher/srun.c \
	launcher/units.c launcher/units.h \
	launcher/words.c launcher/words.h
launcher_liblauncher_a_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE $(JANSSON_CFLAGS) $(SODIUM_CFLAGS)
launcher_liblauncher_a_CFLAGS = $(AM_CFLAGS) $(SANITIZER_CFLAGS)

include tests/unit/launcher/local.mk
