/* SPDX-License-Identifier: BSD-3-Clause */
/* ending.h - Slurm ends the job: what the time that is left is used for */
#ifndef CAIRN_LAUNCHER_ENDING_H
#define CAIRN_LAUNCHER_ENDING_H

#include "launcher/errand.h"
#include "launcher/loop.h"
#include "launcher/slurm.h"

struct session;

/*
 * TERM came, to cairnrun or to a rank (runtime/process/terminate.c).  The last
 * checkpoint begins at once; meanwhile Slurm is asked why, and when KILL
 * follows:
 *
 *  preemption    at the job's end, which Slurm has moved to after the
 *                partition's GraceTime; the job is requeued, by us: one that
 *                has ended by itself Slurm does not requeue
 *  time limit    after KillWait; requeued by us, which Slurm allows then, too
 *  requeued      after KillWait; by Slurm
 *  cancelled     after KillWait; who cancels a job does not want it back
 *
 * Ranks that are on their way, from the start or from an epoch, die of TERM; the
 * job is requeued in the same cases, as it was before.
 *
 * An epoch that is given up is tried again while there is time.  When there is
 * none left, it is said which epoch stays.
 */
struct ending {
	struct session *session;
	struct errand errand;
	struct timer again, over;
	struct slurm_facts facts;
	bool begun;
	bool known;   /* facts were heard */
	int64_t kill; /* clock_ms() of KILL; 0: none that is known */
};

void ending_init(struct ending *e, struct session *session);
void ending_stop(struct ending *e);
/* ending_begin - TERM came; the same one may come in several ways. */
void ending_begin(struct ending *e);
/* ending_epoch_failed - an epoch was given up. */
void ending_epoch_failed(struct ending *e);
/* ending_settle - the loop is over: what was not heard is asked for now. */
void ending_settle(struct ending *e);
/*
 * ending_cut_short - the job has failed: by Slurm's TERM, so that its next run
 * is our business?
 *
 * Ranks that begin or come back do not outlive it: there is nothing new to be
 * saved.  The script may not have heard of it.
 */
bool ending_cut_short(struct ending *e);

#endif
