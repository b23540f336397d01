/* SPDX-License-Identifier: BSD-3-Clause */
/* open.c - open the real MPI library and make sure that it is one */
#include <dlfcn.h>
#include <errno.h>
#include <string.h>

#include "runtime/lower/guest/guest.h"

/* MPI_MAX_LIBRARY_VERSION_STRING of MPICH. */
#define VERSION_MAX 8192

/* Debian's name, then upstream's, which every library of the MPICH ABI
 * initiative bears. */
static const char *const sonames[] = { "libmpich.so.12", "libmpi.so.12" };

/* What libraries with the MPICH ABI say of themselves. */
static const char *const families[] = { "MPICH", "MVAPICH", "Intel(R) MPI",
					"ParaStation" };

static int open_library(struct guest_boot *boot, void **library)
{
	const char *tried = boot->mpi_lib;

	if (tried) {
		*library = dlopen(tried, RTLD_LAZY | RTLD_GLOBAL);
	} else {
		tried = sonames[0];
		*library = dlopen(sonames[0], RTLD_LAZY | RTLD_GLOBAL);
		if (!*library)
			*library = dlopen(sonames[1], RTLD_LAZY | RTLD_GLOBAL);
	}
	if (*library)
		return 0;
	return err_set(&boot->err, -ENOENT,
		       "cannot open the MPI library %s: %s; install it, or "
		       "name one of the MPICH ABI with --mpi-lib",
		       tried, dlerror());
}

static int check_abi(struct guest_boot *boot, void *library)
{
	const char *name = boot->mpi_lib ? boot->mpi_lib :
					   "the MPI library found";
	static char version[VERSION_MAX];
	int (*get_version)(char *, int *);
	int len = 0;

	if (dlsym(library, "process_page"))
		return err_set(&boot->err, -ELIBACC,
			       "%s is Cairn's own libmpi, not a real one; name "
			       "the real one with --mpi-lib",
			       name);
	if (dlsym(library, "ompi_mpi_comm_world"))
		return err_set(
			&boot->err, -ELIBACC,
			"%s is Open MPI, which Cairn does not support; "
			"build the program with MPICH, or name a library "
			"of the MPICH ABI with --mpi-lib",
			name);
	*(void **)&get_version = dlsym(library, "PMPI_Get_library_version");
	if (!get_version)
		return err_set(&boot->err, -ELIBACC,
			       "%s is not an MPI-3 library; name one of the "
			       "MPICH ABI with --mpi-lib",
			       name);
	get_version(version, &len);
	for (size_t i = 0; i < sizeof(families) / sizeof(*families); i++)
		if (strstr(version, families[i]))
			return 0;
	version[strcspn(version, "\n")] = '\0';
	return err_set(&boot->err, -ELIBACC,
		       "%s calls itself \"%.80s\", which Cairn does not know "
		       "to have the MPICH ABI; name another with --mpi-lib",
		       name, version);
}

int guest_open(struct guest_boot *boot, void **library)
{
	int rc = open_library(boot, library);

	if (!rc)
		rc = check_abi(boot, *library);
	if (rc)
		return rc;
	for (size_t i = 0; boot->symbols && boot->symbols[i]; i++)
		boot->table[i] = dlsym(*library, boot->symbols[i]);
	return 0;
}
