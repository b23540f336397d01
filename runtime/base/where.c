/* SPDX-License-Identifier: BSD-3-Clause */
/* where.c - where Cairn's own programs and libraries lie */
#include "runtime/base/where.h"

#include "runtime/base/fmt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Relative to the folder of the running program: the same folder, the build
 * tree's, an installed prefix's. */
static const char *const beside[] = {
	"",		     "../runtime/",
	"../mpi_wrappers/",  "../launcher/",
	"../libexec/cairn/", "../../bin/",
};

static int own_folder(char *dir, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", dir, size - 1);

	if (n < 0)
		return -errno;
	dir[n] = '\0';
	*(strrchr(dir, '/') + 1) = '\0';
	return 0;
}

int where_find(const char *name, char *path, size_t size, struct err *err)
{
	const char *libexec = getenv("CAIRN_LIBEXEC");
	char dir[2048];
	char candidate[4096];

	if (libexec) {
		fmt_print(candidate, sizeof(candidate), "%s/%s", libexec, name);
		if (!access(candidate, R_OK))
			goto found;
	}
	if (!own_folder(dir, sizeof(dir))) {
		for (size_t i = 0; i < sizeof(beside) / sizeof(*beside); i++) {
			fmt_print(candidate, sizeof(candidate), "%s%s%s", dir,
				  beside[i], name);
			if (!access(candidate, R_OK))
				goto found;
		}
	}
	fmt_print(candidate, sizeof(candidate), "%s/%s", PKGLIBEXECDIR, name);
	if (access(candidate, R_OK))
		return err_set(err, -ENOENT,
			       "Cairn's own part %s was not found; install "
			       "Cairn again, or set CAIRN_LIBEXEC to the "
			       "folder that holds it",
			       name);
found:
	if (strlen(candidate) >= size)
		return err_set(err, -ENAMETOOLONG, "%s: path too long",
			       candidate);
	strcpy(path, candidate);
	return 0;
}
