/* SPDX-License-Identifier: BSD-3-Clause */
/* unit.h - CUnit suites as tables, reported as TAP */
#ifndef CAIRN_TESTS_LIB_UNIT_H
#define CAIRN_TESTS_LIB_UNIT_H

#include <CUnit/CUnit.h>

#include "runtime/base/err.h"

/* A test's name is a sentence that is true when it passes. */
struct unit_test {
	const char *name;
	void (*run)(void);
};

/* Both tables end with an entry without a name. */
struct unit_suite {
	const char *name;
	const struct unit_test *tests;
};

/* unit_main - run all suites, one TAP line a test; gives main's exit code.
 * With arguments only the tests whose names contain one of them are run. */
int unit_main(int argc, char **argv, const struct unit_suite *suites);

/* unit_skip - within a test: it cannot run here, because ... */
void unit_skip(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* unit_note - a line of explanation ("# ..."). */
void unit_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* unit_tmpdir - a new folder (0700) for this program, removed with all that is
 * in it when the program ends.  Under $TMPDIR or /tmp; owned by unit.c. */
const char *unit_tmpdir(void);

/* UNIT_OK - the call gave 0, or the err that it filled is shown. */
#define UNIT_OK(call, err) unit_ok((call), (err), #call, __FILE__, __LINE__)
/* UNIT_FAILS - the call gave code, and a sentence containing words. */
#define UNIT_FAILS(call, code, err, words) \
	unit_fails((call), (code), (err), (words), #call, __FILE__, __LINE__)

int unit_ok(int rc, const struct err *err, const char *call, const char *file,
	    unsigned int line);
int unit_fails(int rc, int code, const struct err *err, const char *words,
	       const char *call, const char *file, unsigned int line);

#endif
