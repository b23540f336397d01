# scripts/install: what `make install` adds to the programs
#
# cairn.pc and the modulefile hold folders, which only make knows in full (its
# prefix may be given to make, too), so they are made here and not by configure.
examplesdir = $(docdir)/examples
pkgconfigdir = $(libdir)/pkgconfig
completionsdir = $(datadir)/bash-completion/completions
install_edit = $(AM_V_GEN)$(MKDIR_P) $(@D) && sed \
	-e 's|@prefix[@]|$(prefix)|g' \
	-e 's|@exec_prefix[@]|$(exec_prefix)|g' \
	-e 's|@bindir[@]|$(bindir)|g' \
	-e 's|@mandir[@]|$(mandir)|g' \
	-e 's|@pkglibexecdir[@]|$(pkglibexecdir)|g' \
	-e 's|@pkgconfigdir[@]|$(pkgconfigdir)|g' \
	-e 's|@examplesdir[@]|$(examplesdir)|g' \
	-e 's|@VERSION[@]|$(VERSION)|g'

scripts/install/cairn.pc: scripts/install/cairn.pc.in Makefile
	$(install_edit) $(srcdir)/scripts/install/cairn.pc.in >$@
# Its name is the version that `module avail` shows.
scripts/install/$(VERSION): scripts/install/modulefile.in Makefile
	$(install_edit) $(srcdir)/scripts/install/modulefile.in >$@

pkgconfig_DATA = scripts/install/cairn.pc
modulefiledir = $(modulesdir)/cairn
modulefile_DATA = scripts/install/$(VERSION)
CLEANFILES += scripts/install/cairn.pc scripts/install/$(VERSION)

dist_man_MANS += launcher/cairn.7 runtime/agent/cairnd.8 \
	runtime/fabric/cairn-fabric.8 runtime/net/cairn-munge.8 \
	runtime/restore/cairn-lower.8 runtime/restore/cairn-rank.8 \
	runtime/restore/cairn-restore.8

dist_doc_DATA = README.md COPYING
dist_examples_DATA = tests/programs/heat.c

# bash-completion loads the file that is named like the command.
install-data-local:
	$(MKDIR_P) '$(DESTDIR)$(completionsdir)'
	$(INSTALL_DATA) $(srcdir)/scripts/install/cairn.bash \
		'$(DESTDIR)$(completionsdir)/cairnrun'
	$(INSTALL_DATA) $(srcdir)/scripts/install/cairn.bash \
		'$(DESTDIR)$(completionsdir)/cairn'
# What lies in a folder of ours goes, and then the folder.
uninstall-local:
	rm -f '$(DESTDIR)$(completionsdir)/cairnrun' \
		'$(DESTDIR)$(completionsdir)/cairn'
uninstall-hook:
	-cd '$(DESTDIR)$(prefix)' && rmdir '$(DESTDIR)$(pkglibexecdir)' \
		'$(DESTDIR)$(modulefiledir)' '$(DESTDIR)$(examplesdir)' \
		'$(DESTDIR)$(docdir)' 2>/dev/null

SYSTEM_TESTS += tests/system/0050-install.t
EXTRA_DIST += launcher/messages.md scripts/install/cairn.pc.in scripts/install/modulefile.in \
	scripts/install/cairn.bash scripts/debian-package \
	scripts/debian/changelog \
	scripts/debian/control scripts/debian/copyright scripts/debian/rules \
	scripts/debian/source/format scripts/spack/README.md \
	scripts/spack/repo.yaml scripts/spack/packages/cairn/package.py
