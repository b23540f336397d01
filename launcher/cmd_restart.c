/* SPDX-License-Identifier: BSD-3-Clause */
/* cmd_restart.c - cairn restart: cairnrun --restart, by a shorter name */
#include "launcher/tool.h"

#include "launcher/words.h"
#include "runtime/base/where.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char usage
	[] = "usage: cairn restart DIR[/EPOCH]|JOB [CAIRNRUN'S AND MPIEXEC'S "
	     "OPTIONS]\n\n"
	     "Restarts from the newest good checkpoint of a folder, or the one "
	     "given, with as\nmany ranks as there were: the same as cairnrun "
	     "--restart DIR[/EPOCH].\n\n"
	     "Examples:\n"
	     "  cairn restart cairn-ring-3f2a\n"
	     "  cairn restart ring-3f2a -f hosts -genv UCX_TLS tcp --interval "
	     "10m\n";

static int run(int argc, char **argv, struct err *err)
{
	struct words w = { 0 };
	char path[PATH_MAX];
	char *dir = NULL, *where;
	long epoch;
	int rc;

	if (argc > 1 && !strcmp(argv[1], "--help")) {
		fputs(usage, stdout);
		return 0;
	}
	if (argc < 2 || argv[1][0] == '-')
		return err_set(err, TOOL_USAGE,
			       "cairn restart takes a checkpoint folder first; "
			       "see cairn restart --help");
	rc = tool_split(argv[1], &dir, &epoch, err);
	if (!rc)
		rc = where_find("cairnrun", path, sizeof(path), err);
	if (rc)
		return rc;
	where = epoch ? xprintf("%s/%ld", dir, epoch) : xstrdup(dir);
	words_add(&w, "cairnrun");
	words_add(&w, "--restart");
	words_add(&w, where);
	for (int i = 2; i < argc; i++)
		words_add(&w, argv[i]);
	execv(path, w.v);
	return err_set(err, -errno, "cannot run %s: %s", path, strerror(errno));
}

const struct tool tool_restart = {
	.name = "restart",
	.summary = "restart a job from a checkpoint",
	.usage = usage,
	.run = run,
};
