# tests/programs: small programs that know nothing of Cairn.  MPI ones are built
# by MPICH's compiler wrapper, as a user would.
mpi_programs = \
	tests/programs/bad_input \
	tests/programs/bad_objects \
	tests/programs/churn \
	tests/programs/file_kinds \
	tests/programs/file_order \
	tests/programs/file_removed \
	tests/programs/file_sequential \
	tests/programs/heat \
	tests/programs/mutate \
	tests/programs/objects \
	tests/programs/shared \
	tests/programs/situations \
	tests/programs/storm \
	tests/programs/windows
$(mpi_programs): tests/programs/%: $(srcdir)/tests/programs/%.c
	$(AM_V_CC)$(MKDIR_P) tests/programs && $(MPICC) -std=gnu11 -O2 -g \
		-Wall -Wextra -Wno-stringop-overflow -pthread -o $@ $< -lm
# One of several files: a topic each.
kept_sources = $(srcdir)/tests/programs/kept/main.c \
	$(srcdir)/tests/programs/kept/greqs.c \
	$(srcdir)/tests/programs/kept/others.c \
	$(srcdir)/tests/programs/kept/parts.c \
	$(srcdir)/tests/programs/kept/sessions.c \
	$(srcdir)/tests/programs/kept/tools.c
tests/programs/kept/kept: $(kept_sources) $(srcdir)/tests/programs/kept/kept.h
	$(AM_V_CC)$(MKDIR_P) tests/programs/kept && $(MPICC) -std=gnu11 -O2 \
		-g -Wall -Wextra -Wno-stringop-overflow -pthread -o $@ \
		$(kept_sources)
check_DATA += $(mpi_programs) tests/programs/kept/kept
CLEANFILES += tests/programs/kept/kept
EXTRA_DIST += $(kept_sources) tests/programs/kept/kept.h
CLEANFILES += $(mpi_programs)
tests/programs/churn tests/programs/storm: tests/programs/random.h
tests/programs/bad_input tests/programs/bad_objects: tests/programs/tries.h
EXTRA_DIST += $(mpi_programs:=.c) tests/programs/random.h tests/programs/tries.h \
	tests/programs/README.md
