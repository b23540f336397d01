/* SPDX-License-Identifier: BSD-3-Clause */
/* life.h - a job's life, as its record tells it */
#ifndef CAIRN_LAUNCHER_REPORT_LIFE_H
#define CAIRN_LAUNCHER_REPORT_LIFE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "launcher/timeline.h"
#include "runtime/base/err.h"

/* Seconds since 1970 everywhere, and seconds. */
struct life_epoch {
	long number;
	bool committed;
	double end, seconds, pause_s;
	double bytes, memory_bytes;
	double phases[TIMELINE_PHASES];
	long ranks;
	const char *last;   /* the phase that it came to */
	const char *reason; /* it was given up */
	const json_t *event;
};

/* From a start of the job to its end. */
struct life_run {
	double start, up, end; /* 0: unknown */
	double up_seconds;     /* from start to all ranks being there */
	long from; /* the epoch that it was restarted from; 0: none */
	long ranks, nodes;
	const char *how; /* NULL: nothing is known of its end */
	long code;	 /* exit code, or -signal */
	bool has_code;
};

struct life_note {
	double t;
	const char *text;
};

/* All texts and events belong to `events`. */
struct life {
	json_t *events;
	size_t skipped; /* lines that could not be read */
	char *program;
	const char *job, *host;
	double begin, end; /* of all that is known */
	struct life_epoch *epochs;
	size_t nepochs;
	struct life_run *runs;
	size_t nruns;
	struct life_note *notes;
	size_t nnotes;
	size_t committed, given_up;
	double longest_pause_s, longest_s, bytes, memory_bytes;
};

/* life_load - from the record in a folder (history.h); running: the last run
 * goes on. */
int life_load(struct life *life, const char *dir, bool running,
	      struct err *err) must_check;
void life_fini(struct life *life);
/* life_number - the number at json, between -1 and 10^15 whatever it is. */
double life_number(const json_t *json);
/* life_slowest - the rank of an epoch that was the last to hold, and when (in
 * ms); -1: not known. */
long life_slowest(const struct life_epoch *e, double *held_ms);

#endif
