/* SPDX-License-Identifier: BSD-3-Clause */
/* server.c - who is connected to cairnrun: agents, tools, strangers */
#include "launcher/server.h"

#include "runtime/base/log.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/* How often strangers' deadlines are looked at, while there are any. */
#define SWEEP_MS 500

/* Peers are freed from the timer only, so that a callback may drop any of them,
 * itself included. */
static void bury(struct peer *p)
{
	if (p->dead)
		return;
	p->dead = true;
	loop_unwatch(p->server->loop, &p->watch);
	channel_close(p->channel);
	p->channel = NULL;
	loop_timer(p->server->loop, &p->server->timer, 0);
}

void server_drop(struct peer *p)
{
	p->kind = 0;
	bury(p);
}

static void lose(struct peer *p, int rc, const char *why)
{
	struct server *s = p->server;
	int kind = p->kind;

	bury(p);
	if (kind)
		s->ops->gone(s->arg, p, rc, why);
}

/* Room for one more that has proved nothing (or no more than the secret). */
static void bound(struct server *s, bool secret, size_t most)
{
	struct peer *oldest = NULL;
	size_t n = 0;

	for (struct peer *p = s->strangers; p; p = p->next) {
		if (p->dead || channel_knows_secret(p->channel) != secret)
			continue;
		oldest = p;
		n++;
	}
	if (n >= most)
		bury(oldest);
}

/* It has proved itself: from here on nobody looks at its deadline. */
static void settle(struct peer *p)
{
	struct server *s = p->server;
	struct peer **link = &s->strangers;

	while (*link && *link != p)
		link = &(*link)->next;
	if (!*link)
		return;
	*link = p->next;
	p->next = s->peers;
	s->peers = p;
}

static void overdue_bury(struct server *s)
{
	for (struct peer *p = s->strangers; p; p = p->next) {
		if (p->dead || channel_deadline_ms(p->channel) != 0)
			continue;
		log_debug("a connection that did not prove itself in "
			  "time was dropped");
		bury(p);
	}
}

static void dead_free(struct peer **link)
{
	while (*link) {
		struct peer *p = *link;

		if (p->dead) {
			*link = p->next;
			free(p);
		} else {
			link = &p->next;
		}
	}
}

static void sweep(struct timer *t)
{
	struct server *s = t->arg;

	overdue_bury(s);
	dead_free(&s->strangers);
	dead_free(&s->peers);
	if (s->strangers)
		loop_timer(s->loop, &s->timer, SWEEP_MS);
	else
		loop_untimer(s->loop, &s->timer);
}

/* With CAIRN_LOG=debug all that is said can be read along. */
static void trace(const struct peer *p, const char *way, const json_t *message)
{
	char *text;

	if (!log_enabled(LOG_DEBUG))
		return;
	text = json_dumps(message, JSON_COMPACT);
	log_debug("peer %zu %s %.800s", p->number, way, text ? text : "?");
	free(text);
}

static void want(struct peer *p)
{
	struct loop *loop = p->server->loop;
	uint32_t events = EPOLLIN;
	struct err err;

	if (p->dead)
		return;
	if (channel_is_open(p->channel) && channel_wants_write(p->channel))
		events |= EPOLLOUT;
	if (p->watch.events)
		loop_change(loop, &p->watch, events);
	else if (loop_watch(loop, &p->watch, channel_fd(p->channel), events,
			    &err))
		log_err("%s", err.text);
}

static void peer_ready(struct watch *w, uint32_t events)
{
	struct peer *p = w->arg;
	struct server *s = p->server;
	json_t *message;
	struct err err = { "" };
	int rc = 0;

	bool was_open = channel_is_open(p->channel);

	/* While a peer proves itself its descriptor changes. */
	if (!was_open)
		loop_unwatch(s->loop, w);
	if (events & EPOLLOUT)
		rc = channel_flush(p->channel);
	while (!p->dead) {
		rc = channel_receive(p->channel, &message, &err);
		if (!was_open && channel_is_open(p->channel)) {
			was_open = true;
			settle(p);
		}
		if (rc)
			break;
		trace(p, "says", message);
		s->ops->message(s->arg, p, message);
		json_decref(message);
	}
	if (p->dead)
		return;
	if (rc == -EKEYREJECTED || rc == -EPROTO || rc == -ENOKEY)
		log_warn("%s", err.text);
	if (rc != -EAGAIN)
		lose(p, rc, err.text);
	else
		want(p);
}

static void accept_ready(struct watch *w, uint32_t events)
{
	struct server *s = w->arg;
	struct peer *p;
	struct err err;

	(void)events;
	bound(s, false, SERVER_STRANGERS_MAX);
	bound(s, true, SERVER_PROVING_MAX);
	p = calloc(1, sizeof(*p));
	if (!p ||
	    channel_accept(w->fd, s->auth, s->secret, &p->channel, &err)) {
		free(p);
		return;
	}
	p->server = s;
	p->watch.cb = peer_ready;
	p->watch.arg = p;
	if (loop_watch(s->loop, &p->watch, channel_fd(p->channel), EPOLLIN,
		       &err)) {
		channel_close(p->channel);
		free(p);
		return;
	}
	p->next = s->strangers;
	s->strangers = p;
	if (!s->timer.armed)
		loop_timer(s->loop, &s->timer, SWEEP_MS);
}

int server_init(struct server *s, struct loop *loop, enum channel_auth auth,
		bool routable, const char *iface, const struct server_ops *ops,
		void *arg, struct err *err)
{
	int fd, rc;

	memset(s, 0, sizeof(*s));
	s->loop = loop;
	s->auth = auth;
	s->ops = ops;
	s->arg = arg;
	s->listener.fd = -1;
	s->timer.cb = sweep;
	s->timer.arg = s;
	secret_make(s->secret);
	rc = routable ? channel_listen_routable(iface, &fd, s->address,
						sizeof(s->address), err) :
			channel_listen(NULL, 0, &fd, s->address,
				       sizeof(s->address), err);
	if (rc)
		return rc;
	s->listener.cb = accept_ready;
	s->listener.arg = s;
	rc = loop_watch(loop, &s->listener, fd, EPOLLIN, err);
	if (rc)
		close(fd);
	return rc;
}

void server_fini(struct server *s)
{
	if (!s->loop)
		return;
	if (s->listener.events) {
		loop_unwatch(s->loop, &s->listener);
		close(s->listener.fd);
	}
	for (struct peer *p = s->strangers; p; p = p->next)
		server_drop(p);
	for (struct peer *p = s->peers; p; p = p->next)
		server_drop(p);
	sweep(&s->timer);
	sodium_memzero(s->secret, sizeof(s->secret));
	s->loop = NULL;
}

void server_send_text(struct peer *p, const char *text, size_t len)
{
	struct err err;

	if (log_enabled(LOG_DEBUG))
		log_debug("peer %zu is told %.800s", p->number, text);
	if (!p->dead && channel_send_text(p->channel, text, len, &err))
		log_debug("%s", err.text);
	want(p);
}

void server_send(struct peer *p, json_t *message)
{
	struct err err;

	if (message)
		trace(p, "is told", message);
	/* A connection that cannot be written to is found when it is read. */
	if (message && !p->dead && channel_send(p->channel, message, &err))
		log_debug("%s", err.text);
	json_decref(message);
	want(p);
}
