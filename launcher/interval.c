/* SPDX-License-Identifier: BSD-3-Clause */
/* interval.c - how often a checkpoint pays (--interval auto) */
#include "launcher/interval.h"

#include "launcher/units.h"

#include <math.h>
#include <stdio.h>

#define SMOOTH	0.3  /* of the newest epoch in what is expected */
#define NOTABLE 1.25 /* what is said again */

double interval_optimum(double cost_s, double mtbf_s)
{
	double x = cost_s / (2 * mtbf_s);

	if (x >= 1)
		return mtbf_s;
	return sqrt(2 * cost_s * mtbf_s) * (1 + sqrt(x) / 3 + x / 9) - cost_s;
}

double interval_lost(double interval_s, double cost_s, double restart_s,
		     double mtbf_s)
{
	double whole = mtbf_s / interval_s * exp(restart_s / mtbf_s) *
		       expm1((interval_s + cost_s) / mtbf_s);

	return whole > 1 ? 1 - 1 / whole : 0;
}

static void smooth(double *known, double newest)
{
	*known = *known > 0 ? (1 - SMOOTH) * *known + SMOOTH * newest : newest;
}

void interval_measured(struct interval *i, double cost_s, double epoch_s)
{
	/* One that costs nothing would be wanted all the time. */
	smooth(&i->cost_s, cost_s > 1e-3 ? cost_s : 1e-3);
	smooth(&i->epoch_s, epoch_s);
}

static double cost_of(const struct interval *i)
{
	return i->cost_s > 0 ? i->cost_s : INTERVAL_FIRST_COST_S;
}

bool interval_choose(struct interval *i)
{
	double s = interval_optimum(cost_of(i), i->mtbf_s) + cost_of(i);
	bool news;

	if (s > i->mtbf_s)
		s = i->mtbf_s;
	if (s > INTERVAL_MAX_S)
		s = INTERVAL_MAX_S;
	/* The lower bounds are the harder ones. */
	if (s < 2 * i->epoch_s)
		s = 2 * i->epoch_s;
	if (s < INTERVAL_MIN_S)
		s = INTERVAL_MIN_S;
	i->seconds = s;
	news = !(i->said_s > 0) || s > i->said_s * NOTABLE ||
	       s < i->said_s / NOTABLE;
	if (news)
		i->said_s = s;
	return news;
}

static char *time_text(double s, char *buf, size_t size)
{
	if (s >= 2 * 86400)
		snprintf(buf, size, "%.1f days", s / 86400);
	else
		units_duration((int64_t)(s * 1000 + 0.5), buf, size);
	return buf;
}

void interval_text(const struct interval *i, const char *source, char *text,
		   size_t size)
{
	char every[48], cost[48], mtbf[48];
	double lost = interval_lost(i->seconds, cost_of(i), i->restart_s,
				    i->mtbf_s);

	snprintf(text, size,
		 "--interval auto: a checkpoint every %s, since one costs the "
		 "program %s%s and a failure is expected every %s (%s); with "
		 "both it loses about %.2g %% of its time",
		 time_text(i->seconds, every, sizeof(every)),
		 i->cost_s > 0 ? "about " : "perhaps ",
		 time_text(cost_of(i), cost, sizeof(cost)),
		 time_text(i->mtbf_s, mtbf, sizeof(mtbf)), source, 100 * lost);
}
