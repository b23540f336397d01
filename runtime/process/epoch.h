/* SPDX-License-Identifier: BSD-3-Clause */
/* epoch.h - one process's way through an epoch (private to libcairn) */
#ifndef CAIRN_PROCESS_EPOCH_H
#define CAIRN_PROCESS_EPOCH_H

#include "runtime/process/private.h"

/* Where the process is.  epoch.c has the tables. */
enum epoch_phase {
	PHASE_IDLE,	  /* no epoch, or this one is over for us */
	PHASE_PUBLISHING, /* one thread is writing the counts */
	PHASE_PENDING,	  /* published; must go on, or nobody has stopped yet */
	PHASE_GATHERING,  /* may hold: threads park one after the other */
	PHASE_HELD,	  /* all parked; the leader says so and receives */
	PHASE_QUIET,	  /* drained */
	PHASE_CAPTURED,	  /* the twin is made; waiting for RELEASE */
	PHASE_REFUSED,	  /* we said no after HELD; waiting for ABORT */
	PHASES,
};

/* epoch_notice - in a handler, in either half, where the thread cannot stop:
 * publish, and make it come to a safe point. */
void epoch_notice(struct thread *t);
/* epoch_take_part - program's FS, signals blocked, runtime's stack: publish,
 * and park until the epoch ends or the rank must go on; false: did not stop. */
bool epoch_take_part(struct thread *t);
/* epoch_pending - is there anything to take part in? */
bool epoch_pending(void);
void epoch_after_fork(void);
/* epoch_leader_leaves - this thread ends; another becomes the leader. */
void epoch_leader_leaves(const struct thread *t);
/* epoch_leader_needed - this thread has started; it leads if nobody does. */
void epoch_leader_needed(const struct thread *t);

/* Between epoch.c and park.c. */
bool park(struct thread *t);
void park_release(void); /* all parked threads go on */
enum gather_end { GATHER_ALL, GATHER_GO_ON, GATHER_OVER, GATHER_REFUSED };
enum gather_end epoch_gather(struct thread *watcher);
void epoch_lead(struct thread *leader);
bool epoch_may_hold(void);
bool epoch_is_over(void); /* aborted, or the agent is gone */
enum epoch_phase epoch_phase(void);
/* park_missing - signals those that are not parked yet, gives their number.
 * again: also those that were signalled before. */
unsigned int park_missing(bool again);
/* park_blocked - -EBUSY and the name of a thread that blocks our signal, or 0.
 * park_strangers - the same for kernel threads that are not on our list;
 * patient: -EAGAIN for one that may be just ending, or was told of us now. */
int park_blocked(struct err *err);
int park_strangers(bool patient, struct err *err);
void park_wait_arrival(unsigned int ms);

#endif
