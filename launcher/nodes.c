/* SPDX-License-Identifier: BSD-3-Clause */
/* nodes.c - the nodes of a running job: which of them answer */
#include "launcher/nodes.h"

#include "launcher/words.h"

#include <stdlib.h>
#include <string.h>

static void beat_one(struct nodes *nodes, size_t i)
{
	struct node *node = &nodes->v[i];

	if (!node->peer)
		return;
	/* What a mute one does not read would only pile up. */
	if (node->silent < NODE_MUTE_BEATS)
		server_send(node->peer, json_pack("{s:s}", "type", "beat"));
	node->silent++;
	if (node->silent == NODE_MUTE_BEATS)
		nodes->ops->mute(nodes->arg, i, true);
	else if (node->silent == NODE_DEAD_BEATS)
		nodes->ops->dead(nodes->arg, i);
}

static void beat_due(struct timer *t)
{
	struct nodes *nodes = t->arg;

	for (size_t i = 0; i < nodes->n; i++)
		beat_one(nodes, i);
	loop_timer(nodes->loop, &nodes->beat, BEAT_MS);
}

void nodes_init(struct nodes *nodes, struct loop *loop,
		const struct nodes_ops *ops, void *arg)
{
	memset(nodes, 0, sizeof(*nodes));
	nodes->loop = loop;
	nodes->ops = ops;
	nodes->arg = arg;
	nodes->beat.cb = beat_due;
	nodes->beat.arg = nodes;
}

void nodes_fini(struct nodes *nodes)
{
	for (size_t i = 0; i < nodes->n; i++)
		free(nodes->v[i].name);
	free(nodes->v);
	memset(nodes, 0, sizeof(*nodes));
}

size_t nodes_add(struct nodes *nodes, const char *name, struct peer *peer)
{
	struct node *v = realloc(nodes->v, (nodes->n + 1) * sizeof(*v));

	if (!v)
		abort(); /* a few bytes at the very start */
	nodes->v = v;
	v[nodes->n] = (struct node){ .name = xstrdup(name), .peer = peer };
	if (!nodes->n)
		loop_timer(nodes->loop, &nodes->beat, BEAT_MS);
	return nodes->n++;
}

void nodes_heard(struct nodes *nodes, size_t number)
{
	struct node *node = &nodes->v[number];
	bool was_mute = node->silent >= NODE_MUTE_BEATS;

	node->silent = 0;
	if (was_mute)
		nodes->ops->mute(nodes->arg, number, false);
}

void nodes_gone(struct nodes *nodes, size_t number)
{
	nodes->v[number].peer = NULL;
	nodes->v[number].suspect = true;
	nodes->v[number].asked = false;
}

void nodes_ask(struct nodes *nodes)
{
	for (size_t i = 0; i < nodes->n; i++)
		nodes->v[i].asked = nodes->v[i].peer;
	nodes_say(nodes, json_pack("{s:s}", "type", "ask"));
}

void nodes_here(struct nodes *nodes, size_t number)
{
	nodes->v[number].asked = false;
}

bool nodes_answered(const struct nodes *nodes)
{
	for (size_t i = 0; i < nodes->n; i++)
		if (nodes->v[i].asked)
			return false;
	return true;
}

void nodes_send(struct nodes *nodes, size_t number, json_t *message)
{
	if (number < nodes->n && nodes->v[number].peer)
		server_send(nodes->v[number].peer, message);
	else
		json_decref(message);
}

void nodes_say(struct nodes *nodes, json_t *message)
{
	char *text = message ? json_dumps(message, JSON_COMPACT) : NULL;
	size_t len = text ? strlen(text) : 0;

	for (size_t i = 0; text && i < nodes->n; i++)
		if (nodes->v[i].peer)
			server_send_text(nodes->v[i].peer, text, len);
	free(text);
	json_decref(message);
}
