# tests/programs/hdf5: a program over Debian's libhdf5-mpich; if that is missing
# it is not made, and the test says so.
hdf5_records = tests/programs/hdf5/records
if HAVE_HDF5
$(hdf5_records): $(srcdir)/tests/programs/hdf5/records.c
	$(AM_V_CC)$(MKDIR_P) tests/programs/hdf5 && $(MPICC) -std=gnu11 -O2 -g \
		-Wall -Wextra -Wno-stringop-overflow $(HDF5_CFLAGS) -o $@ \
		$(srcdir)/tests/programs/hdf5/records.c $(HDF5_LIBS)
check_DATA += $(hdf5_records)
CLEANFILES += $(hdf5_records)
endif
EXTRA_DIST += tests/programs/hdf5/records.c
SYSTEM_TESTS += tests/system/0820-hdf5.t
