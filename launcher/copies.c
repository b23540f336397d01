/* SPDX-License-Identifier: BSD-3-Clause */
/* copies.c - images go from one node's buffer to another's */
#include "launcher/copies.h"

#include "launcher/session.h"
#include "runtime/base/fmt.h"
#include "runtime/net/address.h"
#include "storage/manifest.h"
#include "storage/tier.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define NOBODY	  SIZE_MAX
#define ANSWER_MS 20000 /* a taker's, to be asked */
#define STALL_MS  20000 /* how long nothing may move */
#define LOOK_MS	  1000

enum state { WAITING, ASKED, MOVING };

struct copying {
	struct copying *next;
	struct copies *copies;
	uint64_t id;
	uint32_t epoch;
	json_t *image; /* the entry of the manifest */
	bool partner;  /* a copy for the epoch; else for a restart */
	enum state state;
	size_t giver, taker;
	json_t *given; /* the entry as the giver has it */
	bool *failed;  /* a restart: who was tried, by place in holder() */
	int64_t until_ms;
	char key[2 * 32 + 1];
	char why[480]; /* the last failure */
};

static const char *text_of(const json_t *message, const char *member)
{
	return json_string_value(json_object_get(message, member));
}

static const char *name_of(const struct copies *c, size_t agent)
{
	return c->session->nodes.v[agent].name;
}

static void say(struct copies *c, size_t agent, json_t *message)
{
	nodes_send(&c->session->nodes, agent, message);
}

/* --- the end of one
 * ------------------------------------------------------------ */

static void copying_free(struct copying *g)
{
	struct copying **at = &g->copies->list;

	while (*at != g)
		at = &(*at)->next;
	*at = g->next;
	sodium_memzero(g->key, sizeof(g->key));
	json_decref(g->image);
	json_decref(g->given);
	free(g->failed);
	free(g);
}

/* Neither side is to go on. */
static void drop(struct copying *g)
{
	json_t *m = json_pack("{s:s, s:I}", "type", "drop", "id",
			      (json_int_t)g->id);

	if (g->state != WAITING) {
		say(g->copies, g->taker, json_incref(m));
		say(g->copies, g->giver, json_incref(m));
	}
	json_decref(m);
	g->state = WAITING;
}

/* The answer to whoever asked. */
static void answer(struct copying *g, bool ok, const char *text, json_t *copies)
{
	json_t *m = json_pack("{s:s, s:I, s:b, s:s, s:s}", "type",
			      g->partner ? "copied" : "fetched", "epoch",
			      (json_int_t)g->epoch, "ok", (int)ok, "text", text,
			      "file", text_of(g->image, "file"));

	if (copies)
		json_object_set_new(m, "copies", copies);
	say(g->copies, g->partner ? g->giver : g->taker, m);
	copying_free(g);
}

static void look_one(struct copying *g);

/* The epoch is lost: what the others still copy is for nothing.  All of them
 * hear it, and go past their buffers the next time: what one lacks (a provider,
 * a network) the others may lack, too. */
static void unsafe(struct copying *g, const char *text)
{
	struct copies *c = g->copies;
	uint32_t epoch = g->epoch;
	char all[600];

	fmt_print(all, sizeof(all), "no copy of node %s's image on node %s: %s",
		  name_of(c, g->giver), name_of(c, g->taker), text);
	drop(g);
	answer(g, false, all, NULL);
	for (struct copying *o = c->list, *next; o; o = next) {
		next = o->next;
		if (!o->partner || o->epoch != epoch)
			continue;
		drop(o);
		answer(o, false, all, NULL);
	}
}

static void failed(struct copying *g, size_t node, const char *text)
{
	fmt_print(g->why, sizeof(g->why), "node %s: %s",
		  name_of(g->copies, node), text);
	if (g->partner) {
		unsafe(g, text);
	} else {
		drop(g);
		look_one(g); /* another one may have it */
	}
}

static void succeeded(struct copying *g, const json_t *message)
{
	const char *fast = text_of(message, "fast");

	if (!g->partner)
		answer(g, true, "", NULL);
	else if (!tier_path_ok(fast))
		failed(g, g->taker, "its answer is odd");
	else
		answer(g, true, "",
		       json_pack("[{s:s, s:s}]", "node",
				 name_of(g->copies, g->taker), "fast", fast));
}

/* --- two agents
 * ---------------------------------------------------------------- */

/* Asks the taker; it answers with where it listens. */
static void begin(struct copying *g)
{
	unsigned char key[32];

	randombytes_buf(key, sizeof(key));
	sodium_bin2hex(g->key, sizeof(g->key), key, sizeof(key));
	sodium_memzero(key, sizeof(key));
	g->id = ++g->copies->next_id;
	g->state = ASKED;
	g->until_ms = clock_ms() + ANSWER_MS;
	say(g->copies, g->taker,
	    json_pack("{s:s, s:I, s:I, s:s, s:i, s:O}", "type", "take", "id",
		      (json_int_t)g->id, "epoch", (json_int_t)g->epoch, "key",
		      g->key, "limit_ms", STALL_MS, "image", g->image));
	loop_timer(&g->copies->session->loop, &g->copies->timer, LOOK_MS);
}

static void taking_came(struct copying *g, const json_t *message)
{
	const char *address = text_of(message, "address");

	if (g->state != ASKED || !address)
		return;
	g->state = MOVING;
	say(g->copies, g->giver,
	    json_pack("{s:s, s:I, s:I, s:s, s:i, s:s, s:O}", "type", "give",
		      "id", (json_int_t)g->id, "epoch", (json_int_t)g->epoch,
		      "key", g->key, "limit_ms", STALL_MS, "address", address,
		      "image", g->given));
}

static void moved_came(struct copying *g, size_t agent, const json_t *message)
{
	const char *text = text_of(message, "text");

	if (!json_is_true(json_object_get(message, "ok")))
		failed(g, agent, text ? text : "it does not say why");
	else if (agent == g->taker)
		succeeded(g, message);
}

static struct copying *find(struct copies *c, size_t agent, uint64_t id)
{
	for (struct copying *g = c->list; g; g = g->next)
		if (g->state != WAITING && g->id == id &&
		    (agent == g->taker || agent == g->giver))
			return g;
	return NULL;
}

static void late(struct timer *t)
{
	struct copies *c = t->arg;
	bool any = false;

	for (struct copying *g = c->list, *next; g; g = next) {
		next = g->next;
		any = any || g->state == ASKED;
		if (g->state == ASKED && clock_ms() > g->until_ms)
			failed(g, g->taker, "it did not answer");
	}
	if (any)
		loop_timer(&c->session->loop, &c->timer, LOOK_MS);
}

static struct copying *copying_make(struct copies *c, uint32_t epoch,
				    json_t *image)
{
	struct copying *g = calloc(1, sizeof(*g));

	if (!g)
		abort(); /* a few bytes */
	g->copies = c;
	g->epoch = epoch;
	g->image = json_incref(image);
	g->giver = g->taker = NOBODY;
	g->next = c->list;
	c->list = g;
	return g;
}

/* --- a partner's copy of an epoch
 * ---------------------------------------------- */

/* The next node of the ring: all that is on one host may be lost at once. */
static size_t partner_of(const struct nodes *nodes, size_t agent)
{
	for (size_t i = 1; i < nodes->n; i++) {
		size_t next = (agent + i) % nodes->n;

		if (nodes->v[next].peer &&
		    strcmp(nodes->v[next].name, nodes->v[agent].name) != 0)
			return next;
	}
	return NOBODY;
}

static void say_alone(struct copies *c)
{
	if (c->alone++)
		return;
	session_say(c->session, true,
		    "--redundancy partner needs two nodes, and this job has "
		    "one; its checkpoints have no copies");
}

static void copy_came(struct copies *c, size_t agent, const json_t *message)
{
	json_t *image = json_object_get(message, "image");
	struct copying *g = copying_make(c,
					 (uint32_t)json_integer_value(
						 json_object_get(message,
								 "epoch")),
					 image);

	g->partner = true;
	g->giver = agent;
	g->given = json_incref(image);
	g->taker = partner_of(&c->session->nodes, agent);
	if (!text_of(image, "file") || !text_of(image, "fast")) {
		copying_free(g);
		return;
	}
	if (g->taker == NOBODY) {
		say_alone(c);
		answer(g, true, "", NULL);
	} else {
		begin(g);
	}
}

/* --- an image for a restart
 * ---------------------------------------------------- */

/* The k-th that had it at the commit, and the entry as it is there: its own
 * node, then those of the copies.  NULL: there are no more. */
static const char *holder(const struct copying *g, size_t k, json_t **given)
{
	const json_t *copies = json_object_get(g->image, "copies");
	const json_t *one = k ? json_array_get(copies, k - 1) : NULL;

	if (!k) {
		*given = json_incref(g->image);
		return text_of(g->image, "node");
	}
	if (!one)
		return NULL;
	*given = tier_copy_as(g->image, tier_fast(one));
	return text_of(one, "node");
}

static size_t agent_named(const struct nodes *nodes, const char *name)
{
	for (size_t i = nodes->n; i-- > 0;)
		if (nodes->v[i].peer && !strcmp(nodes->v[i].name, name))
			return i;
	return NOBODY;
}

/* Begins with the first that is there and was not tried; or all have come, and
 * it is not to be had. */
static void look_one(struct copying *g)
{
	struct session *s = g->copies->session;
	size_t n = 1 + json_array_size(json_object_get(g->image, "copies"));
	const char *name;
	json_t *given;

	for (size_t k = 0; k < n; k++) {
		if (g->failed[k])
			continue;
		given = NULL;
		name = holder(g, k, &given);
		g->giver = name ? agent_named(&s->nodes, name) : NOBODY;
		if (g->giver != NOBODY && g->giver != g->taker && given) {
			g->failed[k] = true; /* not twice */
			json_decref(g->given);
			g->given = given;
			begin(g);
			return;
		}
		json_decref(given);
	}
	if (s->restorers >= s->restart->ranks)
		answer(g, false, g->why, NULL);
}

static json_t *entry_of(struct copies *c, const char *file)
{
	struct session *s = c->session;
	struct err ignored;
	json_t *image;
	size_t i;

	if (!c->manifest && manifest_load(s->job->dirfd, s->restart->epoch,
					  &c->manifest, &ignored))
		return NULL;
	json_array_foreach(json_object_get(c->manifest, "images"), i, image)
	{
		if (!strcmp(text_of(image, "file"), file) && tier_fast(image))
			return image;
	}
	return NULL;
}

static void fetch_came(struct copies *c, size_t agent, const json_t *message)
{
	const char *file = text_of(message, "file");
	json_t *image = file ? entry_of(c, file) : NULL;
	struct copying *g;

	if (!image) {
		say(c, agent,
		    json_pack("{s:s, s:b, s:s, s:s}", "type", "fetched", "ok",
			      0, "text", "", "file", file ? file : ""));
		return;
	}
	g = copying_make(c, c->session->restart->epoch, image);
	g->taker = agent;
	g->failed = calloc(1 + json_array_size(
				       json_object_get(image, "copies")),
			   sizeof(*g->failed));
	if (!g->failed)
		abort(); /* a few bytes */
	look_one(g);
}

/* --- what comes from outside
 * --------------------------------------------------- */

int copies_message(struct copies *c, size_t agent, const char *type,
		   const json_t *message)
{
	struct copying *g = find(c, agent,
				 (uint64_t)json_integer_value(
					 json_object_get(message, "id")));

	if (!strcmp(type, "copy"))
		copy_came(c, agent, message);
	else if (!strcmp(type, "fetch"))
		fetch_came(c, agent, message);
	else if (strcmp(type, "taking") != 0 && strcmp(type, "moved") != 0)
		return 0;
	else if (g && !strcmp(type, "taking"))
		taking_came(g, message);
	else if (g)
		moved_came(g, agent, message);
	return 1;
}

void copies_look(struct copies *c)
{
	for (struct copying *g = c->list, *next; g; g = next) {
		next = g->next;
		if (g->state == WAITING)
			look_one(g);
	}
}

void copies_lost(struct copies *c, size_t agent)
{
	for (struct copying *g = c->list, *next; g; g = next) {
		next = g->next;
		if (!g->partner && g->taker == agent)
			copying_free(g); /* nobody waits for it */
		else if (g->state != WAITING &&
			 (g->giver == agent || g->taker == agent))
			failed(g, agent, "it is gone, or does not answer");
	}
}

void copies_ended(struct copies *c, uint32_t epoch)
{
	for (struct copying *g = c->list, *next; g; g = next) {
		next = g->next;
		if (!g->partner || g->epoch != epoch)
			continue;
		drop(g);
		copying_free(g);
	}
}

void copies_init(struct copies *c, struct session *s)
{
	memset(c, 0, sizeof(*c));
	c->session = s;
	c->timer.cb = late;
	c->timer.arg = c;
}

void copies_fini(struct copies *c)
{
	while (c->list)
		copying_free(c->list);
	json_decref(c->manifest);
	c->manifest = NULL;
}
