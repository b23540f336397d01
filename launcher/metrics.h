/* SPDX-License-Identifier: BSD-3-Clause */
/* metrics.h - a job's figures for Prometheus (--metrics) */
#ifndef CAIRN_LAUNCHER_METRICS_H
#define CAIRN_LAUNCHER_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "launcher/coordinator.h"
#include "runtime/base/err.h"

/*
 * A file in Prometheus's text format for node_exporter's textfile collector:
 * replaced by a rename, so that no reader ever sees a part of it.  Counters
 * count from this cairnrun's start, over its restarts.
 */
struct metrics {
	const char *path; /* NULL: none is wanted */
	const char *job;  /* both the caller's */
	bool failed;
	int64_t written_ms;

	/* counted by the functions below */
	uint64_t committed, given_up, starts, flushes, flushes_failed;
	uint64_t bytes, memory_bytes;
	struct epoch_result last; /* committed; epoch 0: none */
	double last_time;	  /* seconds since 1970 */

	/* as it is now: set by the caller before metrics_write */
	bool running;
	size_t ranks, nodes;
	enum epoch_state state;
	double interval_s;
	uint32_t flushed; /* the newest epoch in the checkpoint folder */
	bool buffers;	  /* are there burst buffers? */
};

void metrics_epoch(struct metrics *m, const struct epoch_result *result);
void metrics_flush(struct metrics *m, bool ok);
/*
 * metrics_write - replace the file
 *
 * Not more often than ten times a second, unless `now` says so.  -Exxx with a
 * sentence the first time that it failed.
 */
int metrics_write(struct metrics *m, bool now, struct err *err) must_check;

#endif
