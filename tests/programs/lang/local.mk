# tests/programs/lang: the same in other languages, and an MPI tool.  Those whose
# compiler is missing are not made; the test says so.
lang_programs = tests/programs/lang/libtool.so tests/programs/lang/heat_tool
lang_sources = bindings.cc attributes.f particles.f90 modern.f90 mixed.f90 \
	lasting.f90 mixed.c tool.c
if HAVE_MPICXX
lang_programs += tests/programs/lang/bindings
endif
if HAVE_MPIF90
lang_programs += \
	tests/programs/lang/attributes \
	tests/programs/lang/particles \
	tests/programs/lang/modern \
	tests/programs/lang/lasting \
	tests/programs/lang/mixed
endif
lang_dir = $(MKDIR_P) tests/programs/lang

tests/programs/lang/bindings: $(srcdir)/tests/programs/lang/bindings.cc
	$(AM_V_GEN)$(lang_dir) && $(MPICXX) -O2 -g -Wall -Wextra -o $@ \
		$(srcdir)/tests/programs/lang/bindings.cc
tests/programs/lang/attributes: $(srcdir)/tests/programs/lang/attributes.f
	$(AM_V_GEN)$(lang_dir) && $(MPIF90) -O2 -g -o $@ \
		$(srcdir)/tests/programs/lang/attributes.f
# MPICH's module has no interface for buffers: two types look like a mistake.
tests/programs/lang/particles: $(srcdir)/tests/programs/lang/particles.f90
	$(AM_V_GEN)$(lang_dir) && $(MPIF90) -O2 -g -w -fallow-argument-mismatch \
		-o $@ $(srcdir)/tests/programs/lang/particles.f90
tests/programs/lang/modern: $(srcdir)/tests/programs/lang/modern.f90
	$(AM_V_GEN)$(lang_dir) && $(MPIF90) -O2 -g -Wall \
		-Wno-unused-dummy-argument -J tests/programs/lang -o $@ \
		$(srcdir)/tests/programs/lang/modern.f90
# Both Fortran bindings and C in one program.  A compiler writes its modules where
# it is told, and another may be writing the same names: so in a folder of its own.
tests/programs/lang/mixed: $(srcdir)/tests/programs/lang/mixed.f90 \
		$(srcdir)/tests/programs/lang/mixed.c
	$(AM_V_GEN)$(MKDIR_P) tests/programs/lang/modules && \
	$(MPICC) -std=gnu11 -O2 -g -Wall -Wextra -Wno-stringop-overflow -c \
		-o tests/programs/lang/modules/mixed.o \
		$(srcdir)/tests/programs/lang/mixed.c && \
	$(MPIF90) -O2 -g -w -fallow-argument-mismatch \
		-J tests/programs/lang/modules -o $@ \
		$(srcdir)/tests/programs/lang/mixed.f90 \
		tests/programs/lang/modules/mixed.o
tests/programs/lang/lasting: $(srcdir)/tests/programs/lang/lasting.f90
	$(AM_V_GEN)$(lang_dir) && $(MPIF90) -O2 -g -w -fallow-argument-mismatch \
		-J tests/programs/lang -o $@ \
		$(srcdir)/tests/programs/lang/lasting.f90
tests/programs/lang/libtool.so: $(srcdir)/tests/programs/lang/tool.c
	$(AM_V_GEN)$(lang_dir) && $(MPICC) -std=gnu11 -O2 -g -Wall -Wextra \
		-shared -fPIC -Wl,-soname,libtool.so -o $@ $(srcdir)/tests/programs/lang/tool.c
# The tool comes before the MPI library, as its makers tell users to link it.
tests/programs/lang/heat_tool: $(srcdir)/tests/programs/heat.c \
		tests/programs/lang/libtool.so
	$(AM_V_GEN)$(MPICC) -std=gnu11 -O2 -g -Wno-stringop-overflow \
		-o $@ $(srcdir)/tests/programs/heat.c \
		-Wl,--no-as-needed tests/programs/lang/libtool.so \
		-Wl,-rpath,'$$ORIGIN' -lm

check_DATA += $(lang_programs)
CLEANFILES += $(lang_programs) tests/programs/lang/callbacks.mod \
	tests/programs/lang/lasting_old.mod \
	tests/programs/lang/lasting_new.mod \
	tests/programs/lang/modules/c_half.mod \
	tests/programs/lang/modules/older.mod \
	tests/programs/lang/modules/newer.mod \
	tests/programs/lang/modules/mixed.o
EXTRA_DIST += $(lang_sources:%=tests/programs/lang/%)
SYSTEM_TESTS += tests/system/0800-languages.t
