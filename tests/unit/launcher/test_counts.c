/* SPDX-License-Identifier: BSD-3-Clause */
/* test_counts.c - what agents' counts add up to, and who is told of it */
#include "launcher/counts.h"
#include "tests/lib/unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define AGENTS 3

/* [gid, max, entries, floor, min, members, flags] as JSON text. */
static int add(struct counts *c, size_t agent, const char *list)
{
	json_t *json = json_loads(list, 0, NULL);
	int ret;

	CU_ASSERT_PTR_NOT_NULL_FATAL(json);
	ret = counts_add(c, agent, json);
	json_decref(json);
	return ret;
}

/* What this agent is told of gid; -1: nothing. */
static json_int_t told(const struct counts *c, size_t agent, const char *gid)
{
	json_t *targets = counts_targets(c, agent), *pair;
	json_int_t target = -1;
	size_t i;

	CU_ASSERT_PTR_NOT_NULL_FATAL(targets);
	json_array_foreach(targets, i, pair) if (
		!strcmp(json_string_value(json_array_get(pair, 0)), gid))
	{
		CU_ASSERT_EQUAL(target, -1); /* once only */
		target = json_integer_value(json_array_get(pair, 1));
	}
	json_decref(targets);
	return target;
}

static void greatest_count(void)
{
	struct counts *c = counts_create(AGENTS);

	CU_ASSERT_EQUAL(add(c, 0, "[[\"a\", 5, 2, 5, 4, 6, 0]]"), 0);
	CU_ASSERT_EQUAL(add(c, 1, "[[\"a\", 9, 2, 9, 3, 6, 0]]"), 0);
	CU_ASSERT(!counts_all(c));
	CU_ASSERT_EQUAL(add(c, 2, "[[\"a\", 7, 2, 7, 7, 6, 0]]"), 0);
	CU_ASSERT(counts_all(c));
	for (size_t i = 0; i < AGENTS; i++)
		CU_ASSERT_EQUAL(told(c, i, "a"), 9);
	counts_destroy(c);
}

/* Whose last collectives are barriers that not all have entered. */
static void barriers_are_left_out(void)
{
	struct counts *c = counts_create(2);

	/* one inside barriers 8 and 9; the other has entered 8 */
	CU_ASSERT_EQUAL(add(c, 0, "[[\"a\", 9, 1, 7, 9, 2, 0]]"), 0);
	CU_ASSERT_EQUAL(add(c, 1, "[[\"a\", 8, 1, 6, 8, 2, 0]]"), 0);
	CU_ASSERT_EQUAL(told(c, 0, "a"), 8);
	counts_destroy(c);
	/* a member that has not listed it has entered nothing */
	c = counts_create(2);
	CU_ASSERT_EQUAL(add(c, 0, "[[\"a\", 9, 1, 7, 9, 2, 0]]"), 0);
	CU_ASSERT_EQUAL(add(c, 1, "[]"), 0);
	CU_ASSERT_EQUAL(told(c, 0, "a"), 7);
	counts_destroy(c);
}

/* Messages stay linear: whose ranks are no members hears nothing. */
static void members_only(void)
{
	struct counts *c = counts_create(AGENTS);

	CU_ASSERT_EQUAL(add(c, 0, "[[\"a\", 5, 1, 5, 5, 2, 0]]"), 0);
	CU_ASSERT_EQUAL(add(c, 1, "[[\"a\", 6, 1, 6, 6, 2, 0]]"), 0);
	CU_ASSERT_EQUAL(add(c, 2, "[[\"b\", 3, 2, 3, 3, 2, 0]]"), 0);
	CU_ASSERT_EQUAL(told(c, 0, "a"), 6);
	CU_ASSERT_EQUAL(told(c, 1, "a"), 6);
	CU_ASSERT_EQUAL(told(c, 2, "a"), -1);
	CU_ASSERT_EQUAL(told(c, 0, "b"), -1);
	CU_ASSERT_EQUAL(told(c, 2, "b"), 3);
	counts_destroy(c);
}

/* A communicator that some member makes after it has published: its agent must
 * know the target when the slot comes. */
static void unlisted_are_told_to_all(void)
{
	struct counts *c = counts_create(AGENTS);

	CU_ASSERT_EQUAL(add(c, 0, "[[\"a\", 5, 1, 5, 5, 3, 0]]"), 0);
	CU_ASSERT_EQUAL(add(c, 1, "[[\"a\", 6, 1, 6, 6, 3, 0]]"), 0);
	CU_ASSERT_EQUAL(add(c, 2, "[]"), 0);
	for (size_t i = 0; i < AGENTS; i++)
		CU_ASSERT_EQUAL(told(c, i, "a"), 6);
	counts_destroy(c);
}

static void very_many(void)
{
	struct counts *c = counts_create(1);
	json_t *list = json_array();
	char gid[17];

	for (int i = 0; i < 5000; i++) {
		snprintf(gid, sizeof(gid), "%016x", i);
		json_array_append_new(list, json_pack("[siiiiii]", gid, i, 1, i,
						      i, 1, 0));
	}
	CU_ASSERT_EQUAL(counts_add(c, 0, list), 0);
	json_decref(list);
	list = counts_targets(c, 0);
	CU_ASSERT_EQUAL(json_array_size(list), 5000);
	json_decref(list);
	CU_ASSERT_EQUAL(told(c, 0, "0000000000001234"), 0x1234);
	counts_destroy(c);
}

static void malformed(void)
{
	static const char *const lists[] = {
		"[[\"a\", 5, 1, 5, 5]]",
		"[[5, 5, 1, 5, 5, 3, 0]]",
		"[{\"a\": 1}]",
		"[[\"00000000000000000\", 5, 1, 5, 5, 3, 0]]",
	};

	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
		struct counts *c = counts_create(1);

		CU_ASSERT_EQUAL(add(c, 0, lists[i]), -EPROTO);
		counts_destroy(c);
	}
	counts_destroy(NULL);
}

static const struct unit_test counts_tests[] = {
	{ "the target is the greatest count", greatest_count },
	{ "barriers that somebody has not entered", barriers_are_left_out },
	{ "who has no member hears nothing", members_only },
	{ "a group that is not listed by all is told to all",
	  unlisted_are_told_to_all },
	{ "thousands of groups", very_many },
	{ "malformed lists are refused", malformed },
	{ NULL, NULL },
};

static const struct unit_suite suites[] = {
	{ "counts", counts_tests },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	return unit_main(argc, argv, suites);
}
