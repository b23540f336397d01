/* SPDX-License-Identifier: BSD-3-Clause */
/* slurm.h - the batch job that cairnrun runs in: its end, and its next run */
#ifndef CAIRN_LAUNCHER_SLURM_H
#define CAIRN_LAUNCHER_SLURM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "launcher/words.h"
#include "runtime/base/err.h"

/* slurm_job - this job's id, "123", or "123_4" of an array: there a number
 * alone may mean all of the array.  NULL outside of Slurm. */
const char *slurm_job(void);
/* slurm_first_job - the first of a chain of jobs, each of which submitted the
 * next one; else this job.  Checkpoint folders have its id in their names. */
const char *slurm_first_job(void);
/* slurm_runs_again - was the script started before, as this job or as one that
 * submitted this one? */
bool slurm_runs_again(void);

/* slurm_in_script - do we run below the script of a batch job, so that what
 * Slurm sends to the script's processes comes to us and our children? */
bool slurm_in_script(void);
/* slurm_sent - is a signal of this sender one of Slurm's? */
bool slurm_sent(pid_t sender);

/* What `scontrol show job -o` says of it. */
struct slurm_facts {
	time_t end;	 /* 0: none */
	bool requeue;	 /* may it be requeued? */
	bool batch;	 /* has it a batch script? */
	bool preempted;	 /* it is to make room, at its end */
	bool completing; /* Slurm is ending it */
	bool time_limit; /* because its time is over */
	bool again;	 /* Slurm has put it into the queue again */
	char partition[64];
};
/* slurm_parse - from scontrol's line; false if it is none. */
bool slurm_parse(const char *line, struct slurm_facts *facts);

/*
 * slurm_requeue - have this job run again from its beginning
 *
 * Slurm sends TERM at once: ignored from here on.  scontrol's exit code does
 * not tell: what the job's state says afterwards counts.
 */
int slurm_requeue(struct err *err) must_check;
/* slurm_grace_s - a partition's GraceTime, from what `scontrol show partition`
 * says of it. */
int slurm_grace_s(const char *line);
/* slurm_kill_wait - how many seconds lie between TERM and KILL, from the text
 * of `scontrol show config`. */
int slurm_kill_wait(const char *config);
/* slurm_requeues_code - does this site requeue every job that ends with code,
 * also those that must not be requeued otherwise (RequeueExit)?  From the text
 * of `scontrol show config`. */
bool slurm_requeues_code(const char *config, int code);

/* slurm_options_again - sbatch's options for another job like the one that
 * scontrol's line is about: size, time, partition, output ... */
void slurm_options_again(const char *line, struct words *out);

/*
 * slurm_resubmit - submit this job's script once more, to begin when this run
 * has ended; for jobs that must not be requeued
 *
 * It gets the options that this one had, also those of sbatch's command line.
 * The new job has another id: the first one's is handed to it in
 * CAIRN_CONTINUE, so that each cairnrun of the script finds its own folder.
 * The script is kept in dir, the checkpoint folder.  id (32 bytes) is the new
 * job's number, or "" if the site requeues this one because of code, with which
 * it is going to end: both would run then.
 */
int slurm_resubmit(const char *dir, int code, char *id,
		   struct err *err) must_check;

/*
 * slurm_check_script - will signals and output of this job reach where they
 * should?
 *
 * warn is called with one sentence for each line that should be changed: a
 * shell that would die of --signal=B: or keep it to itself, output that the
 * next run would truncate.
 */
void slurm_check_script(void (*warn)(void *arg, const char *sentence),
			void *arg);
/* slurm_exec_line - how that line of the script starts cairnrun by exec: the
 * whole of it, where it is that simple.  The caller frees it. */
char *slurm_exec_line(const char *line, int number);

#endif
