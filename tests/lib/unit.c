/* SPDX-License-Identifier: BSD-3-Clause */
/* unit.c - CUnit suites as tables, reported as TAP */
#define _GNU_SOURCE
#include "tests/lib/unit.h"

#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* File-scope: CUnit's handlers and a test's body have no context argument. */
static unsigned int number;
static unsigned int failed;
static char skip_reason[200];
static char tmpdir[200];
static pid_t owner;

void unit_skip(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(skip_reason, sizeof(skip_reason), format, ap);
	va_end(ap);
}

void unit_note(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	printf("# ");
	vprintf(format, ap);
	printf("\n");
	va_end(ap);
}

static void report(const CU_pTest test, const CU_pSuite suite,
		   const CU_pFailureRecord failure)
{
	number++;
	if (failure)
		failed++;
	printf("%sok %u - %s: %s", failure ? "not " : "", number, suite->pName,
	       test->pName);
	if (skip_reason[0] && !failure)
		printf(" # SKIP %s", skip_reason);
	printf("\n");
	for (CU_pFailureRecord f = failure; f; f = f->pNext)
		printf("# %s:%u: %s\n", f->strFileName ? f->strFileName : "?",
		       f->uiLineNumber, f->strCondition ? f->strCondition : "");
	fflush(stdout);
	skip_reason[0] = '\0';
}

static int is_wanted(const char *name, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strstr(name, argv[i]))
			return 1;
	return argc < 2;
}

static int remove_cb(const char *path, const struct stat *st, int type,
		     struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void remove_tmpdir(void)
{
	if (getpid() == owner) /* not in a child that calls exit() */
		nftw(tmpdir, remove_cb, 16, FTW_DEPTH | FTW_PHYS);
}

const char *unit_tmpdir(void)
{
	const char *base = getenv("TMPDIR");

	if (owner == getpid())
		return tmpdir;
	snprintf(tmpdir, sizeof(tmpdir), "%s/cairn-unit-XXXXXX",
		 base && base[0] ? base : "/tmp");
	if (!mkdtemp(tmpdir)) {
		printf("Bail out! cannot make %s\n", tmpdir);
		exit(99);
	}
	owner = getpid();
	atexit(remove_tmpdir);
	return tmpdir;
}

int unit_ok(int rc, const struct err *err, const char *call, const char *file,
	    unsigned int line)
{
	char text[800];

	snprintf(text, sizeof(text), "%.150s gave %d: %s", call, rc,
		 rc && err ? err->text : "");
	return CU_assertImplementation(rc == 0, line, text, file, "", CU_FALSE);
}

int unit_fails(int rc, int code, const struct err *err, const char *words,
	       const char *call, const char *file, unsigned int line)
{
	char text[800];

	snprintf(text, sizeof(text), "%.150s gave %d, not %d \"%.60s\": %s",
		 call, rc, code, words, rc && err ? err->text : "");
	return CU_assertImplementation(rc == code && strstr(err->text, words),
				       line, text, file, "", CU_FALSE);
}

int unit_main(int argc, char **argv, const struct unit_suite *suites)
{
	unsigned int planned = 0;

	if (CU_initialize_registry() != CUE_SUCCESS)
		return 99;
	for (const struct unit_suite *s = suites; s->name; s++) {
		CU_pSuite suite = CU_add_suite(s->name, NULL, NULL);

		if (!suite)
			return 99;
		for (const struct unit_test *t = s->tests; t->name; t++) {
			if (!is_wanted(t->name, argc, argv))
				continue;
			if (!CU_add_test(suite, t->name, t->run))
				return 99;
			planned++;
		}
	}
	printf("1..%u\n", planned);
	fflush(stdout);
	CU_set_test_complete_handler(report);
	CU_run_all_tests();
	CU_cleanup_registry();
	return failed || number != planned;
}
