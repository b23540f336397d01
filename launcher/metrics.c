/* SPDX-License-Identifier: BSD-3-Clause */
/* metrics.c - a job's figures for Prometheus (--metrics) */
#include "launcher/metrics.h"

#include "launcher/words.h"
#include "runtime/net/address.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define REWRITE_MS 100

void metrics_epoch(struct metrics *m, const struct epoch_result *r)
{
	if (!r->committed) {
		m->given_up += r->epoch != 0;
		return;
	}
	m->committed++;
	m->bytes += r->bytes;
	m->memory_bytes += r->memory_bytes;
	m->last = *r;
	m->last.reason = NULL; /* theirs, and gone soon */
	m->last.timeline = NULL;
	m->last_time = (double)time(NULL);
}

void metrics_flush(struct metrics *m, bool ok)
{
	if (ok)
		m->flushes++;
	else
		m->flushes_failed++;
}

/* --- the text --- */

static void put_label(FILE *out, const char *value)
{
	for (; value && *value; value++) {
		if (*value == '\\' || *value == '"')
			fputc('\\', out);
		if (*value == '\n')
			fputs("\\n", out);
		else
			fputc(*value, out);
	}
}

static void head(FILE *out, const char *name, const char *type,
		 const char *help)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* Prometheus gives `job` to what it scrapes: ours has another name. */
static void sample(FILE *out, const struct metrics *m, const char *name,
		   const char *label, const char *value, double number)
{
	fprintf(out, "%s{job_name=\"", name);
	put_label(out, m->job);
	if (label) {
		fprintf(out, "\",%s=\"", label);
		put_label(out, value);
	}
	fprintf(out, "\"} %.15g\n", number);
}

static void one(FILE *out, const struct metrics *m, const char *name,
		const char *type, const char *help, double number)
{
	head(out, name, type, help);
	sample(out, m, name, NULL, NULL, number);
}

static void put_now(FILE *out, const struct metrics *m)
{
	one(out, m, "cairn_up", "gauge", "1 while the job runs.", m->running);
	one(out, m, "cairn_ranks", "gauge", "Ranks of the job.",
	    (double)m->ranks);
	one(out, m, "cairn_nodes", "gauge", "Nodes with an agent.",
	    (double)m->nodes);
	one(out, m, "cairn_interval_seconds", "gauge",
	    "Time between the begins of checkpoints; 0: only on request.",
	    m->interval_s);
	head(out, "cairn_phase", "gauge",
	     "1 for the phase that a checkpoint is in.");
	for (int i = 0; i < EPOCH_STATES; i++)
		sample(out, m, "cairn_phase", "phase",
		       epoch_state_name((enum epoch_state)i),
		       (enum epoch_state)i == m->state);
}

static void put_totals(FILE *out, const struct metrics *m)
{
	one(out, m, "cairn_epochs_committed_total", "counter",
	    "Checkpoints that were committed.", (double)m->committed);
	one(out, m, "cairn_epochs_given_up_total", "counter",
	    "Checkpoints that were begun and given up.", (double)m->given_up);
	one(out, m, "cairn_restarts_total", "counter",
	    "Starts of the ranks after the first.",
	    (double)(m->starts ? m->starts - 1 : 0));
	one(out, m, "cairn_written_bytes_total", "counter",
	    "Bytes written by committed checkpoints.", (double)m->bytes);
	one(out, m, "cairn_covered_bytes_total", "counter",
	    "Memory covered by committed checkpoints.",
	    (double)m->memory_bytes);
	if (!m->buffers)
		return;
	head(out, "cairn_flushes_total", "counter",
	     "Checkpoints copied from the burst buffers, or not.");
	sample(out, m, "cairn_flushes_total", "result", "ok",
	       (double)m->flushes);
	sample(out, m, "cairn_flushes_total", "result", "failed",
	       (double)m->flushes_failed);
	one(out, m, "cairn_flush_lag_epochs", "gauge",
	    "How far the checkpoint folder is behind the burst buffers.",
	    m->last.epoch > m->flushed ? m->last.epoch - m->flushed : 0);
}

static void put_last(FILE *out, const struct metrics *m)
{
	if (!m->last.epoch)
		return;
	one(out, m, "cairn_last_epoch", "gauge",
	    "Number of the newest committed checkpoint.", m->last.epoch);
	one(out, m, "cairn_last_commit_timestamp_seconds", "gauge",
	    "When it was committed, since 1970.", m->last_time);
	one(out, m, "cairn_last_pause_seconds", "gauge",
	    "The longest that any rank stood still for it.",
	    m->last.pause_ms / 1000);
	one(out, m, "cairn_last_duration_seconds", "gauge",
	    "From its request to its commit.", m->last.seconds);
	one(out, m, "cairn_last_written_bytes", "gauge", "Bytes that it wrote.",
	    (double)m->last.bytes);
	one(out, m, "cairn_last_covered_bytes", "gauge",
	    "Memory that it covers.", (double)m->last.memory_bytes);
}

/* --- the file --- */

static int write_new(const struct metrics *m, const char *tmp)
{
	/* For the exporter, which is another user. */
	int fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
		      0644);
	FILE *out = fd < 0 ? NULL : fdopen(fd, "w");
	int failed;

	if (!out) {
		int rc = -errno;

		if (fd >= 0)
			close(fd);
		return rc;
	}
	put_now(out, m);
	put_totals(out, m);
	put_last(out, m);
	failed = ferror(out);
	if (fclose(out) || failed)
		return errno ? -errno : -EIO;
	return rename(tmp, m->path) ? -errno : 0;
}

int metrics_write(struct metrics *m, bool now, struct err *err)
{
	int64_t now_ms = clock_ms();
	char *tmp;
	int rc;

	if (!m->path ||
	    (!now && m->written_ms && now_ms - m->written_ms < REWRITE_MS))
		return 0;
	/* The collector reads names that end with .prom only. */
	tmp = xprintf("%s.%d.tmp", m->path, (int)getpid());
	unlink(tmp);
	errno = 0;
	rc = write_new(m, tmp);
	if (rc)
		unlink(tmp);
	else
		m->written_ms = now_ms;
	free(tmp);
	if (!rc || m->failed) {
		m->failed = m->failed && rc;
		return 0;
	}
	m->failed = true;
	return err_set(err, rc, "cannot write --metrics %s: %s", m->path,
		       strerror(-rc));
}
