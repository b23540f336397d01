/* SPDX-License-Identifier: BSD-3-Clause */
/* tally.c - what each agent has done of an epoch, added up */
#include "launcher/tally.h"

#include "storage/tier.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void tally_init(struct tally *t, size_t nagents)
{
	tally_fini(t);
	t->agents = calloc(nagents ? nagents : 1, sizeof(*t->agents));
	t->n = t->agents ? nagents : 0;
	t->images = json_array();
	t->explain_rank = -1;
}

void tally_fini(struct tally *t)
{
	free(t->agents);
	json_decref(t->images);
	json_decref(t->explain);
	memset(t, 0, sizeof(*t));
}

static int phase_of(const json_t *message)
{
	static const char *const names[TALLY_PHASES] = { "drain", "capture",
							 "durable" };
	const char *name = json_string_value(json_object_get(message, "phase"));

	for (int i = 0; name && i < TALLY_PHASES; i++)
		if (!strcmp(names[i], name))
			return i;
	return -EPROTO;
}

/* The image's entry in the manifest, and its share of the sums. */
static int image_came(struct tally *t, const char *node, const json_t *message,
		      struct err *err)
{
	const char *file = NULL, *digest = NULL, *key;
	json_int_t bytes = -1, memory_bytes = -1;
	const char *fast = json_string_value(json_object_get(message, "fast"));
	json_t *sources = json_object_get(message, "sources"), *entry;
	json_t *copies = json_object_get(message, "copies");
	json_t *ranks = NULL, *explain, *value;
	json_int_t waited = json_integer_value(
		json_object_get(message, "waited"));

	/* A node whose ranks have all ended has no image. */
	if (json_is_null(json_object_get(message, "file")))
		return 0;

	if (json_unpack((json_t *)message, "{s:s, s:I, s:I, s:s, s:o}", "file",
			&file, "bytes", &bytes, "memory_bytes", &memory_bytes,
			"index_digest", &digest, "ranks", &ranks) ||
	    bytes < 0 || memory_bytes < 0 || !json_is_array(ranks) ||
	    strchr(file, '/') || file[0] == '.')
		return err_set(err, -EPROTO,
			       "its agent sent a malformed \"done durable\"");
	t->bytes += (uint64_t)bytes;
	t->memory_bytes += (uint64_t)memory_bytes;
	t->ranks += json_array_size(ranks);
	t->waited += waited > 0 ? (uint64_t)waited : 0;
	entry = json_pack("{s:s, s:s, s:I, s:I, s:s, s:O}", "file", file,
			  "node", node, "bytes", bytes, "memory_bytes",
			  memory_bytes, "index_digest", digest, "ranks", ranks);
	json_array_append_new(t->images, entry);
	if (fast && tier_path_ok(fast))
		json_object_set_new(entry, "fast", json_string(fast));
	/* Checked with the whole manifest, before its commit. */
	if (json_array_size(sources))
		json_object_set(entry, "sources", sources);
	if (json_array_size(copies) && tier_copies_ok(copies))
		json_object_set(entry, "copies", copies);
	explain = json_object_get(message, "explain");
	json_object_foreach(explain, key, value)
	{
		json_int_t rank = atoll(key);

		if (t->explain && rank >= t->explain_rank)
			continue;
		json_decref(t->explain);
		t->explain = json_incref(value);
		t->explain_rank = rank;
	}
	return 0;
}

int tally_done(struct tally *t, size_t agent, const char *node,
	       const json_t *message, struct err *err)
{
	const json_t *pause_ms = json_object_get(message, "pause_ms");
	int phase = phase_of(message);

	if (phase < 0 || agent >= t->n)
		return err_set(err, -EPROTO,
			       "its agent sent a malformed \"done\"");
	if (t->agents[agent].done[phase])
		return 0;
	if (phase > PHASE_DRAIN && !t->agents[agent].done[phase - 1])
		return err_set(err, -EPROTO,
			       "its agent left out a phase of the epoch");
	if (json_number_value(pause_ms) > t->pause_ms)
		t->pause_ms = json_number_value(pause_ms);
	t->agents[agent].done[phase] = true;
	t->done[phase]++;
	return phase == PHASE_DURABLE ? image_came(t, node, message, err) : 0;
}

bool tally_all(const struct tally *t, enum tally_phase phase)
{
	return t->n && t->done[phase] == t->n;
}

void tally_progress(struct tally *t, size_t agent, const json_t *message)
{
	json_int_t bytes = json_integer_value(
		json_object_get(message, "bytes"));

	if (agent < t->n && bytes > 0)
		t->agents[agent].bytes = (uint64_t)bytes;
}

uint64_t tally_bytes(const struct tally *t)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < t->n; i++)
		sum += t->agents[i].bytes;
	return sum > t->bytes ? sum : t->bytes;
}

/* Which ranks lie in an image: a byte for each, to be freed. */
static unsigned char *ranks_seen(const struct tally *t, size_t nranks,
				 struct err *err)
{
	unsigned char *seen = calloc(nranks ? nranks : 1, 1);
	json_t *image, *rank;
	size_t i, k;

	if (!seen) {
		err_set(err, -ENOMEM, "no memory for the manifest");
		return NULL;
	}
	json_array_foreach(t->images, i, image)
	{
		json_array_foreach(json_object_get(image, "ranks"), k, rank)
		{
			json_int_t r = json_integer_value(rank);

			if (r >= 0 && (size_t)r < nranks && !seen[r]++)
				continue;
			err_set(err, -EPROTO,
				"rank %d lies in two images or does not exist",
				(int)r);
			free(seen);
			return NULL;
		}
	}
	return seen;
}

/* Each rank must lie in one image, or have ended before: else the epoch is not
 * whole (I1).  One that ended after its capture is in an image like the others.
 * Gives the list of those in none, with their codes. */
static json_t *list_exited(const struct tally *t, const struct ranks *ranks,
			   struct err *err)
{
	unsigned char *seen = ranks_seen(t, ranks->n, err);
	json_t *list = seen ? json_array() : NULL;

	for (size_t i = 0; list && i < ranks->n; i++) {
		const struct rank_entry *e = &ranks->v[i];

		if (seen[i])
			continue;
		if (e->state == RANK_EXITED && e->code >= 0) {
			json_array_append_new(list,
					      json_pack("{s:I, s:i}", "rank",
							(json_int_t)i, "code",
							e->code));
			continue;
		}
		err_set(err, -EPROTO,
			"the images hold %zu ranks, the job has %zu", t->ranks,
			ranks->n);
		json_decref(list);
		list = NULL;
	}
	free(seen);
	return list;
}

json_t *tally_manifest(const struct tally *t, uint32_t epoch,
		       const struct ranks *ranks, int64_t ms, struct err *err)
{
	char stamp[32];
	struct tm tm;
	time_t now = time(NULL);
	json_t *m, *exited = list_exited(t, ranks, err);

	if (!exited)
		return NULL;
	gmtime_r(&now, &tm);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", &tm);
	m = json_pack("{s:I, s:I, s:s, s:I, s:I, s:f, s:f, s:O}", "epoch",
		      (json_int_t)epoch, "ranks", (json_int_t)ranks->n, "time",
		      stamp, "bytes", (json_int_t)t->bytes, "memory_bytes",
		      (json_int_t)t->memory_bytes, "pause_ms", t->pause_ms,
		      "seconds", (double)ms / 1000, "images", t->images);
	if (m && json_array_size(exited))
		json_object_set(m, "exited", exited);
	json_decref(exited);
	if (m && t->explain)
		json_object_set(m, "explain", t->explain);
	if (!m)
		err_set(err, -ENOMEM, "no memory for the manifest");
	return m;
}
