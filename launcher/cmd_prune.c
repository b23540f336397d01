/* SPDX-License-Identifier: BSD-3-Clause */
/* cmd_prune.c - cairn prune: remove old checkpoints */
#include "launcher/tool.h"

#include "storage/manifest.h"
#include "storage/retention.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static size_t count(const char *dir, struct err *err)
{
	struct catalog catalog;
	size_t n;

	if (catalog_load(dir, &catalog, err))
		return 0;
	n = catalog.n;
	catalog_fini(&catalog);
	return n;
}

static int remove_old(const struct tool_args *a, struct err *err)
{
	struct retention r = { .age_ms = a->keep_age_ms,
			       .bytes = a->keep_bytes };
	size_t before = count(a->dir, err), after;
	int rc;

	if (a->epoch)
		return err_set(err, TOOL_USAGE,
			       "cairn prune takes a folder, not one epoch; "
			       "the newest N stay with --keep N");
	r.keep = (unsigned int)a->keep;
	if (!a->keep && !a->keep_age_ms && !a->keep_bytes)
		r.keep = 1;
	rc = retention_apply(a->dir, &r, 0, err);
	if (rc)
		return rc;
	after = count(a->dir, err);
	if (a->json) {
		json_t *result = json_pack("{s:s, s:I, s:I}", "dir", a->dir,
					   "removed",
					   (json_int_t)(before - after), "kept",
					   (json_int_t)after);
		tool_print(result);
		json_decref(result);
	} else {
		printf("%zu checkpoints removed, %zu kept\n", before - after,
		       after);
	}
	return 0;
}

static int run(int argc, char **argv, struct err *err)
{
	struct tool_args a;
	int rc = tool_parse(&tool_prune, argc, argv, "jkAB", &a, err);

	if (!rc)
		rc = remove_old(&a, err);
	else if (rc > 0)
		rc = 0;
	tool_args_fini(&a);
	return rc;
}

const struct tool tool_prune = {
	.name = "prune",
	.summary = "remove all but the newest checkpoints",
	.usage =
		"usage: cairn prune [--keep N] [--keep-age TIME] "
		"[--keep-bytes SIZE] [--json] DIR|JOB\n\n"
		"Removes checkpoints beyond the newest N (1, if no other "
		"bound is given), older\nones, and those beyond so many "
		"bytes, and what failed ones left.\nThe newest good one is never "
		"removed.\n\n"
		"Examples:\n"
		"  cairn prune cairn-ring-3f2a\n"
		"  cairn prune --keep 3 ring-3f2a\n",
	.run = run,
};
