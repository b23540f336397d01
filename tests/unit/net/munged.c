/* SPDX-License-Identifier: BSD-3-Clause */
/* munged.c - a munged of the test's own */
#include "tests/unit/net/munged.h"

#include "tests/lib/unit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

/* File-scope: the tests of a program share it. */
static const char *missing; /* why there is none */
static char folder[256], second_folder[300];

static int munge_script(const char *words, const char *where)
{
	const char *top = getenv("top_srcdir");
	char command[1200];

	snprintf(command, sizeof(command),
		 "\"%s/tests/lib/munge\" %s \"%s\" >/dev/null 2>&1",
		 top ? top : ".", words, where);
	return system(command);
}

static void use_munged(const char *where)
{
	char path[320];

	snprintf(path, sizeof(path), "%s/munge.sock", where);
	setenv("CAIRN_MUNGE_SOCKET", path, 1);
}

void munged_signal(int sig)
{
	char path[320], line[32] = "";
	FILE *f;

	snprintf(path, sizeof(path), "%s/munged.pid", folder);
	f = fopen(path, "r");
	CU_ASSERT_FATAL(f && fgets(line, sizeof(line), f));
	fclose(f);
	CU_ASSERT_EQUAL(kill((pid_t)atol(line), sig), 0);
}

static void end_munged(void)
{
	munge_script("down", folder);
	munge_script("down", second_folder);
}

static const char *begin(void)
{
	const char *top = getenv("top_builddir");
	char parts[1000];

	snprintf(parts, sizeof(parts), "%s/runtime", top ? top : ".");
	setenv("CAIRN_LIBEXEC", parts, 0);
	snprintf(parts + strlen(parts), 20, "/cairn-munge");
	if (access(parts, X_OK))
		return "it was built without libmunge";
	if (system("PATH=$PATH:/usr/sbin command -v munged >/dev/null"))
		return "munged is not installed";
	snprintf(folder, sizeof(folder), "%s/munge", unit_tmpdir());
	snprintf(second_folder, sizeof(second_folder), "%s/second", folder);
	chmod(unit_tmpdir(), 0711); /* for the other user */
	if (munge_script("up", folder)) {
		printf("Bail out! munged does not start\n");
		exit(99);
	}
	atexit(end_munged);
	use_munged(folder);
	return NULL;
}

void munged_begin(void)
{
	missing = begin();
}

bool munged_skip(void)
{
	if (missing)
		unit_skip("%s", missing);
	return missing;
}

void munged_use_other(bool other)
{
	if (other && access(second_folder, F_OK))
		CU_ASSERT_EQUAL_FATAL(munge_script("up", second_folder), 0);
	use_munged(other ? second_folder : folder);
}
