/* SPDX-License-Identifier: BSD-3-Clause */
/* cairn.c - the tool: one subcommand a file, one line a subcommand here */
#include "launcher/tool.h"

#include "runtime/base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct tool *const tools[] = {
	&tool_checkpoint, &tool_status,	 &tool_ls,    &tool_inspect,
	&tool_verify,	  &tool_restart, &tool_prune, &tool_report,
};

#define TOOLS (sizeof(tools) / sizeof(*tools))

static void usage(FILE *out)
{
	fputs("usage: cairn COMMAND [OPTIONS] DIR|JOB\n\n"
	      "Works on a running job or a checkpoint folder.\n\n",
	      out);
	for (size_t i = 0; i < TOOLS; i++)
		fprintf(out, "  %-11s %s\n", tools[i]->name, tools[i]->summary);
	fputs("\ncairn COMMAND --help shows options and examples.\n", out);
}

int main(int argc, char **argv)
{
	struct err err = { "" };

	log_init("", getenv("CAIRN_LOG"));
	if (argc < 2) {
		usage(stderr);
		return 2;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "help")) {
		usage(stdout);
		return 0;
	}
	if (!strcmp(argv[1], "--version")) {
		printf("cairn %s\n", CAIRN_VERSION);
		return 0;
	}
	for (size_t i = 0; i < TOOLS; i++) {
		int rc;

		if (strcmp(argv[1], tools[i]->name))
			continue;
		rc = tools[i]->run(argc - 1, argv + 1, &err);
		if (rc >= 0)
			return rc;
		log_err("%s", err.text);
		return rc == TOOL_USAGE ? 2 : 1;
	}
	log_err("there is no command \"%s\"; see cairn --help", argv[1]);
	return 2;
}
