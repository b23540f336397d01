/* SPDX-License-Identifier: BSD-3-Clause */
/* owner.c - is this file or folder ours, and ours alone to change? (I9) */
#include "storage/owner.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/fmt.h"

static int check(int fd, const char *name, mode_t type, const char *kind,
		 struct err *err)
{
	struct stat st;

	if (fstat(fd, &st))
		return err_set(err, -errno, "cannot look at %s: %s", name,
			       fmt_error(errno));
	if ((st.st_mode & S_IFMT) != type)
		return err_set(err, -EPERM, "%s is not a %s; refused", name,
			       kind);
	if (st.st_uid != geteuid())
		return err_set(
			err, -EPERM,
			"%s belongs to user %u, not to you (%u); refused", name,
			(unsigned int)st.st_uid, (unsigned int)geteuid());
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return err_set(err, -EPERM,
			       "others may write to %s; refused until you run "
			       "chmod go-w on it",
			       name);
	return 0;
}

int owner_check_file(int fd, const char *name, struct err *err)
{
	return check(fd, name, S_IFREG, "regular file", err);
}

int owner_check_dir(int fd, const char *name, struct err *err)
{
	return check(fd, name, S_IFDIR, "folder", err);
}
