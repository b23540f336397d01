/* SPDX-License-Identifier: BSD-3-Clause */
/* catalog.c - which epochs a checkpoint folder holds */
#define _GNU_SOURCE
#include "storage/catalog.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG_PREFIX "catalog: "
#include "runtime/base/fmt.h"
#include "runtime/base/log.h"
#include "storage/commit.h"
#include "storage/owner.h"

void catalog_name(uint32_t epoch, char name[24])
{
	snprintf(name, 24, "epoch-%06u", epoch);
}

static int open_dir(int at, const char *name, int flags, int *dirfd,
		    struct err *err)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | flags);
	int rc;

	if (fd < 0) {
		rc = -errno;
		return err_set(err, rc, "cannot open folder %s: %s", name,
			       fmt_error(rc));
	}
	rc = owner_check_dir(fd, name, err);
	if (rc) {
		close(fd);
		return rc;
	}
	*dirfd = fd;
	return 0;
}

int catalog_open(const char *dir, int *dirfd, struct err *err)
{
	return open_dir(AT_FDCWD, dir, 0, dirfd, err);
}

int catalog_open_epoch(int dirfd, uint32_t epoch, int *epoch_dirfd,
		       struct err *err)
{
	char name[24];

	catalog_name(epoch, name);
	return open_dir(dirfd, name, O_NOFOLLOW, epoch_dirfd, err);
}

/* --- making folders ------------------------------------------------------- */

/* A folder whose name is lost with the power is no folder: sync its parent. */
static int make_dir(int at, const char *name, int parent_fd, struct err *err)
{
	int rc;

	if (!mkdirat(at, name, 0700))
		return commit_sync_dir(parent_fd, name, err);
	rc = -errno;
	if (rc == -EEXIST)
		return 0;
	return err_set(err, rc, "cannot make folder %s: %s", name,
		       fmt_error(rc));
}

static int make_checkpoint_dir(const char *dir, struct err *err)
{
	char parent[4096];
	size_t len = strlen(dir);
	int fd, rc;

	while (len > 1 && dir[len - 1] == '/')
		len--;
	while (len && dir[len - 1] != '/')
		len--;
	if (len >= sizeof(parent))
		return err_set(err, -ENAMETOOLONG, "folder name is too long");
	memcpy(parent, dir, len);
	parent[len] = '\0';
	fd = open(len ? parent : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		rc = -errno;
		return err_set(err, rc, "cannot make folder %s: %s", dir,
			       fmt_error(rc));
	}
	rc = make_dir(AT_FDCWD, dir, fd, err);
	close(fd);
	return rc;
}

int catalog_share_epoch(int dirfd, uint32_t epoch, int *epoch_dirfd,
			struct err *err)
{
	char name[24];
	int rc;

	catalog_name(epoch, name);
	rc = make_dir(dirfd, name, dirfd, err);
	return rc ? rc : catalog_open_epoch(dirfd, epoch, epoch_dirfd, err);
}

int catalog_make_epoch(int dirfd, uint32_t epoch, int *epoch_dirfd,
		       struct err *err)
{
	int fd, rc = catalog_share_epoch(dirfd, epoch, &fd, err);

	if (rc)
		return rc;
	if (!faccessat(fd, MANIFEST_NAME, F_OK, AT_SYMLINK_NOFOLLOW)) {
		close(fd);
		return err_set(err, -EEXIST, "epoch %u is committed already",
			       epoch);
	}
	*epoch_dirfd = fd;
	return 0;
}

int epoch_folder(const char *dir, uint32_t epoch, int create, int *epoch_dirfd,
		 struct err *err)
{
	int dirfd, rc = 0;

	if (create && access(dir, F_OK))
		rc = make_checkpoint_dir(dir, err);
	if (!rc)
		rc = catalog_open(dir, &dirfd, err);
	if (rc)
		return rc;
	if (create)
		rc = catalog_make_epoch(dirfd, epoch, epoch_dirfd, err);
	else
		rc = catalog_open_epoch(dirfd, epoch, epoch_dirfd, err);
	close(dirfd);
	return rc;
}

/* --- listing -------------------------------------------------------------- */

/* Exactly the names that catalog_name makes. */
static int is_epoch_name(const char *name, uint32_t *epoch)
{
	char again[24];
	unsigned long value;
	char *end;

	if (strncmp(name, "epoch-", 6) || strlen(name) >= sizeof(again))
		return 0;
	errno = 0;
	value = strtoul(name + 6, &end, 10);
	if (errno || *end || value > UINT32_MAX)
		return 0;
	catalog_name((uint32_t)value, again);
	*epoch = (uint32_t)value;
	return !strcmp(name, again);
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static int collect(DIR *d, uint32_t **epochs, size_t *n)
{
	uint32_t *list = NULL, epoch;
	struct dirent *e;
	size_t room = 0;

	*n = 0;
	while ((e = readdir(d))) {
		if (!is_epoch_name(e->d_name, &epoch))
			continue;
		if (*n == room) {
			void *p;

			room = room ? 2 * room : 16;
			p = realloc(list, room * sizeof(*list));
			if (!p) {
				free(list);
				return -ENOMEM;
			}
			list = p;
		}
		list[(*n)++] = epoch;
	}
	if (*n)
		qsort(list, *n, sizeof(*list), by_number);
	*epochs = list;
	return 0;
}

int catalog_list(int dirfd, uint32_t **epochs, size_t *n, struct err *err)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	int rc;

	if (!d) {
		rc = -errno;
		if (fd >= 0)
			close(fd);
		return err_set(err, rc, "cannot list the folder: %s",
			       fmt_error(rc));
	}
	rc = collect(d, epochs, n);
	closedir(d);
	return rc ? err_set(err, rc, "no memory for a list of epochs") : 0;
}

static void load_epochs(int dirfd, const uint32_t *epochs, size_t n,
			struct catalog *catalog)
{
	for (size_t i = 0; i < n; i++) {
		struct epoch_entry *e = &catalog->epochs[catalog->n];
		struct err why = { "" };
		int rc = manifest_load(dirfd, epochs[i], &e->manifest, &why);

		if (!rc) {
			e->epoch = epochs[i];
			catalog->n++;
		} else if (rc != -ENOENT) {
			log_warn("%s; this epoch is left out", why.text);
		}
	}
}

int catalog_load(const char *dir, struct catalog *catalog, struct err *err)
{
	uint32_t *epochs = NULL;
	size_t n = 0;
	int dirfd, rc;

	memset(catalog, 0, sizeof(*catalog));
	rc = catalog_open(dir, &dirfd, err);
	if (rc)
		return rc;
	rc = catalog_list(dirfd, &epochs, &n, err);
	if (!rc) {
		catalog->epochs = calloc(n + 1, sizeof(*catalog->epochs));
		if (catalog->epochs)
			load_epochs(dirfd, epochs, n, catalog);
		else
			rc = err_set(err, -ENOMEM,
				     "no memory for a list of epochs");
	}
	free(epochs);
	close(dirfd);
	return rc;
}

void catalog_fini(struct catalog *catalog)
{
	for (size_t i = 0; i < catalog->n; i++)
		json_decref(catalog->epochs[i].manifest);
	free(catalog->epochs);
	memset(catalog, 0, sizeof(*catalog));
}
