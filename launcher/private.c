/* SPDX-License-Identifier: BSD-3-Clause */
/* private.c - a folder under $TMPDIR for this job's sockets */
#include "launcher/private.h"

#include "runtime/base/fmt.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define PREFIX	"cairn-"
#define VARYING "XXXXXX" /* mkdtemp() makes it a name of its own */

/* What may lie in a folder that its job has left: `agent`, `agent.lock`, and
 * the socket under the name that it has before anybody may find it. */
static bool is_a_remnant(int dir, const char *name)
{
	struct stat st;

	if (strncmp(name, "agent", 5) != 0 ||
	    fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW))
		return false;
	return S_ISSOCK(st.st_mode) || (S_ISREG(st.st_mode) && !st.st_size);
}

static bool is_a_dot(const char *name)
{
	return !strcmp(name, ".") || !strcmp(name, "..");
}

static void sweep(int tmp, const char *name)
{
	int fd = openat(tmp, name,
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	bool stale = true;
	struct dirent *entry;
	struct stat st;
	DIR *d;

	if (fd < 0)
		return;
	/* Its cairnrun and its agent hold shared locks for all their lives. */
	if (fstat(fd, &st) || st.st_uid != geteuid() ||
	    (st.st_mode & 07777) != 0700 || flock(fd, LOCK_EX | LOCK_NB) ||
	    !(d = fdopendir(fd))) {
		close(fd);
		return;
	}
	while ((entry = readdir(d)))
		stale = stale && (is_a_dot(entry->d_name) ||
				  is_a_remnant(fd, entry->d_name));
	rewinddir(d);
	while (stale && (entry = readdir(d)))
		unlinkat(fd, entry->d_name, 0);
	if (stale)
		unlinkat(tmp, name, AT_REMOVEDIR);
	closedir(d);
}

void private_sweep(const char *tmp)
{
	size_t length = strlen(PREFIX VARYING);
	struct dirent *entry;
	DIR *d = opendir(tmp);

	if (!d)
		return;
	while ((entry = readdir(d)))
		if (strlen(entry->d_name) == length &&
		    !strncmp(entry->d_name, PREFIX, strlen(PREFIX)))
			sweep(dirfd(d), entry->d_name);
	closedir(d);
}

/* Is it still there, by this name? */
static bool is_at(int fd, const char *path)
{
	struct stat there, st;

	return !fstat(fd, &st) && !lstat(path, &there) &&
	       st.st_ino == there.st_ino && st.st_dev == there.st_dev;
}

/* Made and locked; begins again if another cairnrun took it for a stale one in
 * between.  A file system without locks has no stale ones either. */
static int make_locked(char *path, int *lock)
{
	size_t at = strlen(path) - strlen(VARYING);

	for (;;) {
		strcpy(path + at, VARYING);
		if (!mkdtemp(path))
			return -errno;
		*lock = open(path,
			     O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (*lock < 0 && errno != ENOENT) {
			int rc = -errno;

			rmdir(path);
			return rc;
		}
		if (*lock < 0)
			continue;
		flock(*lock, LOCK_SH);
		if (is_at(*lock, path))
			return 0;
		close(*lock);
		*lock = -1;
	}
}

int private_make(char path[PRIVATE_PATH], int *lock, struct err *err)
{
	const char *tmp[] = { getenv("TMPDIR"), "/tmp" };
	int rc = -ENOENT;

	for (int i = 0; i < 2; i++) {
		if (!tmp[i] || tmp[i][0] != '/')
			continue;
		if ((size_t)fmt_print(path, PRIVATE_PATH, "%s/" PREFIX VARYING,
				      tmp[i]) >= PRIVATE_PATH)
			continue;
		private_sweep(tmp[i]);
		rc = make_locked(path, lock);
		if (!rc)
			return 0;
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
