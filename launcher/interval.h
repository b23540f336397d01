/* SPDX-License-Identifier: BSD-3-Clause */
/* interval.h - how often a checkpoint pays (--interval auto) */
#ifndef CAIRN_LAUNCHER_INTERVAL_H
#define CAIRN_LAUNCHER_INTERVAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * J. T. Daly, "A higher order estimate of the optimum checkpoint interval for
 * restart dumps", Future Generation Computer Systems 22 (2006), 303-312.
 * Failures come at random with a mean time M between them, a checkpoint costs
 * the program d: the time t that it should compute between two is
 *
 *	t = sqrt(2 d M) (1 + sqrt(d / 2M) / 3 + d / 2M / 9) - d    for d < 2 M
 *	t = M                                                      else
 *
 * What a restart costs is lost whatever t is, and so not in it; it is in the
 * whole time, which per time of computing is
 *
 *	M / t exp(R / M) (exp((t + d) / M) - 1)
 *
 * Seconds everywhere; costs and MTBF more than zero.
 */
double interval_optimum(double cost_s, double mtbf_s);
/* interval_lost - which part of all the time checkpoints, restarts and lost
 * work take, between 0 and 1, if it computes interval_s between two. */
double interval_lost(double interval_s, double cost_s, double restart_s,
		     double mtbf_s);

/* As long as nobody knows better: a node fails once a year.  (Schroeder and
 * Gibson, DSN 2006, count some 23000 failures of 4750 nodes in nine years, with
 * few of these nodes in use for all of them.) */
#define INTERVAL_NODE_MTBF_S (365.0 * 86400)
/* And an epoch costs this, before the first one. */
#define INTERVAL_FIRST_COST_S 1.0
#define INTERVAL_MIN_S	      1.0
#define INTERVAL_MAX_S	      86400.0

/* What is known of a job, and what follows.  Zeroed, then mtbf_s set. */
struct interval {
	double mtbf_s;
	double cost_s;	  /* of an epoch, smoothed; 0: none yet */
	double epoch_s;	  /* how long one takes, smoothed */
	double restart_s; /* 0: not known */
	double seconds;	  /* begin to begin: what follows */
	double said_s;	  /* the last that was said; 0: none */
};

/* interval_measured - an epoch took so long, and cost the program so much. */
void interval_measured(struct interval *i, double cost_s, double epoch_s);
/* interval_choose - sets i->seconds, within bounds: at least twice what an
 * epoch takes, at most the MTBF and a day.  Is that news? */
bool interval_choose(struct interval *i);
/* interval_text - why it is what it is; one sentence. */
void interval_text(const struct interval *i, const char *source, char *text,
		   size_t size);

#endif
