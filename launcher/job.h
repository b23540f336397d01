/* SPDX-License-Identifier: BSD-3-Clause */
/* job.h - a job's checkpoint folder: its name, its lock, job.json, its log */
#ifndef CAIRN_LAUNCHER_JOB_H
#define CAIRN_LAUNCHER_JOB_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "launcher/starter.h"
#include "runtime/base/err.h"

/*
 * A running job holds a lock on its folder and keeps job.json in it (0600):
 * {"job", "pid", "address", "auth", "secret", "host", "started", "program"}.
 * The tools read it; who cannot read it cannot talk to the job (I9).
 */
struct job {
	char *dir;  /* absolute */
	char *name; /* "ring-3f2a" of ".../cairn-ring-3f2a", else the base */
	int dirfd;  /* locked */
	bool made;  /* by us: removed again if nothing is in it at the end */
	bool announced;
};

/*
 * job_default_dir - "cairn-<job>" in the current folder
 *
 * <job> is the first program's base name, under Slurm the job's id (and the
 * task's of an array), and four hex digits that follow from programs, arguments
 * and the number of ranks: the same command finds its folder again.  The caller
 * frees it.
 */
char *job_default_dir(const struct command *command);

/*
 * job_finished - does this folder's job need no other run?  job_finish: so it
 * is (or not).  A requeued batch script that runs one program after another
 * begins anew those that had ended, as it would without Cairn.
 */
bool job_finished(const struct job *job);
void job_finish(struct job *job, bool finished);

/*
 * job_idle_runs - how many runs of a batch job in a row, this one included,
 * began from epoch without getting anywhere
 *
 * job_stays: this run made newer, but did nothing worth the name in between.
 */
long job_idle_runs(struct job *job, uint32_t epoch);
void job_stays(struct job *job, uint32_t newer);

/*
 * job_open - make the folder if need be, and lock it
 *
 * -EBUSY if another cairnrun runs a job in it; refuses a folder that is not
 * ours alone.  any_free: then take DIR-2, DIR-3, ... instead.
 */
int job_open(struct job *job, const char *dir, bool any_free,
	     struct err *err) must_check;
/* job_announce - write job.json. */
int job_announce(struct job *job, const char *address, const char *auth,
		 const unsigned char *secret, json_t *program,
		 struct err *err) must_check;
/* job_log - a line with a time stamp to cairn.log in the folder. */
void job_log(struct job *job, const char *line);
/* job_close - remove job.json, and the folder if we made it and it is empty. */
void job_close(struct job *job);

/* --- for the tools --- */

/* job_find - the folder of a directory or a job's name: DIR, cairn-DIR, or the
 * only cairn-DIR-* here.  The caller frees *dir. */
int job_find(const char *name, char **dir, struct err *err) must_check;
/* job_contact - address and secret of the running job; -ESRCH if none runs. */
int job_contact(const char *dir, json_t **info, struct err *err) must_check;

#endif
