/* SPDX-License-Identifier: BSD-3-Clause */
/* cmd_checkpoint.c - cairn checkpoint: ask a running job for one, and wait */
#include "launcher/tool.h"

#include "launcher/progress.h"
#include "launcher/units.h"

#include <stdio.h>
#include <unistd.h>

static struct progress progress; /* on_progress has no argument for it */

static void show(const json_t *message)
{
	progress_show(&progress, message);
}

static void print_text(const json_t *answer)
{
	const char *text = "";
	json_int_t bytes = 0, memory_bytes = 0;
	double pause_ms = 0, seconds = 0;
	char written[32], memory[32];

	json_unpack((json_t *)answer, "{s:s, s:I, s:I, s:F, s:F}", "text",
		    &text, "bytes", &bytes, "memory_bytes", &memory_bytes,
		    "pause_ms", &pause_ms, "seconds", &seconds);
	printf("%s: %s of %s memory, pause %.0f ms, %.2f s in all\n", text,
	       units_bytes((uint64_t)bytes, written, sizeof(written)),
	       units_bytes((uint64_t)memory_bytes, memory, sizeof(memory)),
	       pause_ms, seconds);
}

static int ask(const struct tool_args *a, struct err *err)
{
	json_t *answer = NULL;
	json_t *command = json_pack("{s:s, s:s, s:b}", "type", "tool",
				    "command",
				    a->abort ? "abort" : "checkpoint", "exit",
				    (int)a->stop);
	bool ok;
	int rc;

	progress_init(&progress, STDERR_FILENO);
	rc = tool_ask(a->dir, command, a->wait_ms, show, &answer, err);
	progress_clear(&progress);
	if (rc)
		return rc;
	ok = json_is_true(json_object_get(answer, "ok"));
	json_object_del(answer, "type");
	if (a->json) {
		tool_print(answer);
	} else if (ok && !a->abort) {
		print_text(answer);
	} else {
		const char *text = json_string_value(
			json_object_get(answer, "text"));

		fprintf(ok ? stdout : stderr, "%s%s\n",
			ok ? "" : "cairn: ", text ? text : "");
	}
	json_decref(answer);
	return ok ? 0 : 1;
}

static int run(int argc, char **argv, struct err *err)
{
	struct tool_args a;
	int rc = tool_parse(&tool_checkpoint, argc, argv, "jeta", &a, err);

	if (!rc)
		rc = ask(&a, err);
	else if (rc > 0)
		rc = 0;
	tool_args_fini(&a);
	return rc;
}

const struct tool tool_checkpoint = {
	.name = "checkpoint",
	.summary = "checkpoint a running job now, and wait for the commit",
	.usage =
		"usage: cairn checkpoint [OPTIONS] DIR|JOB\n\n"
		"Asks a running job for a checkpoint and waits until it is "
		"committed (exit code 0)\nor given up (1, with the reason).\n\n"
		"  --exit          then stop the job; its cairnrun ends with 85\n"
		"  --abort         give up the checkpoint that is under way\n"
		"  --timeout TIME  wait no longer than this (default: no limit)\n"
		"  --json          print the answer as JSON\n\n"
		"Examples:\n"
		"  cairn checkpoint cairn-ring-3f2a\n"
		"  cairn checkpoint --exit ring-3f2a\n",
	.run = run,
};
