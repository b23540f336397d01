/* SPDX-License-Identifier: BSD-3-Clause */
/* test_err.c - errors carry a code and a sentence */
#include "tests/lib/unit.h"

#include <errno.h>
#include <string.h>

static int fail(struct err *err)
{
	return err_set(err, -ENOENT, "no manifest in %s of rank %d", "/d", 3);
}

static void code_and_sentence(void)
{
	struct err err = { "" };

	UNIT_FAILS(fail(&err), -ENOENT, &err, "no manifest in /d of rank 3");
}

static void err_is_optional(void)
{
	CU_ASSERT_EQUAL(fail(NULL), -ENOENT);
	CU_ASSERT_EQUAL(err_prefix(NULL, -EIO, "x"), -EIO);
}

static void prefix_goes_before(void)
{
	struct err err = { "" };

	UNIT_FAILS(err_prefix(&err, fail(&err), "epoch %u", 7U), -ENOENT, &err,
		   "epoch 7: no manifest");
}

static void long_sentence_is_cut(void)
{
	struct err err = { "" };
	char text[1000];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	CU_ASSERT_EQUAL(err_set(&err, -EIO, "%s", text), -EIO);
	CU_ASSERT_EQUAL(strlen(err.text), sizeof(err.text) - 1);
}

static const struct unit_test tests[] = {
	{ "an error has a code and a sentence", code_and_sentence },
	{ "whoever wants no sentence passes NULL", err_is_optional },
	{ "a prefix goes before the sentence", prefix_goes_before },
	{ "a sentence that is too long is cut", long_sentence_is_cut },
	{ NULL, NULL },
};

static const struct unit_suite suites[] = {
	{ "err", tests },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	return unit_main(argc, argv, suites);
}
