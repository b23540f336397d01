/* SPDX-License-Identifier: BSD-3-Clause */
/* restart.c - which epoch to restart from, and whether it can be here */
#include "launcher/restart.h"

#include "launcher/machine.h"
#include "storage/manifest.h"

#include <errno.h>
#include <string.h>

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
	if (!rc)
		rc = machine_check_cpu(json_object_get(manifest, "cpu"), err);
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
