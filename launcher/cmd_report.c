/* SPDX-License-Identifier: BSD-3-Clause */
/* cmd_report.c - cairn report: a job's life as one HTML page */
#include "launcher/tool.h"

#include "launcher/job.h"
#include "launcher/report/page.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_running(const char *dir)
{
	json_t *info = NULL;
	struct err ignored;
	int rc = job_contact(dir, &info, &ignored);

	json_decref(info);
	return !rc;
}

/* A page names programs and their arguments: for its owner alone, as the record
 * is, unless the file is there already. */
static int open_page(const char *path, FILE **out, struct err *err)
{
	int fd;

	if (!path) {
		*out = stdout;
		return 0;
	}
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	*out = fd < 0 ? NULL : fdopen(fd, "w");
	if (!*out)
		return err_set(err, -errno, "cannot write %s: %s", path,
			       strerror(errno));
	return 0;
}

/* The end says what was held back, too. */
static bool is_written(FILE *out)
{
	bool failed = ferror(out);

	if (out == stdout)
		return !fflush(out) && !failed;
	return !fclose(out) && !failed;
}

static int report(const struct tool_args *a, struct err *err)
{
	char *dir = realpath(a->dir, NULL);
	struct life life;
	FILE *out;
	int rc = life_load(&life, a->dir, is_running(a->dir), err);

	if (rc) {
		free(dir);
		return rc;
	}
	rc = open_page(a->output, &out, err);
	if (!rc) {
		page_write(out, &life, dir ? dir : a->dir);
		if (!is_written(out))
			rc = err_set(err, -EIO, "cannot write %s: %s",
				     a->output ? a->output : "the report",
				     strerror(errno));
	}
	life_fini(&life);
	free(dir);
	return rc;
}

static int run(int argc, char **argv, struct err *err)
{
	struct tool_args a;
	int rc = tool_parse(&tool_report, argc, argv, "o", &a, err);

	if (!rc)
		rc = report(&a, err);
	else if (rc > 0)
		rc = 0;
	tool_args_fini(&a);
	return rc;
}

const struct tool tool_report = {
	.name = "report",
	.summary = "write a page that shows a job's life",
	.usage = "usage: cairn report [--output FILE] DIR|JOB\n\n"
		 "Writes one HTML page, which needs nothing else: epochs with "
		 "their phases by rank,\npauses, bytes, stragglers, restarts, "
		 "and why epochs were given up.\n\n"
		 "  -o, --output FILE  not to standard output, but there\n\n"
		 "Examples:\n"
		 "  cairn report -o ring.html cairn-ring-3f2a\n",
	.run = run,
};
