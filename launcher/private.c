/* SPDX-License-Identifier: BSD-3-Clause */
/* private.c - a folder under $TMPDIR for this job's sockets */
#include "launcher/private.h"

#include "runtime/base/fmt.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int private_make(char path[PRIVATE_PATH], struct err *err)
{
	const char *tmp[] = { getenv("TMPDIR"), "/tmp" };
	int rc = -ENOENT;

	for (int i = 0; i < 2; i++) {
		if (!tmp[i] || tmp[i][0] != '/')
			continue;
		if ((size_t)fmt_print(path, PRIVATE_PATH, "%s/cairn-XXXXXX",
				      tmp[i]) >= PRIVATE_PATH)
			continue;
		if (mkdtemp(path))
			return 0;
		rc = -errno;
	}
	return err_set(err, rc,
		       "cannot make a folder under $TMPDIR or /tmp: %s",
		       strerror(-rc));
}

void private_remove(const char *path)
{
	struct dirent *entry;
	DIR *d = opendir(path);

	while (d && (entry = readdir(d)))
		unlinkat(dirfd(d), entry->d_name, 0);
	if (d)
		closedir(d);
	rmdir(path);
}
