/* SPDX-License-Identifier: BSD-3-Clause */
/* verify.c - is an epoch whole, and which is the newest that is? (I1) */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOG_PREFIX "verify: "
#include "runtime/base/log.h"
#include "storage/catalog.h"
#include "storage/image.h"
#include "storage/manifest.h"
#include "storage/tier.h"

/* The manifest's list names the same ranks as the image (both have each rank
 * once, so equal counts and inclusion are enough). */
static int check_ranks(const struct image *im, const json_t *ranks,
		       struct err *err)
{
	size_t n = json_array_size(ranks);

	if (n != image_nranks(im))
		return err_set(err, -EBADMSG,
			       "it holds %zu ranks, the manifest says %zu",
			       image_nranks(im), n);
	for (size_t i = 0; i < n; i++) {
		const struct sheet *sheet;
		size_t len;
		int rc = image_sheet(im,
				     (uint32_t)json_integer_value(
					     json_array_get(ranks, i)),
				     &sheet, &len, err);

		if (rc)
			return -EBADMSG;
	}
	return 0;
}

static int check_image(int epoch_dirfd, const json_t *manifest,
		       const json_t *entry, int deep, struct err *err)
{
	const char *file = json_string_value(json_object_get(entry, "file"));
	struct image *im;
	int rc = tier_image_open(epoch_dirfd, manifest, entry, 0, &im, err);

	/* A committed epoch without its image is damaged, not absent. */
	if (rc)
		return rc == -ENOENT ? -EBADMSG : rc;
	rc = check_ranks(im, json_object_get(entry, "ranks"), err);
	if (rc)
		err_prefix(err, rc, "%s", file);
	else if (deep)
		rc = image_verify(im, err);
	image_close(im);
	return rc;
}

/* All that can be reached from here; what cannot is named if the rest is good.
 */
static int check_images(int dirfd, uint32_t epoch, const json_t *manifest,
			int deep, struct err *err)
{
	const json_t *images = json_object_get(manifest, "images");
	struct err why = { "" };
	int fd, rc = catalog_open_epoch(dirfd, epoch, &fd, err);
	int remote = 0;

	if (rc)
		return rc;
	for (size_t i = 0; i < json_array_size(images) && !rc; i++) {
		rc = check_image(fd, manifest, json_array_get(images, i), deep,
				 &why);
		if (rc == -EREMOTE && !remote++)
			err_set(err, rc, "%s", why.text);
		if (rc == -EREMOTE)
			rc = 0;
		else if (rc)
			err_set(err, rc, "%s", why.text);
	}
	close(fd);
	if (!rc && remote)
		rc = -EREMOTE;
	return rc ? err_prefix(err, rc, "epoch %u", epoch) : 0;
}

int epoch_check(const char *dir, uint32_t epoch, int deep, json_t **manifest,
		struct err *err)
{
	json_t *m = NULL;
	int dirfd, rc = catalog_open(dir, &dirfd, err);

	if (rc)
		return rc;
	rc = manifest_load(dirfd, epoch, &m, err);
	if (!rc)
		rc = check_images(dirfd, epoch, m, deep, err);
	close(dirfd);
	if ((!rc || rc == -EREMOTE) && manifest)
		*manifest = m;
	else
		json_decref(m);
	return rc;
}

int epoch_verify(const char *dir, uint32_t epoch, struct err *err)
{
	return epoch_check(dir, epoch, 1, NULL, err);
}

int epoch_newest(const char *dir, int deep, uint32_t *epoch, struct err *err)
{
	struct catalog catalog;
	int rc = catalog_load(dir, &catalog, err);

	if (rc)
		return rc;
	rc = err_set(err, -ENOENT, "no epoch in %s can be restarted from", dir);
	for (size_t i = catalog.n; i-- > 0;) {
		struct err why = { "" };
		int here = epoch_check(dir, catalog.epochs[i].epoch, deep, NULL,
				       &why);

		if (!here || here == -EREMOTE) {
			*epoch = catalog.epochs[i].epoch;
			rc = 0;
			break;
		}
		log_warn("%s; looking at the epoch before", why.text);
	}
	catalog_fini(&catalog);
	return rc;
}
