/* SPDX-License-Identifier: BSD-3-Clause */
/* record.c - what the record of a job's life is told, and when */
#include "launcher/session.h"

#include "launcher/timeline.h"
#include "runtime/base/log.h"
#include "runtime/net/address.h"

#include <limits.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORDS_MAX 32  /* of a program's command line */
#define WORD_MAX  200 /* bytes of one */

static void add(struct session *s, const char *kind, bool worth, json_t *event)
{
	struct err err;

	if (!s->history) {
		json_decref(event);
		return;
	}
	if (history_add(s->history, kind, worth, event, &err))
		log_warn("%s; `cairn report` will not know of what follows",
			 err.text);
}

/* What --metrics shows, as it is now. */
static void show(struct session *s, bool now)
{
	struct metrics *m = s->metrics;
	struct err err;

	if (!m || !s->coordinator)
		return;
	m->ranks = coordinator_ranks(s->coordinator);
	m->nodes = s->nodes.n;
	m->state = coordinator_state(s->coordinator);
	m->interval_s = s->options->interval_auto ?
				s->interval->seconds :
				(double)s->options->interval_ms / 1000;
	m->flushed = s->flush.flushed;
	m->buffers = s->options->burst_buffer != NULL;
	if (metrics_write(m, now, &err))
		log_warn("%s", err.text);
}

void record_changed(struct session *s)
{
	show(s, false);
}

/* A command line may be of any length; this one is for people. */
static json_t *short_program(const json_t *program)
{
	json_t *list = json_array();
	const json_t *word;
	size_t i;

	json_array_foreach(program, i, word)
	{
		const char *text = json_string_value(word);
		size_t len = text ? strlen(text) : 0;

		if (i == WORDS_MAX || !text)
			break;
		if (len <= WORD_MAX) {
			json_array_append_new(list, json_string(text));
			continue;
		}
		/* Not amid a character. */
		for (len = WORD_MAX; len && (text[len] & 0xc0) == 0x80;)
			len--;
		json_array_append_new(list, json_stringn(text, len));
	}
	return list;
}

void record_start(struct session *s)
{
	char host[HOST_NAME_MAX + 1] = "";
	json_t *event;

	gethostname(host, sizeof(host) - 1);
	s->started_ms = clock_ms();
	if (s->metrics) {
		s->metrics->job = s->job->name;
		s->metrics->running = true;
		s->metrics->starts++;
	}
	event = json_pack("{s:s, s:o, s:s, s:s, s:i, s:I, s:s?}", "job",
			  s->job->name, "program", short_program(s->program),
			  "host", host, "release", CAIRN_VERSION, "pid",
			  (int)getpid(), "interval_ms",
			  (json_int_t)s->options->interval_ms, "slurm_job",
			  slurm_job());
	if (event && s->restart->epoch)
		json_object_set_new(event, "restarted_from",
				    json_integer(s->restart->epoch));
	add(s, "start", false, event);
}

void record_up(struct session *s)
{
	json_t *nodes = json_array();

	for (size_t i = 0; i < s->nodes.n && i < TIMELINE_NODES; i++)
		json_array_append_new(nodes, json_string(s->nodes.v[i].name));
	add(s, "up", false,
	    json_pack("{s:f, s:I, s:I, s:o}", "seconds",
		      (double)(clock_ms() - s->started_ms) / 1000, "ranks",
		      (json_int_t)coordinator_ranks(s->coordinator), "nnodes",
		      (json_int_t)s->nodes.n, "nodes", nodes));
	show(s, true);
}

void record_epoch(struct session *s, const struct epoch_result *r)
{
	json_t *times = r->timeline ? timeline_json(r->timeline) : NULL;
	json_t *event;

	if (s->metrics)
		metrics_epoch(s->metrics, r);
	show(s, true);
	if (!r->epoch) { /* it did not even begin: a note says so */
		json_decref(times);
		return;
	}
	event = json_pack("{s:I, s:b, s:f, s:I}", "epoch", (json_int_t)r->epoch,
			  "committed", (int)r->committed, "seconds", r->seconds,
			  "ranks_in_all", (json_int_t)r->ranks);
	if (event && r->committed)
		json_object_update_new(event,
				       json_pack("{s:I, s:I, s:f}", "bytes",
						 (json_int_t)r->bytes,
						 "memory_bytes",
						 (json_int_t)r->memory_bytes,
						 "pause_ms", r->pause_ms));
	else if (event)
		json_object_set_new(event, "reason", json_string(r->reason));
	if (event && r->exit)
		json_object_set_new(event, "exit", json_true());
	json_object_update(event, times);
	json_decref(times);
	add(s, "epoch", true, event);
}

void record_flush(struct session *s, uint32_t epoch, int64_t ms,
		  const char *why)
{
	add(s, "flush", true,
	    json_pack("{s:I, s:b, s:f, s:s?}", "epoch", (json_int_t)epoch, "ok",
		      why == NULL, "seconds", (double)ms / 1000, "reason",
		      why));
	if (s->metrics)
		metrics_flush(s->metrics, !why);
	show(s, true);
}

void record_note(struct session *s, const char *text)
{
	add(s, "note", true, json_pack("{s:s}", "text", text));
}

/* How a session ended, in a word. */
static const char *end_word(const struct session *s, int rc)
{
	return rc		      ? "failed" :
	       s->stopping	      ? "stopped" :
	       s->node_lost	      ? "node lost" :
	       s->unrestored	      ? "not restored" :
	       s->interrupted	      ? "interrupted" :
	       WIFSIGNALED(s->status) ? "killed" :
	       WEXITSTATUS(s->status) ? "failed" :
					"finished";
}

void record_end(struct session *s, int rc)
{
	json_t *event = json_pack("{s:s, s:f}", "how", end_word(s, rc),
				  "seconds",
				  (double)(clock_ms() - s->started_ms) / 1000);

	if (s->metrics)
		s->metrics->running = false;
	show(s, true);
	if (s->stopping)
		json_object_set_new(event, "code",
				    json_integer(EXIT_CHECKPOINTED));
	else if (!rc && WIFSIGNALED(s->status))
		json_object_set_new(event, "signal",
				    json_integer(WTERMSIG(s->status)));
	else if (!rc)
		json_object_set_new(event, "code",
				    json_integer(WEXITSTATUS(s->status)));
	if (s->committed)
		json_object_set_new(event, "epoch", json_integer(s->committed));
	add(s, "end", s->committed || s->restart->epoch, event);
}
