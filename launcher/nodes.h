/* SPDX-License-Identifier: BSD-3-Clause */
/* nodes.h - the nodes of a running job: which of them answer */
#ifndef CAIRN_LAUNCHER_NODES_H
#define CAIRN_LAUNCHER_NODES_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "launcher/loop.h"
#include "launcher/server.h"

/*
 * Every BEAT_MS each side sends the other a `beat`.  A cut link shows as bytes
 * that nobody acknowledges (NET_UNACKNOWLEDGED_MS, address.h): both sides lose
 * the connection.  An agent that is connected but silent (its node is frozen,
 * or overloaded beyond measure) is `mute` after NODE_MUTE_BEATS of our own
 * beats, so that a launcher which was stopped itself accuses nobody.
 */
#define BEAT_MS		2000
#define NODE_MUTE_BEATS 8
#define NODE_DEAD_BEATS 15

struct node {
	char *name;	   /* as its agent says: its host name */
	struct peer *peer; /* NULL: the agent is gone */
	int silent;	   /* beats since it was heard */
	bool suspect;	   /* was lost before the job was left */
	bool asked;	   /* whether it is there, and has not answered yet */
};

struct nodes_ops {
	/* It does not answer any more, or (mute false) it does again. */
	void (*mute)(void *arg, size_t number, bool mute);
	/* Mute for NODE_DEAD_BEATS: it is taken for dead where that helps. */
	void (*dead)(void *arg, size_t number);
};

struct nodes {
	struct node *v; /* by agent number */
	size_t n;
	struct loop *loop;
	struct timer beat;
	const struct nodes_ops *ops;
	void *arg;
};

void nodes_init(struct nodes *nodes, struct loop *loop,
		const struct nodes_ops *ops, void *arg);
void nodes_fini(struct nodes *nodes);
/* nodes_add - an agent has said hello; its number. */
size_t nodes_add(struct nodes *nodes, const char *name, struct peer *peer);
/* nodes_heard - a message came from it. */
void nodes_heard(struct nodes *nodes, size_t number);
/* nodes_gone - its connection has ended, which is suspect: agents stay until
 * they are left. */
void nodes_gone(struct nodes *nodes, size_t number);
/* nodes_ask - are they all there?  Each is to say `here` (nodes_here);
 * nodes_answered: all have that were not lost meanwhile. */
void nodes_ask(struct nodes *nodes);
void nodes_here(struct nodes *nodes, size_t number);
bool nodes_answered(const struct nodes *nodes);
/* nodes_send - to one agent, nodes_say - to all; steals the message. */
void nodes_send(struct nodes *nodes, size_t number, json_t *message);
void nodes_say(struct nodes *nodes, json_t *message);

#endif
