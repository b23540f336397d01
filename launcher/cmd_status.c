/* SPDX-License-Identifier: BSD-3-Clause */
/* cmd_status.c - cairn status: is the job running, and what is it doing? */
#include "launcher/tool.h"

#include "storage/manifest.h"

#include <errno.h>
#include <stdio.h>

/* What the folder alone says. */
static json_t *idle_status(const char *dir)
{
	struct catalog catalog = { 0 };
	json_t *status;
	struct err err;

	if (catalog_load(dir, &catalog, &err))
		catalog.n = 0;
	status = json_pack("{s:b, s:s, s:I, s:I}", "running", 0, "dir", dir,
			   "epochs", (json_int_t)catalog.n, "newest",
			   (json_int_t)(catalog.n ?
						catalog.epochs[catalog.n - 1]
							.epoch :
						0));
	catalog_fini(&catalog);
	return status;
}

static void print_text(const json_t *s, bool running)
{
	const char *job = "", *phase = "", *dir = "", *waits_for = "";
	json_int_t epoch = 0, ranks = 0, running_ranks = 0, committed = 0;
	json_int_t epochs = 0, newest = 0, flushed = 0, flushing = 0;

	json_unpack((json_t *)s,
		    "{s?s, s?s, s?s, s?s, s?I, s?I, s?I, s?I, s?I, s?I, s?I, "
		    "s?I}",
		    "job", &job, "waits_for", &waits_for, "phase", &phase,
		    "dir", &dir, "epoch", &epoch, "ranks", &ranks,
		    "ranks_running", &running_ranks, "committed", &committed,
		    "epochs", &epochs, "newest", &newest, "flushed", &flushed,
		    "flushing", &flushing);
	if (!running) {
		printf("no job is running in %s; ", dir);
		if (epochs)
			printf("%lld committed checkpoints, the newest is "
			       "epoch %lld\n",
			       (long long)epochs, (long long)newest);
		else
			printf("no committed checkpoint\n");
		return;
	}
	printf("job %s is running: %lld of %lld ranks, ", job,
	       (long long)running_ranks, (long long)ranks);
	if (committed)
		printf("newest checkpoint epoch %lld%s, ", (long long)committed,
		       flushed == committed  ? "" :
		       flushing == committed ? " (being flushed)" :
					       " (in burst buffers)");
	else
		printf("no checkpoint yet, ");
	printf("now %s%s%s\n", phase, *waits_for ? ", waits for " : "",
	       waits_for);
}

static int ask(const struct tool_args *a, struct err *err)
{
	json_t *status = NULL;
	bool running = true;
	int rc = tool_ask(a->dir,
			  json_pack("{s:s, s:s}", "type", "tool", "command",
				    "status"),
			  a->wait_ms, NULL, &status, err);

	if (rc == -ESRCH) {
		running = false;
		status = idle_status(a->dir);
	} else if (rc) {
		return rc;
	} else {
		json_object_set(status, "ranks_running",
				json_object_get(status, "running"));
		json_object_set_new(status, "running", json_true());
		json_object_del(status, "type");
		json_object_del(status, "ok");
		json_object_del(status, "text");
	}
	if (a->json)
		tool_print(status);
	else
		print_text(status, running);
	json_decref(status);
	return 0;
}

static int run(int argc, char **argv, struct err *err)
{
	struct tool_args a;
	int rc = tool_parse(&tool_status, argc, argv, "jt", &a, err);

	if (!a.wait_ms)
		a.wait_ms = 10000;
	if (!rc)
		rc = ask(&a, err);
	else if (rc > 0)
		rc = 0;
	tool_args_fini(&a);
	return rc;
}

const struct tool tool_status = {
	.name = "status",
	.summary = "say whether a job runs, and what it is doing",
	.usage = "usage: cairn status [--json] [--timeout TIME] DIR|JOB\n\n"
		 "Says whether the job of a checkpoint folder is running, how "
		 "many ranks are up,\nand which phase a checkpoint is in.\n\n"
		 "Examples:\n"
		 "  cairn status cairn-ring-3f2a\n"
		 "  cairn status --json ring-3f2a | jq .phase\n",
	.run = run,
};
