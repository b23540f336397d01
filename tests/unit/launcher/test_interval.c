/* SPDX-License-Identifier: BSD-3-Clause */
/* test_interval.c - how often a checkpoint pays */
#include "launcher/interval.h"
#include "tests/lib/unit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* The least of the whole time, by looking: what the estimate estimates. */
static double least(double cost, double mtbf)
{
	double low = 1e-6 * mtbf, high = 10 * mtbf;

	for (int k = 0; k < 200; k++) {
		double a = low + (high - low) / 3, b = high - (high - low) / 3;

		if (mtbf / a * expm1((a + cost) / mtbf) <
		    mtbf / b * expm1((b + cost) / mtbf))
			high = b;
		else
			low = a;
	}
	return low;
}

static void test_against_least(void)
{
	static const double ratios[] = {
		1e-6, 1e-4, 0.01, 0.05, 0.1, 0.5, 1.0
	};

	for (size_t i = 0; i < sizeof(ratios) / sizeof(*ratios); i++) {
		double m = 86400, d = ratios[i] * m;
		double t = interval_optimum(d, m), best = least(d, m);

		unit_note("d/M %g: %.1f, the least at %.1f", ratios[i], t,
			  best);
		/* It is for small d / M, and errs by less than 2 % up to 1. */
		CU_ASSERT(fabs(t - best) <
			  (ratios[i] <= 0.1 ? 0.0005 : 0.02) * best);
		/* And the time that it takes is the least to 0.01 %. */
		CU_ASSERT(interval_lost(t, d, 0, m) <
			  interval_lost(best, d, 0, m) + 1e-4);
	}
}

static void test_limits(void)
{
	/* Young's of 1974 where an epoch costs next to nothing */
	CU_ASSERT_DOUBLE_EQUAL(interval_optimum(1e-4, 1e6), sqrt(2e-4 * 1e6),
			       0.001);
	/* five minutes, a day: 7200 (1 + 1/72 + 1/5184) - 300 */
	CU_ASSERT_DOUBLE_EQUAL(interval_optimum(300, 86400), 7001.389, 0.01);
	CU_ASSERT_DOUBLE_EQUAL(interval_optimum(2000, 1000), 1000, 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(interval_optimum(9000, 1000), 1000, 1e-9);
	/* both branches meet, within a fifteenth */
	CU_ASSERT(fabs(interval_optimum(1999.999, 1000) - 1000) < 120);
	CU_ASSERT_EQUAL(interval_lost(1e5, 1, 1, 1e-3), 1);
	CU_ASSERT(interval_lost(100, 1, 1, 1e6) > 0.0099);
	CU_ASSERT(interval_lost(100, 1, 1, 1e6) < 0.0102);
}

static void test_bounds(void)
{
	struct interval i = { .mtbf_s = 60 };

	CU_ASSERT(interval_choose(&i)); /* the first is news */
	CU_ASSERT(i.seconds > 10 && i.seconds < 13);
	/* an epoch that takes longer than the optimum is not begun at once */
	interval_measured(&i, 0.1, 40);
	CU_ASSERT(interval_choose(&i));
	CU_ASSERT_DOUBLE_EQUAL(i.seconds, 80, 1e-6);
	memset(&i, 0, sizeof(i));
	i.mtbf_s = 0.1;
	interval_choose(&i);
	CU_ASSERT_EQUAL(i.seconds, INTERVAL_MIN_S);
	memset(&i, 0, sizeof(i));
	i.mtbf_s = 1e12;
	interval_choose(&i);
	CU_ASSERT_EQUAL(i.seconds, INTERVAL_MAX_S);
	memset(&i, 0, sizeof(i));
	i.mtbf_s = 60;
	interval_measured(&i, 1000, 1); /* worse than useless */
	interval_choose(&i);
	CU_ASSERT_EQUAL(i.seconds, 60);
}

static void test_news(void)
{
	struct interval i = { .mtbf_s = 86400 };
	char text[480];
	int said = 0;

	interval_choose(&i);
	interval_text(&i, "--mtbf", text, sizeof(text));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "perhaps 1.0 s"));
	interval_measured(&i, 0.1, 2);
	CU_ASSERT(interval_choose(&i));
	interval_text(&i, "--mtbf", text, sizeof(text));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "about 100 ms"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "(--mtbf)"));
	/* noise is none */
	for (int k = 0; k < 100; k++) {
		interval_measured(&i, k % 2 ? 0.09 : 0.11, 2);
		said += interval_choose(&i);
	}
	CU_ASSERT_EQUAL(said, 0);
	for (int k = 0; k < 100; k++) {
		interval_measured(&i, 1, 2);
		said += interval_choose(&i);
	}
	CU_ASSERT(said >= 2 && said <= 6);
}

static const struct unit_test tests[] = {
	{ "it is where the whole time is least", test_against_least },
	{ "it has the limits that are published", test_limits },
	{ "it stays within bounds", test_bounds },
	{ "it is said again when it changes notably", test_news },
	{ NULL, NULL },
};

static const struct unit_suite suites[] = {
	{ "interval", tests },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	return unit_main(argc, argv, suites);
}
