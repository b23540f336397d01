/* SPDX-License-Identifier: BSD-3-Clause */
/* test_retention.c - how many epochs are kept: by count, age and space */
#include "storage/retention.h"
#include "tests/lib/unit.h"

#define NOW 1700000000 /* 2023-11-14T22:13:20Z */

/* Five epochs of 100 bytes each, a minute apart, the newest at NOW. */
static unsigned int counted(unsigned int keep, int64_t age_ms, int64_t bytes,
			    const char *oldest, json_int_t large)
{
	static const char *const times[] = { NULL, "2023-11-14T22:10:20Z",
					     "2023-11-14T22:11:20Z",
					     "2023-11-14T22:12:20Z",
					     "2023-11-14T22:13:20Z" };
	struct epoch_entry epochs[5];
	struct catalog catalog = { epochs, 5 };
	struct retention r = { keep, age_ms, bytes };
	unsigned int n;

	for (int i = 0; i < 5; i++) {
		epochs[i].epoch = (uint32_t)i + 1;
		epochs[i].manifest = json_pack("{s:s, s:I}", "time",
					       i ? times[i] : oldest, "bytes",
					       i == 3 ? large :
							(json_int_t)100);
	}
	n = retention_count(&catalog, &r, NOW);
	for (int i = 0; i < 5; i++)
		json_decref(epochs[i].manifest);
	return n;
}

#define OLD "2023-11-14T22:09:20Z"

static void test_bounds(void)
{
	CU_ASSERT_EQUAL(counted(0, 0, 0, OLD, 100), 5);
	CU_ASSERT_EQUAL(counted(3, 0, 0, OLD, 100), 3);
	CU_ASSERT_EQUAL(counted(0, 130000, 0, OLD, 100), 3);
	CU_ASSERT_EQUAL(counted(0, 120000, 0, OLD, 100), 3);
	CU_ASSERT_EQUAL(counted(0, 119999, 0, OLD, 100), 2);
	CU_ASSERT_EQUAL(counted(0, 0, 400, OLD, 100), 4);
	CU_ASSERT_EQUAL(counted(0, 0, 399, OLD, 100), 3);
	/* the hardest bound counts */
	CU_ASSERT_EQUAL(counted(4, 130000, 250, OLD, 100), 2);
}

static void test_newest(void)
{
	CU_ASSERT_EQUAL(counted(1, 1, 1, OLD, 100), 1);
	CU_ASSERT_EQUAL(counted(0, 0, 1, OLD, 100), 1);
	CU_ASSERT_EQUAL(counted(0, 1, 0, OLD, 100), 1);
}

static void test_strange(void)
{
	CU_ASSERT_EQUAL(counted(0, 1000000, 0, "yesterday", 100), 5);
	CU_ASSERT_EQUAL(counted(0, 0, 1000, OLD, INT64_MAX), 1);
	CU_ASSERT_EQUAL(counted(0, 0, 1000, OLD, -7), 1);
}

static const struct unit_test tests[] = {
	{ "each bound alone is enough", test_bounds },
	{ "the newest always stays", test_newest },
	{ "times and sizes that make no sense are no bounds of time",
	  test_strange },
	{ NULL, NULL },
};

static const struct unit_suite suites[] = {
	{ "retention", tests },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	return unit_main(argc, argv, suites);
}
