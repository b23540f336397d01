/* SPDX-License-Identifier: BSD-3-Clause */
/* frontier.c - the coordinator's part in not cutting collectives */
#include "launcher/frontier.h"

#include "launcher/counts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What one agent said last. */
struct member {
	bool counted; /* its `counts` came */
	bool held;    /* its last hint */
	bool waved;   /* it answered the wave under way */
};

struct frontier {
	const struct frontier_ops *ops;
	void *arg;
	uint32_t epoch;
	size_t nagents;
	struct counts *counts;
	bool published; /* targets were sent */
	bool sliced;
	size_t nheld;	   /* agents whose last hint says so */
	unsigned int wave; /* number of the wave under way; 0: none */
	unsigned int last_wave;
	size_t nwaved;			     /* answers to it so far */
	json_int_t wave_sent, wave_received; /* their sums */
	bool wave_held;			     /* all of them say held */
	bool have_before; /* a whole wave with everybody held came before */
	json_int_t before_sent, before_received;
	struct member members[];
};

static void send_all(struct frontier *f, json_t *message)
{
	f->ops->send_all(f->arg, message);
}

struct frontier *frontier_create(const struct frontier_ops *ops, void *arg,
				 uint32_t epoch, size_t nagents,
				 const char *capture)
{
	struct frontier *f = calloc(1, sizeof(*f) +
					       nagents * sizeof(f->members[0]));

	if (!f)
		return NULL;
	f->ops = ops;
	f->arg = arg;
	f->epoch = epoch;
	f->nagents = nagents;
	f->counts = counts_create(nagents);
	if (!f->counts) {
		free(f);
		return NULL;
	}
	send_all(f, json_pack("{s:s, s:I, s:s}", "type", "frontier", "epoch",
			      (json_int_t)epoch, "capture", capture));
	return f;
}

static void held_set(struct frontier *f, struct member *m, bool held)
{
	if (held != m->held)
		f->nheld += held ? 1 : (size_t)-1;
	m->held = held;
}

/* A wave asks every agent at once; the frontier stands when two of them in a
 * row found everybody held and the same number of messages sent as received. */
static void wave_begin(struct frontier *f)
{
	f->wave = ++f->last_wave;
	f->wave_held = true;
	f->nwaved = 0;
	f->wave_sent = f->wave_received = 0;
	for (size_t i = 0; i < f->nagents; i++)
		f->members[i].waved = false;
	send_all(f, json_pack("{s:s, s:I, s:I}", "type", "wave", "epoch",
			      (json_int_t)f->epoch, "n", (json_int_t)f->wave));
}

static void wave_if_all_held(struct frontier *f)
{
	if (f->wave || f->sliced || !f->published ||
	    frontier_held(f) < f->nagents)
		return;
	f->have_before = false;
	wave_begin(f);
}

/* Each agent is told what concerns it (counts.h). */
static int targets_send(struct frontier *f)
{
	for (size_t i = 0; i < f->nagents; i++) {
		json_t *targets = counts_targets(f->counts, i);
		json_t *message = targets ? json_pack("{s:s, s:I, s:o}", "type",
						      "targets", "epoch",
						      (json_int_t)f->epoch,
						      "targets", targets) :
					    NULL;

		if (!message)
			return -ENOMEM;
		f->ops->send(f->arg, i, message);
	}
	f->published = true;
	return 0;
}

static enum frontier_event counts_came(struct frontier *f, struct member *m,
				       const json_t *message)
{
	if (m->counted)
		return FRONTIER_GOING;
	m->counted = true;
	if (counts_add(f->counts, (size_t)(m - f->members),
		       json_object_get(message, "counts")))
		return FRONTIER_FAILED;
	if (!counts_all(f->counts))
		return FRONTIER_MOVED;
	if (targets_send(f))
		return FRONTIER_FAILED;
	wave_if_all_held(f);
	return FRONTIER_MOVED;
}

static enum frontier_event wave_came(struct frontier *f, struct member *m,
				     const json_t *message)
{
	if (!f->wave || f->sliced || m->waved ||
	    json_integer_value(json_object_get(message, "n")) !=
		    (json_int_t)f->wave)
		return FRONTIER_GOING;
	m->waved = true;
	held_set(f, m, json_is_true(json_object_get(message, "held")));
	f->wave_sent += json_integer_value(json_object_get(message, "sent"));
	f->wave_received += json_integer_value(
		json_object_get(message, "received"));
	f->wave_held = f->wave_held && m->held;
	/* Among very many nodes a wave may take longer than a stall. */
	if (++f->nwaved < f->nagents)
		return FRONTIER_MOVED;
	f->wave = 0;
	if (!f->wave_held) {
		f->have_before = false;
		wave_if_all_held(f);
		return FRONTIER_MOVED;
	}
	if (f->have_before && f->wave_sent == f->before_sent &&
	    f->wave_received == f->before_received)
		return FRONTIER_STANDS;
	f->have_before = true;
	f->before_sent = f->wave_sent;
	f->before_received = f->wave_received;
	wave_begin(f);
	return FRONTIER_MOVED;
}

/* RAISE, SETTLED and group calls go to all agents (each knows which of its
 * ranks are members, also when they become so later), NEED to the one that
 * hosts the peer or, for a wildcard, to all. */
static enum frontier_event route(struct frontier *f, const json_t *message)
{
	json_int_t to = -1;
	int agent;

	if (!json_unpack((json_t *)message, "{s:I}", "to", &to) && to >= 0) {
		agent = f->ops->agent_of(f->arg, (int)to);
		if (agent >= 0)
			f->ops->send(f->arg, (size_t)agent,
				     json_incref((json_t *)message));
		return FRONTIER_MOVED;
	}
	send_all(f, json_incref((json_t *)message));
	return FRONTIER_MOVED;
}

enum frontier_event frontier_message(struct frontier *f, size_t agent,
				     const json_t *message, struct err *err)
{
	const char *type = json_string_value(json_object_get(message, "type"));
	const json_t *epoch = json_object_get(message, "epoch");
	struct member *m;
	enum frontier_event event = FRONTIER_GOING;

	if (!type || agent >= f->nagents ||
	    json_integer_value(epoch) != (json_int_t)f->epoch)
		return FRONTIER_GOING;
	m = &f->members[agent];
	if (!strcmp(type, "counts")) {
		event = counts_came(f, m, message);
	} else if (!strcmp(type, "wave")) {
		event = wave_came(f, m, message);
	} else if (!strcmp(type, "raise") || !strcmp(type, "need") ||
		   !strcmp(type, "settled") || !strcmp(type, "group")) {
		event = route(f, message);
	} else if (!strcmp(type, "held")) {
		held_set(f, m, json_is_true(json_object_get(message, "held")));
		wave_if_all_held(f);
		event = FRONTIER_MOVED;
	}
	if (event == FRONTIER_FAILED)
		err_set(err, -EPROTO,
			"agent %u sent a malformed \"%s\"; this is a bug in "
			"Cairn",
			(unsigned int)agent, type);
	return event;
}

void frontier_slice(struct frontier *f, bool on)
{
	f->sliced = on;
	f->wave = 0;
	f->have_before = false;
	for (size_t i = 0; i < f->nagents; i++)
		held_set(f, &f->members[i], false);
	send_all(f, json_pack("{s:s, s:I, s:s, s:b}", "type", "phase", "epoch",
			      (json_int_t)f->epoch, "phase", "slice", "on",
			      (int)on));
}

size_t frontier_held(const struct frontier *f)
{
	return f->nheld;
}

void frontier_destroy(struct frontier *f)
{
	if (!f)
		return;
	counts_destroy(f->counts);
	free(f);
}
