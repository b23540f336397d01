/* SPDX-License-Identifier: BSD-3-Clause */
/* life.c - a job's life, as its record tells it */
#include "launcher/report/life.h"

#include "launcher/history.h"
#include "launcher/words.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

double life_number(const json_t *json)
{
	double n = json_number_value(json);

	return !(n >= -1) ? -1 : n > 1e15 ? 1e15 : n;
}

static double positive(const json_t *event, const char *name)
{
	double n = life_number(json_object_get(event, name));

	return n > 0 ? n : 0;
}

static const char *text(const json_t *event, const char *name)
{
	const char *s = json_string_value(json_object_get(event, name));

	return s ? s : "";
}

/* --- one kind of event after another --- */

static void start_came(struct life *l, const json_t *e, double t)
{
	struct life_run *run = &l->runs[l->nruns++];
	const json_t *program = json_object_get(e, "program"), *word;
	size_t i;

	run->start = t;
	run->from = (long)positive(e, "restarted_from");
	l->job = text(e, "job");
	l->host = text(e, "host");
	free(l->program);
	l->program = xstrdup("");
	json_array_foreach(program, i, word)
	{
		const char *w = json_string_value(word);
		char *more = xprintf("%s%s%s", l->program, i ? " " : "",
				     w ? w : "");

		free(l->program);
		l->program = more;
	}
}

static void up_came(struct life *l, const json_t *e, double t)
{
	struct life_run *run = l->nruns ? &l->runs[l->nruns - 1] : NULL;

	if (!run)
		return;
	run->up = t;
	run->up_seconds = positive(e, "seconds");
	run->ranks = (long)positive(e, "ranks");
	run->nodes = (long)positive(e, "nnodes");
}

static void end_came(struct life *l, const json_t *e, double t)
{
	struct life_run *run = l->nruns ? &l->runs[l->nruns - 1] : NULL;
	const json_t *code = json_object_get(e, "code");
	const json_t *signal = json_object_get(e, "signal");

	if (!run)
		return;
	run->end = t;
	run->how = text(e, "how");
	run->has_code = code || signal;
	run->code = code ? (long)life_number(code) : -(long)life_number(signal);
}

static void epoch_came(struct life *l, const json_t *event, double t)
{
	struct life_epoch *e = &l->epochs[l->nepochs++];
	const json_t *phases = json_object_get(event, "phases");

	e->event = event;
	e->number = (long)positive(event, "epoch");
	e->committed = json_is_true(json_object_get(event, "committed"));
	e->end = t;
	e->seconds = positive(event, "seconds");
	e->pause_s = positive(event, "pause_ms") / 1000;
	e->bytes = positive(event, "bytes");
	e->memory_bytes = positive(event, "memory_bytes");
	e->ranks = (long)positive(event, "ranks_in_all");
	e->last = text(event, "last");
	e->reason = text(event, "reason");
	for (int i = 0; i < TIMELINE_PHASES; i++)
		e->phases[i] = positive(phases, timeline_phase_name(i));
	l->committed += e->committed;
	l->given_up += !e->committed;
	if (e->seconds > l->longest_s)
		l->longest_s = e->seconds;
	if (e->pause_s > l->longest_pause_s)
		l->longest_pause_s = e->pause_s;
	l->bytes += e->bytes;
	l->memory_bytes += e->memory_bytes;
}

static void note_came(struct life *l, const json_t *e, double t)
{
	l->notes[l->nnotes].t = t;
	l->notes[l->nnotes++].text = text(e, "text");
}

static const struct {
	const char *name;
	void (*came)(struct life *l, const json_t *e, double t);
} kinds[] = {
	{ "start", start_came }, { "up", up_came },	{ "end", end_came },
	{ "epoch", epoch_came }, { "note", note_came },
};

static void take(struct life *l)
{
	const json_t *e;
	size_t i;

	json_array_foreach(l->events, i, e)
	{
		const char *kind = text(e, "event");
		double t = positive(e, "t");

		if (t > 4e9) /* no clock of ours */
			t = 4e9;
		if (!i || t < l->begin)
			l->begin = t;
		if (t > l->end)
			l->end = t;
		for (size_t k = 0; k < sizeof(kinds) / sizeof(*kinds); k++)
			if (!strcmp(kind, kinds[k].name))
				kinds[k].came(l, e, t);
	}
}

int life_load(struct life *l, const char *dir, bool running, struct err *err)
{
	size_t n;
	int rc;

	memset(l, 0, sizeof(*l));
	rc = history_load(dir, &l->events, &l->skipped, err);
	if (rc == -ENOENT)
		return err_set(err, rc,
			       "there is no history.jsonl in %s: no job "
			       "there came to a checkpoint, or it was removed",
			       dir);
	if (rc)
		return rc;
	n = json_array_size(l->events) + 1;
	l->epochs = calloc(n, sizeof(*l->epochs));
	l->runs = calloc(n, sizeof(*l->runs));
	l->notes = calloc(n, sizeof(*l->notes));
	l->program = xstrdup("");
	l->job = l->host = "";
	if (!l->epochs || !l->runs || !l->notes) {
		life_fini(l);
		return err_set(err, -ENOMEM, "no memory");
	}
	take(l);
	if (running && l->end < (double)time(NULL))
		l->end = (double)time(NULL);
	return 0;
}

void life_fini(struct life *l)
{
	json_decref(l->events);
	free(l->program);
	free(l->epochs);
	free(l->runs);
	free(l->notes);
	memset(l, 0, sizeof(*l));
}

long life_slowest(const struct life_epoch *e, double *held_ms)
{
	const json_t *rank;
	long slowest = -1;
	size_t i;

	*held_ms = -1;
	json_array_foreach(json_object_get(e->event, "ranks"), i, rank)
	{
		double held = life_number(json_array_get(rank, 2));

		if (held <= *held_ms)
			continue;
		*held_ms = held;
		slowest = (long)life_number(json_array_get(rank, 0));
	}
	return slowest;
}
