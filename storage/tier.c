/* SPDX-License-Identifier: BSD-3-Clause */
/* tier.c - where an epoch's images lie: burst buffers, checkpoint folder */
#define _GNU_SOURCE
#include "storage/tier.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "runtime/base/fmt.h"
#include "storage/catalog.h"
#include "storage/commit.h"
#include "storage/format.h"
#include "storage/owner.h"

#define ORIGIN	     "origin"
#define PREFIX	     "cairn-"
#define NAME_MAX_LEN 100 /* of the checkpoint folder's name in ours */

const char *tier_fast(const json_t *image)
{
	return json_string_value(json_object_get(image, "fast"));
}

bool tier_has_fast(const json_t *manifest)
{
	const json_t *image;
	size_t i;

	json_array_foreach(json_object_get(manifest, "images"), i, image)
	{
		if (tier_fast(image))
			return true;
	}
	return false;
}

bool tier_is_fast(const json_t *manifest)
{
	json_int_t format = json_integer_value(
		json_object_get(manifest, "format"));

	return (format - MANIFEST_FORMAT) & MANIFEST_BIT_FAST;
}

const char *tier_name(const json_t *manifest)
{
	return tier_is_fast(manifest) ? "burst-buffer" : "ckpt-dir";
}

bool tier_path_ok(const char *path)
{
	size_t len = path ? strlen(path) : 0;

	return len > 1 && len < PATH_MAX && path[0] == '/' &&
	       !strstr(path, "/../") &&
	       (len < 3 || strcmp(path + len - 3, "/..") != 0);
}

/* --- the job's folder ----------------------------------------------------- */

int tier_open(const char *path, int *dirfd, struct err *err)
{
	int fd, rc;

	if (!tier_path_ok(path))
		return err_set(err, -EINVAL, "%.200s is no path of a folder",
			       path ? path : "(none)");
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0) {
		rc = -errno;
		return err_set(err, rc, "cannot open folder %s: %s", path,
			       fmt_error(rc));
	}
	rc = owner_check_dir(fd, path, err);
	if (rc) {
		close(fd);
		return rc;
	}
	*dirfd = fd;
	return 0;
}

int tier_folder_name(const char *buffer, const char *ckpt_dir,
		     char path[PATH_MAX], struct err *err)
{
	const char *base = strrchr(ckpt_dir, '/');
	uint64_t hash = XXH3_64bits(ckpt_dir, strlen(ckpt_dir));
	int n;

	base = base ? base + 1 : ckpt_dir;
	if (!strncmp(base, PREFIX, sizeof(PREFIX) - 1))
		base += sizeof(PREFIX) - 1;
	n = snprintf(path, PATH_MAX, "%s/" PREFIX "%.*s-%016lx", buffer,
		     NAME_MAX_LEN, base, (unsigned long)hash);
	if (n < 0 || n >= PATH_MAX)
		return err_set(err, -ENAMETOOLONG,
			       "the burst buffer's name is too long");
	return 0;
}

int tier_folder(const char *buffer, const char *ckpt_dir, char path[PATH_MAX],
		int *dirfd, struct err *err)
{
	int fd = -1, at, rc = tier_folder_name(buffer, ckpt_dir, path, err);

	if (rc)
		return rc;
	at = open(buffer, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (at < 0) {
		rc = -errno;
		return err_set(err, rc, "cannot open folder %s: %s", buffer,
			       fmt_error(rc));
	}
	if (mkdirat(at, path + strlen(buffer) + 1, 0700) && errno != EEXIST) {
		rc = -errno;
		err_set(err, rc, "cannot make folder %s: %s", path,
			fmt_error(rc));
	}
	if (!rc)
		rc = commit_sync_dir(at, path, err);
	close(at);
	if (!rc)
		rc = tier_open(path, &fd, err);
	if (!rc && faccessat(fd, ORIGIN, F_OK, AT_SYMLINK_NOFOLLOW))
		rc = commit_file(fd, ORIGIN, ckpt_dir, strlen(ckpt_dir), 0,
				 err);
	if (rc && fd >= 0)
		close(fd);
	else if (!rc)
		*dirfd = fd;
	return rc;
}

/* --- an image, wherever it is ----------------------------------------------
 */

/* The manifest tells what must be kept for an image. */
static int check_sources(const json_t *image, const struct image *im,
			 struct err *err)
{
	const json_t *list = json_object_get(image, "sources");
	const struct image_source *s;
	size_t n;
	bool same;

	s = image_sources(im, &n);
	same = json_array_size(list) == n;
	for (size_t i = 0; i < n && same; i++) {
		struct image_source named = manifest_source(
			json_array_get(list, i));

		same = named.epoch == s[i].epoch &&
		       named.digest == s[i].digest &&
		       !strcmp(named.file, s[i].file);
	}
	return same ? 0 :
		      err_set(err, -EBADMSG,
			      "%s needs other images than the manifest says",
			      json_string_value(
				      json_object_get(image, "file")));
}

int tier_image_at(int epoch_dirfd, const json_t *image, struct image **im,
		  struct err *err)
{
	const char *file = json_string_value(json_object_get(image, "file"));
	const char *want = json_string_value(
		json_object_get(image, "index_digest"));
	json_int_t bytes = json_integer_value(json_object_get(image, "bytes"));
	struct image *opened;
	char digest[17];
	int rc;

	if (!file || !want || strchr(file, '/'))
		return err_set(err, -EBADMSG, "the manifest names no image");
	rc = image_open(epoch_dirfd, file, &opened, err);
	if (rc)
		return rc;
	manifest_digest(image_totals(opened)->index_digest, digest);
	if ((json_int_t)image_totals(opened)->bytes != bytes)
		rc = err_set(err, -EBADMSG,
			     "%s has %lu bytes, the manifest says otherwise",
			     file, (unsigned long)image_totals(opened)->bytes);
	else if (strcmp(digest, want))
		rc = err_set(err, -EBADMSG,
			     "%s is not the image that was committed", file);
	else
		rc = check_sources(image, opened, err);
	if (rc)
		image_close(opened);
	else
		*im = opened;
	return rc;
}

int tier_open_in(const char *fast, uint32_t epoch, const json_t *image,
		 struct image **im, struct err *err)
{
	int dirfd, fd, rc = tier_open(fast, &dirfd, err);

	if (rc)
		return rc;
	rc = catalog_open_epoch(dirfd, epoch, &fd, err);
	close(dirfd);
	if (rc)
		return rc;
	rc = tier_image_at(fd, image, im, err);
	close(fd);
	return rc;
}

static int open_fast(uint32_t epoch, const json_t *image, struct image **im,
		     struct err *err)
{
	return tier_open_in(tier_fast(image), epoch, image, im, err);
}

static int is_remote(const json_t *image, struct err *err)
{
	const char *file = json_string_value(json_object_get(image, "file"));
	const char *node = json_string_value(json_object_get(image, "node"));

	return err_set(err, -EREMOTE,
		       "%s lies in the burst buffer of node %s only (%s), and "
		       "is not there on this node",
		       file ? file : "an image", node ? node : "?",
		       tier_fast(image));
}

int tier_image_open(int epoch_dirfd, const json_t *manifest,
		    const json_t *image, bool fast_first, struct image **im,
		    struct err *err)
{
	uint32_t epoch = (uint32_t)json_integer_value(
		json_object_get(manifest, "epoch"));
	bool only_fast = tier_is_fast(manifest) && tier_fast(image);
	struct err ignored;
	int rc;

	if (only_fast) {
		rc = open_fast(epoch, image, im, err);
		return rc == -ENOENT || rc == -ENOTDIR ? is_remote(image, err) :
							 rc;
	}
	if (fast_first && tier_fast(image) &&
	    !open_fast(epoch, image, im, &ignored))
		return 0;
	return tier_image_at(epoch_dirfd, image, im, err);
}

/* --- copies on other nodes -------------------------------------------------
 */

bool tier_copies_ok(const json_t *copies)
{
	const json_t *one;
	size_t i;

	if (copies && !json_is_array(copies))
		return false;
	json_array_foreach(copies, i, one)
	{
		if (!json_is_string(json_object_get(one, "node")) ||
		    !tier_path_ok(tier_fast(one)))
			return false;
	}
	return true;
}

json_t *tier_copy_as(const json_t *image, const char *fast)
{
	json_t *entry = json_copy((json_t *)image);

	if (!entry)
		return NULL;
	json_object_set_new(entry, "fast", json_string(fast));
	json_object_del(entry, "copies");
	return entry;
}

/* --- what is left ----------------------------------------------------------
 */

static bool is_kept(uint32_t epoch, const uint32_t *keep, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (keep[i] == epoch)
			return true;
	return false;
}

int tier_sweep(const char *path, const uint32_t *keep, size_t n,
	       uint32_t before, struct err *err)
{
	uint32_t *epochs = NULL;
	size_t nepochs = 0, left = 0;
	int dirfd, rc = tier_open(path, &dirfd, err);

	if (rc == -ENOENT)
		return 0;
	if (rc)
		return rc;
	rc = catalog_list(dirfd, &epochs, &nepochs, err);
	for (size_t i = 0; i < nepochs && !rc; i++) {
		if (epochs[i] >= before || is_kept(epochs[i], keep, n))
			left++;
		else
			rc = catalog_remove_epoch(dirfd, epochs[i], NULL, NULL,
						  err);
	}
	if (!rc && !left) {
		unlinkat(dirfd, ORIGIN, 0);
		rmdir(path); /* not if a stranger's file is in it */
	}
	free(epochs);
	close(dirfd);
	return rc;
}

/* The checkpoint folder of a folder that is ours; false: not to be had. */
static bool read_origin(int at, const char *name, char origin[PATH_MAX])
{
	int dirfd = openat(at, name,
			   O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	struct err ignored;
	ssize_t n = -1;
	int fd;

	if (dirfd < 0)
		return false;
	fd = owner_check_dir(dirfd, name, &ignored) ?
		     -1 :
		     openat(dirfd, ORIGIN,
			    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd >= 0 && !owner_check_file(fd, ORIGIN, &ignored))
		n = read(fd, origin, PATH_MAX - 1);
	if (fd >= 0)
		close(fd);
	close(dirfd);
	if (n <= 0)
		return false;
	origin[n] = '\0';
	return origin[0] == '/';
}

size_t tier_orphans(const char *buffer,
		    void (*named)(void *arg, const char *path,
				  const char *origin),
		    void *arg)
{
	char origin[PATH_MAX], path[PATH_MAX];
	DIR *d = opendir(buffer);
	struct dirent *e;
	struct stat st;
	size_t n = 0;

	while (d && (e = readdir(d))) {
		if (strncmp(e->d_name, PREFIX, sizeof(PREFIX) - 1) ||
		    !read_origin(dirfd(d), e->d_name, origin) ||
		    !lstat(origin, &st) || errno != ENOENT)
			continue;
		if (snprintf(path, sizeof(path), "%s/%s", buffer, e->d_name) >=
		    (int)sizeof(path))
			continue;
		named(arg, path, origin);
		n++;
	}
	if (d)
		closedir(d);
	return n;
}
