/* SPDX-License-Identifier: BSD-3-Clause */
/* restart.c - which epoch to restart from */
#include "launcher/restart.h"

#include "storage/catalog.h"
#include "storage/manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int restart_choose(const char *dir, uint32_t epoch, struct restart *r,
		   struct err *err)
{
	json_t *manifest = NULL;
	int rc = 0;

	memset(r, 0, sizeof(*r));
	if (!epoch)
		rc = epoch_newest(dir, 0, &epoch, err);
	if (rc == -ENOENT)
		return err_set(err, rc,
			       "%s holds no committed checkpoint that can be "
			       "restarted",
			       dir);
	if (!rc)
		rc = epoch_check(dir, epoch, 0, &manifest, err);
	/* Each node will look for what lies in its burst buffer. */
	if (rc == -EREMOTE)
		rc = 0;
	if (rc) {
		json_decref(manifest);
		return err_prefix(err, rc, "cannot restart from %s", dir);
	}
	r->epoch = epoch;
	r->ranks = (long)json_integer_value(json_object_get(manifest, "ranks"));
	r->program = json_incref(json_object_get(manifest, "program"));
	json_decref(manifest);
	return 0;
}

int restart_choose_before(const char *dir, uint32_t epoch, struct restart *r,
			  struct err *err)
{
	int dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	uint32_t *epochs = NULL;
	size_t n = 0;
	int rc;

	if (dirfd < 0)
		return err_set(err, -errno, "cannot open %s: %s", dir,
			       strerror(errno));
	rc = catalog_list(dirfd, &epochs, &n, err);
	close(dirfd);
	if (rc)
		return rc;
	rc = err_set(err, -ENODATA, "no epoch before %u in %s can be restarted",
		     epoch, dir);
	while (rc && n-- > 0)
		if (epochs[n] < epoch)
			rc = restart_choose(dir, epochs[n], r, NULL) ? rc : 0;
	free(epochs);
	return rc;
}

int restart_check_ranks(const struct restart *r, long ranks, struct err *err)
{
	if (ranks && ranks != r->ranks)
		return err_set(err, -EINVAL,
			       "epoch %u has %ld ranks, and cannot be "
			       "restarted with %ld; use -n %ld",
			       r->epoch, r->ranks, ranks, r->ranks);
	return 0;
}

void restart_fini(struct restart *r)
{
	json_decref(r->program);
	memset(r, 0, sizeof(*r));
}
