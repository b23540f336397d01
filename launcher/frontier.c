/* SPDX-License-Identifier: BSD-3-Clause */
/* frontier.c - the coordinator's part in not cutting collectives */
#include "launcher/frontier.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What one agent said last. */
struct member {
	bool counted; /* its `counts` came */
	bool held;    /* its last hint */
	bool waved;   /* it answered the wave under way */
	json_int_t sent, received;
};

struct frontier {
	const struct frontier_ops *ops;
	void *arg;
	uint32_t epoch;
	size_t nagents;
	json_t *counts; /* gid -> what all agents said of it, see reduced_* */
	bool published; /* targets were sent */
	bool sliced;
	unsigned int wave; /* number of the wave under way; 0: none */
	unsigned int last_wave;
	bool wave_held;	  /* all answers so far say held */
	bool have_before; /* a whole wave with everybody held came before */
	json_int_t before_sent, before_received;
	struct member members[];
};

static void send_all(struct frontier *f, json_t *message)
{
	for (size_t i = 0; i < f->nagents; i++)
		f->ops->send(f->arg, i, json_incref(message));
	json_decref(message);
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
	f->counts = json_object();
	if (!f->counts) {
		free(f);
		return NULL;
	}
	send_all(f, json_pack("{s:s, s:I, s:s}", "type", "frontier", "epoch",
			      (json_int_t)epoch, "capture", capture));
	return f;
}

/* A wave asks every agent at once; the frontier stands when two of them in a
 * row found everybody held and the same number of messages sent as received. */
static void wave_begin(struct frontier *f)
{
	f->wave = ++f->last_wave;
	f->wave_held = true;
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

/* What all agents together know of one count. */
struct reduced {
	json_int_t max, min, entries, members;
	json_int_t floor; /* the last one that is no barrier to step out of */
};

static int reduced_read(const json_t *entry, const char **gid,
			struct reduced *r)
{
	return json_unpack((json_t *)entry, "[s, I, I, I, I, I]", gid, &r->max,
			   &r->entries, &r->floor, &r->min, &r->members);
}

static json_t *reduced_write(const char *gid, const struct reduced *r)
{
	return json_pack("[s, I, I, I, I, I]", gid, r->max, r->entries,
			 r->floor, r->min, r->members);
}

static void reduce(struct reduced *all, const struct reduced *one)
{
	if (one->max > all->max)
		all->max = one->max;
	if (one->floor > all->floor)
		all->floor = one->floor;
	if (one->min < all->min)
		all->min = one->min;
	all->entries += one->entries;
}

/*
 * The greatest count is the target, less the barriers at its end that somebody
 * has not entered: nobody can have left those, so who is inside may stand where
 * it is and enter them anew after a restart.
 */
static json_int_t target_of(const struct reduced *r)
{
	json_int_t all_entered = r->entries < r->members ? 0 : r->min;

	return all_entered > r->floor ? all_entered : r->floor;
}

static enum frontier_event counts_reduce(struct frontier *f,
					 const json_t *message)
{
	json_t *entry;
	size_t i;

	json_array_foreach(json_object_get(message, "counts"), i, entry)
	{
		struct reduced one, all;
		const char *gid, *same;
		json_t *old;

		if (reduced_read(entry, &gid, &one))
			return FRONTIER_FAILED;
		all = one;
		old = json_object_get(f->counts, gid);
		if (old && !reduced_read(old, &same, &all))
			reduce(&all, &one);
		json_object_set_new(f->counts, gid, reduced_write(gid, &all));
	}
	return FRONTIER_MOVED;
}

static void targets_send(struct frontier *f)
{
	json_t *targets = json_array();
	json_t *entry;
	const char *key;

	json_object_foreach(f->counts, key, entry)
	{
		struct reduced all;
		const char *gid;

		if (!reduced_read(entry, &gid, &all))
			json_array_append_new(targets,
					      json_pack("[s, I]", gid,
							target_of(&all)));
	}
	f->published = true;
	send_all(f, json_pack("{s:s, s:I, s:o}", "type", "targets", "epoch",
			      (json_int_t)f->epoch, "targets", targets));
}

static enum frontier_event counts_came(struct frontier *f, struct member *m,
				       const json_t *message)
{
	if (m->counted)
		return FRONTIER_GOING;
	m->counted = true;
	if (counts_reduce(f, message) == FRONTIER_FAILED)
		return FRONTIER_FAILED;
	for (size_t i = 0; i < f->nagents; i++)
		if (!f->members[i].counted)
			return FRONTIER_MOVED;
	targets_send(f);
	wave_if_all_held(f);
	return FRONTIER_MOVED;
}

static enum frontier_event wave_came(struct frontier *f, struct member *m,
				     const json_t *message)
{
	json_int_t sent = 0, received = 0;

	if (!f->wave || f->sliced || m->waved ||
	    json_integer_value(json_object_get(message, "n")) !=
		    (json_int_t)f->wave)
		return FRONTIER_GOING;
	m->waved = true;
	m->held = json_is_true(json_object_get(message, "held"));
	m->sent = json_integer_value(json_object_get(message, "sent"));
	m->received = json_integer_value(json_object_get(message, "received"));
	f->wave_held = f->wave_held && m->held;
	for (size_t i = 0; i < f->nagents; i++) {
		if (!f->members[i].waved)
			return FRONTIER_GOING;
		sent += f->members[i].sent;
		received += f->members[i].received;
	}
	f->wave = 0;
	if (!f->wave_held) {
		f->have_before = false;
		wave_if_all_held(f);
		return FRONTIER_GOING;
	}
	if (f->have_before && sent == f->before_sent &&
	    received == f->before_received)
		return FRONTIER_STANDS;
	f->have_before = true;
	f->before_sent = sent;
	f->before_received = received;
	wave_begin(f);
	return FRONTIER_GOING;
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
		m->held = json_is_true(json_object_get(message, "held"));
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
		f->members[i].held = false;
	send_all(f, json_pack("{s:s, s:I, s:s, s:b}", "type", "phase", "epoch",
			      (json_int_t)f->epoch, "phase", "slice", "on",
			      (int)on));
}

size_t frontier_held(const struct frontier *f)
{
	size_t n = 0;

	for (size_t i = 0; i < f->nagents; i++)
		n += f->members[i].held;
	return n;
}

void frontier_destroy(struct frontier *f)
{
	if (!f)
		return;
	json_decref(f->counts);
	free(f);
}
