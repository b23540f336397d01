/* SPDX-License-Identifier: BSD-3-Clause */
/* walltime.h - a checkpoint in time before the batch job's end */
#ifndef CAIRN_LAUNCHER_WALLTIME_H
#define CAIRN_LAUNCHER_WALLTIME_H

#include "launcher/errand.h"
#include "launcher/loop.h"
#include "launcher/slurm.h"

struct session;

/*
 * Slurm is asked for the job's end now and then (it can be moved).  When what
 * is left is no more than the margin, a checkpoint is asked for: the last one,
 * if the job can go on in another run, else one after which it runs on, because
 * it might just come to its end.  If it fails, another follows while there is
 * time.
 *
 * The margin is --stop-before; without it twice the longest epoch of late and
 * the last flush, and MARGIN_MIN_S more, or, before the first, a tenth of the
 * run's time.
 *
 * A preemption that nobody has heard of is seen, too (ending.h).
 */
struct walltime {
	struct session *session;
	struct errand errand;
	struct timer ask, due;
	struct slurm_facts facts;
	time_t began;
	bool known; /* facts were heard */
	bool partition_asked;
	int64_t grace_ms;  /* the partition's GraceTime; 0: none */
	bool asked;	   /* a checkpoint, because of the end */
	double epoch_s[3]; /* how long the newest epochs took */
	double flush_s;	   /* and the newest flush */
};

void walltime_start(struct walltime *w, struct session *session);
void walltime_stop(struct walltime *w);
/* walltime_epoch - an epoch ended. */
/* walltime_flush - an epoch went from the burst buffers to the folder. */
void walltime_flush(struct walltime *w, double seconds);
void walltime_epoch(struct walltime *w, bool committed, double seconds);

#endif
