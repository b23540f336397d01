/* SPDX-License-Identifier: BSD-3-Clause */
/* cmd_verify.c - cairn verify: read and check every byte */
#include "launcher/tool.h"

#include "storage/manifest.h"

#include <errno.h>
#include <stdio.h>

/* 0, or 1 after its sentence was printed or put into list. */
static int verify_one(const struct tool_args *a, uint32_t epoch, json_t *list)
{
	struct err err = { "" };
	int rc = epoch_check(a->dir, epoch, a->deep, NULL, &err);

	if (a->json)
		json_array_append_new(list,
				      json_pack("{s:I, s:b, s:b, s:s}", "epoch",
						(json_int_t)epoch, "ok", !rc,
						"remote", rc == -EREMOTE,
						"text",
						rc ? err.text : "good"));
	else
		printf("epoch %u: %s%s\n", epoch,
		       rc == -EREMOTE ? "not checked: " : "",
		       rc ? err.text : "good");
	return rc ? 1 : 0;
}

static int verify(const struct tool_args *a, struct err *err)
{
	struct catalog catalog = { 0 };
	json_t *list = json_array(), *all;
	int bad = 0, rc = 0;

	if (a->epoch) {
		bad = verify_one(a, (uint32_t)a->epoch, list);
	} else {
		rc = catalog_load(a->dir, &catalog, err);
		for (size_t i = 0; i < catalog.n; i++)
			bad |= verify_one(a, catalog.epochs[i].epoch, list);
		if (!rc && !catalog.n)
			rc = err_set(err, -ENOENT,
				     "%s holds no committed checkpoint",
				     a->dir);
		catalog_fini(&catalog);
	}
	if (!rc && a->json) {
		all = json_pack("{s:s, s:b, s:O}", "dir", a->dir, "ok", !bad,
				"epochs", list);
		tool_print(all);
		json_decref(all);
	}
	json_decref(list);
	return rc ? rc : bad;
}

static int run(int argc, char **argv, struct err *err)
{
	struct tool_args a;
	int rc = tool_parse(&tool_verify, argc, argv, "jq", &a, err);

	if (!rc)
		rc = verify(&a, err);
	else if (rc > 0)
		rc = 0;
	tool_args_fini(&a);
	return rc;
}

const struct tool tool_verify = {
	.name = "verify",
	.summary = "read checkpoints and check every byte",
	.usage = "usage: cairn verify [--json] [--quick] DIR[/EPOCH]|JOB\n\n"
		 "Checks manifest, index and every chunk of one checkpoint or "
		 "of all; exit code 0\nif all are good, 1 if not.  Images in "
		 "another node's burst buffer cannot be checked\nfrom here; "
		 "this is said, and counts as not good.\n\n"
		 "  --quick  manifest, sizes and index only\n"
		 "  --json   print the result as JSON\n\n"
		 "Examples:\n"
		 "  cairn verify cairn-ring-3f2a\n"
		 "  cairn verify cairn-ring-3f2a/7\n",
	.run = run,
};
