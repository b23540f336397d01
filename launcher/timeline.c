/* SPDX-License-Identifier: BSD-3-Clause */
/* timeline.c - when nodes and ranks came to each phase of an epoch */
#include "launcher/timeline.h"

#include <stdlib.h>
#include <string.h>

static const char *const mark_names[TIMELINE_MARKS] = {
	[MARK_HELD] = "held",
	[MARK_QUIET] = "quiet",
	[MARK_CAPTURED] = "captured",
	[MARK_RESUMED] = "resumed",
};

static const char *const phase_names[TIMELINE_PHASES] = {
	[TIMELINE_WAIT] = "wait",	[TIMELINE_FRONTIER] = "frontier",
	[TIMELINE_DRAIN] = "drain",	[TIMELINE_CAPTURE] = "capture",
	[TIMELINE_WRITING] = "writing", [TIMELINE_COMMIT] = "commit",
};

const char *timeline_phase_name(enum timeline_phase phase)
{
	return phase_names[phase];
}

void timeline_fini(struct timeline *t)
{
	free(t->nodes);
	free(t->ranks);
	memset(t, 0, sizeof(*t));
	t->phase = -1;
}

void timeline_begin(struct timeline *t, size_t nodes, int64_t request_ms,
		    int64_t now_ms)
{
	timeline_fini(t);
	if (request_ms <= 0)
		request_ms = now_ms;
	t->request_ms = request_ms;
	t->begin_ms = now_ms;
	t->spent_ms[TIMELINE_WAIT] = now_ms - request_ms;
	t->nodes = calloc(nodes ? nodes : 1, sizeof(*t->nodes));
	t->nnodes = t->nodes ? nodes : 0;
	for (size_t i = 0; i < t->nnodes; i++)
		for (int k = 0; k < TALLY_PHASES; k++)
			t->nodes[i].done_ms[k] = -1;
}

void timeline_end(struct timeline *t, int64_t now_ms)
{
	if (t->phase > TIMELINE_WAIT)
		t->spent_ms[t->phase] += now_ms - t->entered_ms[t->phase];
	t->phase = -1;
}

void timeline_phase(struct timeline *t, enum timeline_phase phase,
		    int64_t now_ms)
{
	timeline_end(t, now_ms);
	t->phase = t->last = (int)phase;
	t->entered_ms[phase] = now_ms;
}

void timeline_slice(struct timeline *t)
{
	t->slices++;
}

/* `timing` of a `done durable` (protocol.md); what is malformed is left out. */
static void ranks_came(struct timeline *t, size_t node, const json_t *timing)
{
	const json_t *one;
	size_t i, n = json_array_size(timing);

	if (!n)
		return;
	if (t->nranks + n > t->room) {
		size_t room = 2 * (t->nranks + n);
		void *more = realloc(t->ranks, room * sizeof(*t->ranks));

		if (!more)
			return;
		t->ranks = more;
		t->room = room;
	}
	json_array_foreach(timing, i, one)
	{
		struct timeline_rank *r = &t->ranks[t->nranks];
		json_int_t rank = json_integer_value(json_array_get(one, 0));

		if (json_array_size(one) != 1 + TIMELINE_MARKS || rank < 0 ||
		    rank > UINT32_MAX)
			continue;
		r->rank = (uint32_t)rank;
		r->node = (uint32_t)node;
		for (size_t k = 0; k < TIMELINE_MARKS; k++)
			r->ms[k] = (float)json_number_value(
				json_array_get(one, 1 + k));
		t->nranks++;
	}
}

static json_int_t natural(const json_t *message, const char *name)
{
	json_int_t n = json_integer_value(json_object_get(message, name));

	return n > 0 ? n : 0;
}

static void durable_came(struct timeline *t, size_t node, const json_t *message)
{
	double cpu_ms = json_number_value(json_object_get(message, "cpu_ms"));
	json_int_t cpus = natural(message, "cpus");
	double cpu_s = cpu_ms / 1000 / (double)(cpus ? cpus : 1);

	t->nodes[node].bytes = (uint64_t)natural(message, "bytes");
	t->nodes[node].memory_bytes = (uint64_t)natural(message,
							"memory_bytes");
	if (cpu_s > t->cpu_s)
		t->cpu_s = cpu_s;
	ranks_came(t, node, json_object_get(message, "timing"));
}

void timeline_done(struct timeline *t, size_t node, const char *name,
		   const json_t *message, int64_t now_ms)
{
	static const char *const names[TALLY_PHASES] = { "drain", "capture",
							 "durable" };
	const char *phase = json_string_value(
		json_object_get(message, "phase"));
	struct timeline_node *n = node < t->nnodes ? &t->nodes[node] : NULL;

	if (!n || !phase)
		return;
	strncpy(n->name, name, sizeof(n->name) - 1);
	for (int k = 0; k < TALLY_PHASES; k++)
		if (!strcmp(phase, names[k]) && n->done_ms[k] < 0) {
			n->done_ms[k] = (float)(now_ms - t->begin_ms);
			if (k == PHASE_DURABLE)
				durable_came(t, node, message);
		}
}

/* --- what is told of it --- */

static json_t *tenths(double ms)
{
	return ms < 0 ? json_integer(-1) :
			json_real((double)(int64_t)(ms * 10 + 0.5) / 10);
}

static int by_value(const void *a, const void *b)
{
	const float *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static json_t *quantiles_of(float *values, size_t n)
{
	qsort(values, n, sizeof(*values), by_value);
	return json_pack("[o, o, o, o]", tenths(values[0]),
			 tenths(values[n / 2]), tenths(values[n * 95 / 100]),
			 tenths(values[n - 1]));
}

/* When a rank stopped for good in this epoch, or when it last did anything. */
static float slowness(const struct timeline_rank *r)
{
	float last = 0;

	for (int k = MARK_HELD; k <= MARK_CAPTURED; k++)
		if (r->ms[k] > last)
			last = r->ms[k];
	return last;
}

static int slowest_first(const void *a, const void *b)
{
	float x = slowness(a), y = slowness(b);

	return (x < y) - (x > y);
}

static int by_rank(const void *a, const void *b)
{
	const struct timeline_rank *x = a, *y = b;

	return (x->rank > y->rank) - (x->rank < y->rank);
}

static json_t *quantiles(const struct timeline *t)
{
	float *values = malloc(t->nranks * sizeof(*values));
	json_t *all = json_pack("{s:I}", "of", (json_int_t)t->nranks);

	for (int k = 0; values && k < TIMELINE_MARKS; k++) {
		for (size_t i = 0; i < t->nranks; i++)
			values[i] = t->ranks[i].ms[k];
		json_object_set_new(all, mark_names[k],
				    quantiles_of(values, t->nranks));
	}
	free(values);
	return all;
}

static json_t *list_ranks(const struct timeline *t, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++) {
		const struct timeline_rank *r = &t->ranks[i];
		json_t *one = json_pack("[I, I]", (json_int_t)r->rank,
					(json_int_t)r->node);

		for (int k = 0; k < TIMELINE_MARKS; k++)
			json_array_append_new(one, tenths(r->ms[k]));
		json_array_append_new(list, one);
	}
	return list;
}

/* The node that is done last comes first. */
static int last_node_first(const void *a, const void *b)
{
	const struct timeline_node *const *x = a, *const *y = b;
	float p = (*x)->done_ms[PHASE_DURABLE];
	float q = (*y)->done_ms[PHASE_DURABLE];

	/* What never came is slower still. */
	if ((p < 0) != (q < 0))
		return p < 0 ? -1 : 1;
	return (p < q) - (p > q);
}

static json_t *list_nodes(const struct timeline *t)
{
	const struct timeline_node *
		*sorted = calloc(t->nnodes + 1, sizeof(struct timeline_node *));
	json_t *list = json_array();
	size_t n = t->nnodes;

	for (size_t i = 0; sorted && i < t->nnodes; i++)
		sorted[i] = &t->nodes[i];
	if (sorted && n > TIMELINE_NODES) {
		qsort(sorted, n, sizeof(*sorted), last_node_first);
		n = TIMELINE_SLOWEST;
	}
	for (size_t i = 0; sorted && i < n; i++) {
		const struct timeline_node *node = sorted[i];

		json_array_append_new(list,
				      json_pack("[I, s, o, o, o, I, I]",
						(json_int_t)(node - t->nodes),
						node->name,
						tenths(node->done_ms[0]),
						tenths(node->done_ms[1]),
						tenths(node->done_ms[2]),
						(json_int_t)node->bytes,
						(json_int_t)
							node->memory_bytes));
	}
	free(sorted);
	return list;
}

json_t *timeline_json(const struct timeline *t)
{
	json_t *phases = json_object(), *all = json_object();
	bool many = t->nranks > TIMELINE_RANKS;

	for (int i = 0; i < TIMELINE_PHASES; i++)
		json_object_set_new(phases, phase_names[i],
				    json_real((double)t->spent_ms[i] / 1000));
	json_object_set_new(all, "phases", phases);
	json_object_set_new(all, "last", json_string(phase_names[t->last]));
	json_object_set_new(all, "slices", json_integer(t->slices));
	json_object_set_new(all, "nnodes", json_integer((json_int_t)t->nnodes));
	json_object_set_new(all, "nodes", list_nodes(t));
	if (many) {
		json_object_set_new(all, "quantiles", quantiles(t));
		qsort(t->ranks, t->nranks, sizeof(*t->ranks), slowest_first);
	} else if (t->nranks) {
		qsort(t->ranks, t->nranks, sizeof(*t->ranks), by_rank);
	}
	json_object_set_new(all, "ranks",
			    list_ranks(t, many ? TIMELINE_SLOWEST : t->nranks));
	return all;
}
