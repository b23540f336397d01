# launcher: cairnrun with the coordinator, and cairn, the tool
LAUNCHER_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE -DCAIRN_VERSION='"$(VERSION)"' \
	$(JANSSON_CFLAGS) $(SODIUM_CFLAGS)
LAUNCHER_CFLAGS = $(AM_CFLAGS) $(SANITIZER_CFLAGS)
LAUNCHER_LIBS = launcher/liblauncher.a runtime/libnet.a $(STORAGE_LIBS) \
	$(SODIUM_LIBS) -lm

noinst_LIBRARIES += launcher/liblauncher.a
launcher_liblauncher_a_SOURCES = \
	launcher/child.c launcher/child.h \
	launcher/command.c launcher/starter.h \
	launcher/copies.c launcher/copies.h \
	launcher/coordinator.c launcher/coordinator.h \
	launcher/counts.c launcher/counts.h \
	launcher/ending.c launcher/ending.h \
	launcher/epochs.c \
	launcher/errand.c launcher/errand.h \
	launcher/flush.c launcher/flush.h \
	launcher/frontier.c launcher/frontier.h \
	launcher/history.c launcher/history.h \
	launcher/hosts.c launcher/hosts.h \
	launcher/hydra.c \
	launcher/interval.c launcher/interval.h \
	launcher/job.c launcher/job.h \
	launcher/keeper.c launcher/keeper.h \
	launcher/loop.c launcher/loop.h \
	launcher/losses.c \
	launcher/machine.c launcher/machine.h \
	launcher/metrics.c launcher/metrics.h \
	launcher/nodes.c launcher/nodes.h \
	launcher/options.c launcher/options.h \
	launcher/pace.c launcher/pace.h \
	launcher/peers.c \
	launcher/private.c launcher/private.h \
	launcher/progress.c launcher/progress.h \
	launcher/record.c \
	launcher/ranks.c launcher/ranks.h \
	launcher/restart.c launcher/restart.h \
	launcher/server.c launcher/server.h \
	launcher/session.c launcher/session.h \
	launcher/shares.c launcher/shares.h \
	launcher/slurm.c launcher/slurm.h \
	launcher/srun.c \
	launcher/tally.c launcher/tally.h \
	launcher/timeline.c launcher/timeline.h \
	launcher/units.c launcher/units.h \
	launcher/walltime.c launcher/walltime.h \
	launcher/words.c launcher/words.h
launcher_liblauncher_a_CPPFLAGS = $(LAUNCHER_CPPFLAGS)
launcher_liblauncher_a_CFLAGS = $(LAUNCHER_CFLAGS)

bin_PROGRAMS += launcher/cairnrun
launcher_cairnrun_SOURCES = launcher/cairnrun.c
launcher_cairnrun_CPPFLAGS = $(LAUNCHER_CPPFLAGS)
launcher_cairnrun_CFLAGS = $(LAUNCHER_CFLAGS)
launcher_cairnrun_LDADD = $(LAUNCHER_LIBS)

bin_PROGRAMS += launcher/cairn
launcher_cairn_SOURCES = launcher/cairn.c launcher/tool.c launcher/tool.h \
	launcher/cmd_checkpoint.c launcher/cmd_inspect.c launcher/cmd_ls.c \
	launcher/cmd_prune.c launcher/cmd_restart.c launcher/cmd_status.c \
	launcher/cmd_report.c launcher/cmd_verify.c \
	launcher/report/draw.c launcher/report/draw.h \
	launcher/report/html.c launcher/report/html.h \
	launcher/report/life.c launcher/report/life.h \
	launcher/report/page.c launcher/report/page.h
launcher_cairn_CPPFLAGS = $(LAUNCHER_CPPFLAGS)
launcher_cairn_CFLAGS = $(LAUNCHER_CFLAGS)

# the report's style sheet, as a string of C
launcher/report/report.css.h: launcher/report/report.css launcher/local.mk
	$(AM_V_GEN)$(MKDIR_P) launcher/report && { \
		echo 'static const char report_style[] ='; \
		sed -e 's/["\\]/\\&/g' -e 's/^/"/' -e 's/$$/\\n"/' \
			$(srcdir)/launcher/report/report.css && echo ';'; \
		} >$@.tmp && mv $@.tmp $@
launcher/report/cairn-page.$(OBJEXT): launcher/report/report.css.h
CLEANFILES += launcher/report/report.css.h launcher/report/report.css.h.tmp
EXTRA_DIST += launcher/report/report.css
launcher_cairn_LDADD = $(LAUNCHER_LIBS)

include tests/unit/launcher/local.mk

# what the system tests of the launcher run
check_PROGRAMS += tests/programs/launcher/append tests/programs/launcher/counter
tests_programs_launcher_append_SOURCES = tests/programs/launcher/append.c
tests_programs_launcher_counter_SOURCES = tests/programs/launcher/counter.c
SYSTEM_TESTS += tests/system/0300-launcher.t tests/system/0320-seeing.t
EXTRA_DIST += tests/system/seeing/history.py tests/system/seeing/metrics.py \
	tests/system/seeing/report.py

dist_man_MANS += launcher/cairn.1 launcher/cairnrun.1
EXTRA_DIST += launcher/README.md launcher/coordinator.md launcher/copies.md launcher/flush.md launcher/history.md
