/* SPDX-License-Identifier: BSD-3-Clause */
/* ranks.c - what the coordinator knows of each rank */
#include "launcher/ranks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RANKS_MAX (1 << 24)

static int state_of(const char *name)
{
	static const char *const names[] = { "unknown", "running", "finalized",
					     "exited" };

	for (int i = 1; i < 4; i++)
		if (!strcmp(name, names[i]))
			return i;
	return -EPROTO;
}

static int ranks_init(struct ranks *r, size_t n, struct err *err)
{
	r->v = calloc(n, sizeof(*r->v));
	if (!r->v)
		return err_set(err, -ENOMEM, "no memory for %zu ranks", n);
	r->n = n;
	r->first_lost = -1;
	r->counts[RANK_UNKNOWN] = n;
	for (size_t i = 0; i < n; i++)
		r->v[i].agent = -1;
	return 0;
}

int ranks_update(struct ranks *r, size_t agent, const json_t *message,
		 struct err *err)
{
	json_int_t rank = -1, nranks = -1, code = 0;
	const char *name = "";
	struct rank_entry *e;
	int state;

	if (json_unpack((json_t *)message, "{s:I, s:I, s:s}", "rank", &rank,
			"nranks", &nranks, "state", &name) ||
	    nranks < 1 || nranks > RANKS_MAX || rank < 0 || rank >= nranks)
		return err_set(err, -EPROTO,
			       "an agent sent a malformed \"rank\" message");
	json_unpack((json_t *)message, "{s:I}", "code", &code);
	state = state_of(name);
	if (state < 0)
		return err_set(err, state,
			       "an agent sent the unknown state \"%s\" of "
			       "rank %d",
			       name, (int)rank);
	if (!r->n) {
		int rc = ranks_init(r, (size_t)nranks, err);

		if (rc)
			return rc;
	}
	if ((size_t)nranks != r->n)
		return err_set(err, -EPROTO,
			       "rank %d says that there are %d ranks, others "
			       "say %zu; start one program at a time",
			       (int)rank, (int)nranks, r->n);
	e = &r->v[rank];
	r->counts[e->state]--;
	r->counts[state]++;
	e->state = (uint8_t)state;
	e->agent = (int32_t)agent;
	e->code = (int16_t)code;
	if (state == RANK_EXITED && code < 0 && r->first_lost < 0)
		r->first_lost = (int)rank;
	return 0;
}

size_t ranks_forget(struct ranks *r, size_t agent)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++) {
		struct rank_entry *e = &r->v[i];

		if (e->agent != (int32_t)agent || e->state == RANK_EXITED)
			continue;
		r->counts[e->state]--;
		r->counts[RANK_UNKNOWN]++;
		e->state = RANK_UNKNOWN;
		e->agent = -1;
		n++;
	}
	return n;
}

bool ranks_are_up(const struct ranks *r)
{
	return r->n && !r->counts[RANK_UNKNOWN] &&
	       r->counts[RANK_EXITED] < r->n;
}

int ranks_agent(const struct ranks *r, int rank)
{
	if (rank < 0 || (size_t)rank >= r->n || r->v[rank].state == RANK_EXITED)
		return -1;
	return r->v[rank].agent;
}

void ranks_fini(struct ranks *r)
{
	free(r->v);
	memset(r, 0, sizeof(*r));
}
