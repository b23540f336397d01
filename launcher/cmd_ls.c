/* SPDX-License-Identifier: BSD-3-Clause */
/* cmd_ls.c - cairn ls: the committed epochs of a folder */
#include "launcher/tool.h"

#include "launcher/units.h"
#include "storage/manifest.h"
#include "storage/tier.h"

#include <stdio.h>

/* The members that DESIGN 10 promises; others build on them. */
static json_t *entry(const json_t *m)
{
	static const char *const members[] = { "epoch",	       "ranks",
					       "time",	       "bytes",
					       "memory_bytes", "pause_ms",
					       "seconds",      "program" };
	json_t *e = json_object();

	for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++)
		json_object_set(e, members[i], json_object_get(m, members[i]));
	json_object_set_new(e, "tier", json_string(tier_name(m)));
	return e;
}

/* Folders that never saw a burst buffer need no column for it. */
static bool has_tiers(const struct catalog *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (tier_has_fast(c->epochs[i].manifest))
			return true;
	return false;
}

static void print_row(const json_t *m, bool tiers)
{
	json_int_t epoch = 0, ranks = 0, bytes = 0, memory = 0;
	const char *time = "";
	double pause_ms = 0, seconds = 0;
	char b[32], mb[32];

	json_unpack((json_t *)m, "{s:I, s:I, s:s, s:I, s:I, s:F, s:F}", "epoch",
		    &epoch, "ranks", &ranks, "time", &time, "bytes", &bytes,
		    "memory_bytes", &memory, "pause_ms", &pause_ms, "seconds",
		    &seconds);
	printf("%6lld  %-20s  %6lld  %10s  %10s  %7.0f ms  %8.2f s%s%s\n",
	       (long long)epoch, time, (long long)ranks,
	       units_bytes((uint64_t)bytes, b, sizeof(b)),
	       units_bytes((uint64_t)memory, mb, sizeof(mb)), pause_ms, seconds,
	       tiers ? "  " : "", tiers ? tier_name(m) : "");
}

static int list(const struct tool_args *a, struct err *err)
{
	struct catalog catalog;
	json_t *epochs;
	bool tiers;
	int rc = catalog_load(a->dir, &catalog, err);

	if (rc)
		return rc;
	epochs = json_array();
	tiers = has_tiers(&catalog);
	if (!a->json && catalog.n)
		printf("%6s  %-20s  %6s  %10s  %10s  %10s  %10s%s\n", "EPOCH",
		       "TIME", "RANKS", "WRITTEN", "MEMORY", "PAUSE", "TOTAL",
		       tiers ? "  TIER" : "");
	for (size_t i = 0; i < catalog.n; i++) {
		const struct epoch_entry *e = &catalog.epochs[i];

		if (a->epoch && (uint32_t)a->epoch != e->epoch)
			continue;
		if (a->json)
			json_array_append_new(epochs, entry(e->manifest));
		else
			print_row(e->manifest, tiers);
	}
	if (a->json) {
		json_t *all = json_pack("{s:s, s:O}", "dir", a->dir, "epochs",
					epochs);
		tool_print(all);
		json_decref(all);
	}
	json_decref(epochs);
	catalog_fini(&catalog);
	return 0;
}

static int run(int argc, char **argv, struct err *err)
{
	struct tool_args a;
	int rc = tool_parse(&tool_ls, argc, argv, "j", &a, err);

	if (!rc)
		rc = list(&a, err);
	else if (rc > 0)
		rc = 0;
	tool_args_fini(&a);
	return rc;
}

const struct tool tool_ls = {
	.name = "ls",
	.summary = "list the committed checkpoints of a folder",
	.usage = "usage: cairn ls [--json] DIR|JOB\n\n"
		 "Lists the committed checkpoints, oldest first.  Damaged "
		 "ones are named in a warning.\n\n"
		 "Examples:\n"
		 "  cairn ls cairn-ring-3f2a\n"
		 "  cairn ls --json ring-3f2a | jq '.epochs[-1].epoch'\n",
	.run = run,
};
