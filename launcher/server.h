/* SPDX-License-Identifier: BSD-3-Clause */
/* server.h - who is connected to cairnrun: agents, tools, strangers */
#ifndef CAIRN_LAUNCHER_SERVER_H
#define CAIRN_LAUNCHER_SERVER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "launcher/loop.h"
#include "runtime/net/channel.h"

/* Connections that have not proved themselves: more, and the oldest goes.  They
 * may be many of a large job's nodes at its start; those that have shown the
 * secret, and not yet MUNGE's word, all of them. */
#define SERVER_STRANGERS_MAX 1024
#define SERVER_PROVING_MAX   2048

struct server;

struct peer {
	struct peer *next;
	struct server *server;
	struct channel *channel;
	struct watch watch;
	bool dead;     /* to be removed when nobody is using it */
	int kind;      /* the owner's; 0: has not said what it is */
	size_t number; /* the owner's */
	void *data;    /* the owner's */
};

struct server_ops {
	/* A message from an authenticated peer. */
	void (*message)(void *arg, struct peer *p, const json_t *message);
	/* It is gone; called once for a peer whose kind is not 0.  rc: how its
	 * connection ended (-ECONNRESET, -ETIMEDOUT ...). */
	void (*gone)(void *arg, struct peer *p, int rc, const char *why);
};

struct server {
	struct loop *loop;
	const struct server_ops *ops;
	void *arg;
	enum channel_auth auth;
	unsigned char secret[CHANNEL_SECRET_BYTES];
	char address[1024]; /* "host:port,host:port" */
	struct watch listener;
	struct timer timer; /* deadlines of strangers, removal of the dead */
	struct peer *strangers; /* have not proved themselves; newest first */
	struct peer *peers;	/* the others */
};

/* server_init - listen with a new secret: on this machine only, or (routable)
 * where others can reach it, by iface only if that is not NULL. */
int server_init(struct server *s, struct loop *loop, enum channel_auth auth,
		bool routable, const char *iface, const struct server_ops *ops,
		void *arg, struct err *err) must_check;
void server_fini(struct server *s);
/* server_send - queue a message; steals the reference. */
void server_send(struct peer *p, json_t *message);
/* server_send_text - the same for a message that is encoded already (compact
 * JSON). */
void server_send_text(struct peer *p, const char *text, size_t len);
/* server_drop - end a connection; `gone` is not called. */
void server_drop(struct peer *p);

#endif
