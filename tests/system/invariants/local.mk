# What must hold whatever happens to an MPI job, and the program that watches.
invariants_programs = tests/system/invariants/inv
$(invariants_programs): %: $(srcdir)/%.c
	$(AM_V_CC)$(MKDIR_P) $(@D) && $(MPICC) -std=gnu11 -O2 -g \
		-Wall -Wextra -Wno-stringop-overflow -o $@ $<
check_DATA += $(invariants_programs)
CLEANFILES += $(invariants_programs)
SYSTEM_TESTS += tests/system/0700-invariants.t tests/system/0710-stale.t
EXTRA_DIST += tests/system/invariants/inv.c tests/system/invariants/look.py
