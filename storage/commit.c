/* SPDX-License-Identifier: BSD-3-Clause */
/* commit.c - the one way in which a file of Cairn comes to be */
#define _GNU_SOURCE
#include "storage/commit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/fmt.h"
#include "storage/fault.h"

static const char *advice(int error)
{
	if (error == ENOSPC || error == EDQUOT)
		return "; free space there or prune old epochs";
	return "";
}

int commit_begin(struct commit *c, int dirfd, const char *name, int only_new,
		 struct err *err)
{
	memset(c, 0, sizeof(*c));
	c->fd = -1;
	c->dirfd = dirfd;
	c->only_new = only_new;
	if (!name[0] || name[0] == '.' || strchr(name, '/') ||
	    strlen(name) >= sizeof(c->name))
		return err_set(err, -EINVAL, "%.100s is not a plain file name",
			       name);
	strcpy(c->name, name);
	snprintf(c->tmp, sizeof(c->tmp), ".%s.tmp", name);
	if (only_new && !faccessat(dirfd, name, F_OK, AT_SYMLINK_NOFOLLOW))
		return err_set(err, -EEXIST, "%s is there already", name);
	/* What a killed writer left; O_EXCL then never follows or shares. */
	unlinkat(dirfd, c->tmp, 0);
	c->fd = openat(dirfd, c->tmp,
		       O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		       0600);
	if (c->fd < 0) {
		int error = errno;

		return err_set(err, -error, "cannot create %s: %s%s", c->tmp,
			       fmt_error(error), advice(error));
	}
	fault_die(FAULT_COMMIT_CREATED, c->name);
	return 0;
}

static int do_fsync(int fd, enum fault fault)
{
	if (fault_is_armed(fault))
		return -EIO;
	return fsync(fd) ? -errno : 0;
}

int commit_sync_dir(int dirfd, const char *what, struct err *err)
{
	int rc = do_fsync(dirfd, FAULT_DIR_FSYNC_EIO);

	/* Some file systems cannot sync a folder; theirs are synchronous. */
	if (rc && rc != -EINVAL)
		return err_set(err, rc, "cannot sync the folder of %s: %s",
			       what, fmt_error(rc));
	return 0;
}

static int do_rename(struct commit *c)
{
	unsigned int flags = c->only_new ? RENAME_NOREPLACE : 0;

	if (!renameat2(c->dirfd, c->tmp, c->dirfd, c->name, flags))
		return 0;
	if (errno != EINVAL || !flags)
		return -errno;
	/* This file system has no RENAME_NOREPLACE: commit_begin has looked,
	 * and an epoch has only one writer. */
	if (!renameat(c->dirfd, c->tmp, c->dirfd, c->name))
		return 0;
	return -errno;
}

int commit_end(struct commit *c, struct err *err)
{
	int rc;

	fault_die(FAULT_COMMIT_WRITTEN, c->name);
	rc = do_fsync(c->fd, FAULT_FSYNC_EIO);
	if (rc) {
		/* A second fsync could report success for lost pages. */
		commit_abort(c);
		return err_set(err, rc, "cannot sync %s: %s%s", c->name,
			       fmt_error(rc), advice(-rc));
	}
	fault_die(FAULT_COMMIT_SYNCED, c->name);
	rc = do_rename(c);
	if (rc) {
		commit_abort(c);
		return err_set(err, rc, "cannot rename %s to %s: %s", c->tmp,
			       c->name, fmt_error(rc));
	}
	fault_die(FAULT_COMMIT_RENAMED, c->name);
	rc = commit_sync_dir(c->dirfd, c->name, err);
	if (rc && c->only_new)
		unlinkat(c->dirfd, c->name, 0);
	if (!rc)
		fault_die(FAULT_COMMIT_DONE, c->name);
	close(c->fd);
	c->fd = -1;
	return rc;
}

void commit_abort(struct commit *c)
{
	if (c->fd < 0)
		return;
	close(c->fd);
	c->fd = -1;
	unlinkat(c->dirfd, c->tmp, 0);
}

static ssize_t do_pwrite(int fd, const void *data, size_t len, uint64_t offset)
{
	if (fault_is_armed(FAULT_WRITE_EIO)) {
		errno = EIO;
		return -1;
	}
	if (fault_is_armed(FAULT_WRITE_ENOSPC)) {
		errno = ENOSPC;
		return -1;
	}
	if (fault_is_armed(FAULT_WRITE_SHORT) && len > 1)
		len = len / 2;
	return pwrite(fd, data, len, (off_t)offset);
}

int commit_pwrite(int fd, const void *data, size_t len, uint64_t offset,
		  const char *what, struct err *err)
{
	const char *p = data;

	while (len) {
		ssize_t n = do_pwrite(fd, p, len, offset);
		int error = n < 0 ? errno : EIO;

		if (n > 0) {
			p += n;
			len -= (size_t)n;
			offset += (uint64_t)n;
			continue;
		}
		if (n < 0 && error == EINTR)
			continue;
		if (n < 0 && error == EINVAL &&
		    (fcntl(fd, F_GETFL) & O_DIRECT)) {
			/* No direct I/O here, or not after a short write: go
			 * on through the page cache. */
			if (!fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_DIRECT))
				continue;
		}
		return err_set(err, -error, "cannot write %s: %s%s", what,
			       fmt_error(error), advice(error));
	}
	return 0;
}

int commit_file(int dirfd, const char *name, const void *data, size_t len,
		int only_new, struct err *err)
{
	struct commit c;
	int rc = commit_begin(&c, dirfd, name, only_new, err);

	if (rc)
		return rc;
	rc = commit_pwrite(c.fd, data, len, 0, name, err);
	if (rc) {
		commit_abort(&c);
		return rc;
	}
	return commit_end(&c, err);
}
