/* SPDX-License-Identifier: BSD-3-Clause */
/* prune.c - remove epochs that nobody needs any more (I2) */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOG_PREFIX "prune: "
#include "runtime/base/fmt.h"
#include "runtime/base/log.h"
#include "storage/catalog.h"
#include "storage/commit.h"
#include "storage/fault.h"
#include "storage/manifest.h"
#include "storage/tier.h"

/*
 * DESIGN
 *
 * Kept: the newest `keep` epochs that pass the shallow check (manifest, sizes,
 * index digests) as far as it can be made from here, and the newest `keep` that
 * pass it and lie in the folder itself, not in burst buffers, which may vanish
 * (I2: in the same or a safer tier).  An epoch that is damaged does not count,
 * so that it never pushes out a good one; if it is newer than the oldest kept
 * one of its tier it is left for a person to look at.  Folders newer than the
 * newest good commit may be an epoch under way: never touched.  With no good
 * epoch nothing is removed.
 *
 * Images that those which stay refer to (incremental epochs) stay too, in their
 * folders, which are no epochs any more: an epoch goes, its bytes when nobody
 * needs them.  All manifests that stay count, so also those of epochs in burst
 * buffers, whose sources may have been copied here with another epoch.
 *
 * An epoch ends as it began, by one step: its manifest is removed and that is
 * made durable before any image goes, so it is never committed and incomplete.
 */

/* Files that stay for the sake of others; none without `test`. */
struct spared {
	bool (*test)(const void *arg, uint32_t epoch, const char *file);
	const void *arg;
	uint32_t epoch;
	size_t n; /* found */
};

static bool is_spared(struct spared *s, const char *file)
{
	bool is = s->test && s->test(s->arg, s->epoch, file);

	s->n += is;
	return is;
}

static int remove_names(int fd, struct spared *spared, struct err *err)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *e;
	int rc = 0;

	if (!d) {
		rc = -errno;
		if (copy >= 0)
			close(copy);
		return err_set(err, rc, "cannot list it: %s", fmt_error(rc));
	}
	while (!rc && (e = readdir(d))) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..") ||
		    is_spared(spared, e->d_name))
			continue;
		if (unlinkat(fd, e->d_name, 0) && errno != ENOENT)
			rc = err_set(err, -errno, "cannot remove %s: %s",
				     e->d_name, fmt_error(errno));
	}
	closedir(d);
	return rc;
}

static int remove_manifest(int fd, struct err *err)
{
	if (!unlinkat(fd, MANIFEST_NAME, 0))
		return commit_sync_dir(fd, MANIFEST_NAME, err);
	if (errno == ENOENT)
		return 0;
	return err_set(err, -errno, "cannot remove its manifest: %s",
		       fmt_error(errno));
}

int catalog_remove_epoch(int dirfd, uint32_t epoch,
			 bool (*needed)(const void *arg, uint32_t epoch,
					const char *file),
			 const void *arg, struct err *err)
{
	struct spared spared = { .test = needed, .arg = arg, .epoch = epoch };
	char name[24];
	int fd, rc = catalog_open_epoch(dirfd, epoch, &fd, err);

	if (rc == -ENOENT) /* another prune was faster */
		return 0;
	if (rc)
		return rc;
	catalog_name(epoch, name);
	rc = remove_manifest(fd, err);
	if (!rc) {
		fault_die(FAULT_PRUNE_MANIFEST, name);
		rc = remove_names(fd, &spared, err);
	}
	close(fd);
	if (!rc && !spared.n) {
		fault_die(FAULT_PRUNE_FILES, name);
		if (unlinkat(dirfd, name, AT_REMOVEDIR) && errno != ENOENT)
			rc = err_set(err, -errno, "cannot remove it: %s",
				     fmt_error(errno));
	}
	return rc ? err_prefix(err, rc, "%s", name) : 0;
}

/* Bounds of what is kept; 0 good epochs found: nothing may be removed. */
struct kept {
	size_t n;
	uint32_t oldest, newest;
};

struct kept_tiers {
	struct kept any;  /* in whatever tier */
	struct kept safe; /* in the folder itself */
	uint32_t busy;	  /* is being flushed */
};

static void count(struct kept *kept, unsigned int keep, uint32_t epoch)
{
	if (kept->n >= keep)
		return;
	if (!kept->n)
		kept->newest = epoch;
	kept->oldest = epoch;
	kept->n++;
}

static void find_kept(const char *dir, const struct catalog *catalog,
		      unsigned int keep, struct kept_tiers *kept)
{
	for (size_t i = catalog->n; i-- > 0 && kept->safe.n < keep;) {
		uint32_t epoch = catalog->epochs[i].epoch;
		struct err why = { "" };
		int rc = epoch_check(dir, epoch, 0, NULL, &why);

		if (rc && rc != -EREMOTE) {
			log_warn("%s; it does not count as kept", why.text);
			continue;
		}
		count(&kept->any, keep, epoch);
		if (!tier_is_fast(catalog->epochs[i].manifest))
			count(&kept->safe, keep, epoch);
	}
}

/* 0: not committed; else the manifest's tier, whatever state its images are
 * in. */
enum state { STATE_NONE, STATE_FAST, STATE_SAFE };

static enum state state_of(int dirfd, uint32_t epoch)
{
	struct err ignored;
	json_t *m = NULL;
	int fd, there;
	bool fast;

	if (catalog_open_epoch(dirfd, epoch, &fd, &ignored))
		return STATE_NONE;
	there = !faccessat(fd, MANIFEST_NAME, F_OK, AT_SYMLINK_NOFOLLOW);
	close(fd);
	if (!there)
		return STATE_NONE;
	fast = !manifest_load(dirfd, epoch, &m, &ignored) && tier_is_fast(m);
	json_decref(m);
	return fast ? STATE_FAST : STATE_SAFE;
}

static int must_go(int dirfd, uint32_t epoch, const struct kept_tiers *kept)
{
	if (epoch >= kept->any.newest || (kept->busy && epoch == kept->busy))
		return 0;
	switch (state_of(dirfd, epoch)) {
	case STATE_NONE: /* never was committed */
		return 1;
	case STATE_FAST:
		return epoch < kept->any.oldest;
	case STATE_SAFE:
		/* With none in the folder that is good, nothing there goes. */
		return epoch < kept->any.oldest && kept->safe.n &&
		       epoch < kept->safe.oldest;
	}
	return 0;
}

/* What the epochs that stay refer to: a list of their images' "sources". */
static int needs_of(int dirfd, uint32_t epoch, json_t *needs)
{
	json_t *m = NULL;
	const json_t *image;
	struct err ignored;
	int rc = 0;
	size_t i;

	/* Not committed, or damaged: nobody restarts from it. */
	if (manifest_load(dirfd, epoch, &m, &ignored))
		return 0;
	json_array_foreach(json_object_get(m, "images"), i, image)
	{
		json_t *list = json_object_get(image, "sources");

		if (list && json_array_extend(needs, list))
			rc = -ENOMEM;
	}
	json_decref(m);
	return rc;
}

static bool is_needed(const void *arg, uint32_t epoch, const char *file)
{
	const json_t *needs = arg, *one;
	size_t i;

	json_array_foreach(needs, i, one)
	{
		if (json_integer_value(json_object_get(one, "epoch")) ==
			    (json_int_t)epoch &&
		    !strcmp(json_string_value(json_object_get(one, "file")),
			    file))
			return true;
	}
	return false;
}

static int remove_old(int dirfd, const struct kept_tiers *kept, struct err *err)
{
	uint32_t *epochs = NULL;
	json_t *needs = json_array();
	size_t n = 0;
	int rc = catalog_list(dirfd, &epochs, &n, err);

	for (size_t i = 0; i < n && !rc; i++)
		if (!must_go(dirfd, epochs[i], kept) &&
		    (!needs || needs_of(dirfd, epochs[i], needs)))
			rc = err_set(err, -ENOMEM,
				     "no memory for a list of images");
	for (size_t i = 0; i < n && !rc; i++)
		if (must_go(dirfd, epochs[i], kept))
			rc = catalog_remove_epoch(dirfd, epochs[i], is_needed,
						  needs, err);
	json_decref(needs);
	if (!rc)
		rc = commit_sync_dir(dirfd, "removed epochs", err);
	free(epochs);
	return rc;
}

int prune(const char *dir, unsigned int keep, uint32_t busy, struct err *err)
{
	struct catalog catalog;
	struct kept_tiers kept = { .busy = busy };
	int dirfd, rc = catalog_load(dir, &catalog, err);

	if (rc)
		return rc;
	find_kept(dir, &catalog, keep ? keep : 1, &kept);
	catalog_fini(&catalog);
	if (!kept.any.n)
		return 0;
	rc = catalog_open(dir, &dirfd, err);
	if (rc)
		return rc;
	rc = remove_old(dirfd, &kept, err);
	close(dirfd);
	return rc;
}
