/* SPDX-License-Identifier: BSD-3-Clause */
/* peers.c - what agents and tools say to cairnrun */
#include "launcher/session.h"

#include "launcher/shares.h"
#include "runtime/base/fmt.h"
#include "runtime/base/log.h"
#include "runtime/net/address.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum peer_kind { PEER_NEW, PEER_AGENT, PEER_TOOL };

/* A tool that waits for an attempt. */
struct waiter {
	uint64_t attempt;
	int64_t told_ms; /* of the last progress message */
};

#define TELL_MS 200

static void waiter_free(struct session *s, struct peer *p)
{
	if (p->data)
		s->waiters--;
	free(p->data);
	p->data = NULL;
}

static json_t *answer(bool ok, const char *text)
{
	return json_pack("{s:s, s:b, s:s}", "type", "answer", "ok", (int)ok,
			 "text", text);
}

/* --- agents --- */

static void agent_hello(struct session *s, struct peer *p, const json_t *hello)
{
	const char *node = json_string_value(json_object_get(hello, "node"));
	json_t *restore = s->restart->epoch ? json_integer(s->restart->epoch) :
					      json_null();

	if (!node) {
		session_say(s, true,
			    "an agent was turned away: it has no name");
		json_decref(restore);
		server_drop(p);
		return;
	}
	p->kind = PEER_AGENT;
	p->number = coordinator_agent(s->coordinator, node);
	nodes_add(&s->nodes, node, p);
	server_send(
		p,
		json_pack("{s:s, s:s, s:s, s:o, s:s?, s:s, s:s?, s:s?, s:s?, "
			  "s:{s:b, s:s?}}",
			  "type", "welcome", "dir", s->job->dir, "job",
			  s->job->name, "restore", restore, "burst_buffer",
			  s->options->burst_buffer, "redundancy",
			  s->options->partner ? "partner" : "none",
			  "incremental", s->options->incremental, "fabric",
			  s->options->fabric, "fabric_interface",
			  s->options->fabric_interface, "options", "verbose",
			  (int)s->options->verbose, "compress",
			  s->options->compress));
	copies_look(&s->copies);
}

static void agent_log(struct session *s, const json_t *message)
{
	const char *level = "", *text = NULL;

	json_unpack((json_t *)message, "{s:s, s:s}", "level", &level, "text",
		    &text);
	if (text)
		session_say(s, !strcmp(level, "err") || !strcmp(level, "warn"),
			    "%s", text);
}

/* --- tools --- */

static void tool_checkpoint(struct session *s, struct peer *p,
			    const json_t *message)
{
	bool stop = json_is_true(json_object_get(message, "exit"));
	struct waiter *w = calloc(1, sizeof(*w));
	uint64_t attempt;

	if (!w) {
		server_drop(p);
		return;
	}
	/* The attempt may end before coordinator_request returns. */
	w->attempt = UINT64_MAX;
	p->data = w;
	s->waiters++;
	if (!coordinator_started(s->coordinator))
		server_send(p, json_pack("{s:s, s:s}", "type", "progress",
					 "phase", "waiting for all ranks"));
	/* Who stops a job by hand does not want it back at once. */
	if (stop)
		s->requeue = false;
	attempt = coordinator_request(s->coordinator, stop);
	if (p->data) /* not answered yet */
		w->attempt = attempt;
}

static void tool_status(struct session *s, struct peer *p, const json_t *m)
{
	json_t *status = coordinator_status(s->coordinator);

	(void)m;
	json_object_set_new(status, "type", json_string("answer"));
	json_object_set_new(status, "ok", json_true());
	json_object_set_new(status, "text", json_string("the job is running"));
	json_object_set_new(status, "job", json_string(s->job->name));
	json_object_set_new(status, "dir", json_string(s->job->dir));
	json_object_set(status, "program", s->program);
	json_object_set_new(status, "committed", json_integer(s->committed));
	json_object_set_new(status, "flushed", json_integer(s->flush.flushed));
	json_object_set_new(status, "flushing",
			    json_integer(flush_busy_epoch(&s->flush)));
	json_object_set_new(status, "restarted_from",
			    s->restart->epoch ?
				    json_integer(s->restart->epoch) :
				    json_null());
	server_send(p, status);
}

static void tool_abort(struct session *s, struct peer *p, const json_t *m)
{
	bool was = coordinator_give_up(s->coordinator, "cairn was told to");

	(void)m;
	server_send(p, answer(was, was ? "the checkpoint was given up" :
					 "no checkpoint is under way"));
}

static const struct {
	const char *name;
	void (*run)(struct session *s, struct peer *p, const json_t *message);
} tool_commands[] = {
	{ "checkpoint", tool_checkpoint },
	{ "status", tool_status },
	{ "abort", tool_abort },
};

static void tool_came(struct session *s, struct peer *p, const json_t *message)
{
	const char *name = json_string_value(
		json_object_get(message, "command"));

	p->kind = PEER_TOOL;
	if (p->data) {
		server_send(p, answer(false, "one command at a time"));
		return;
	}
	for (size_t i = 0;
	     name && i < sizeof(tool_commands) / sizeof(*tool_commands); i++) {
		if (!strcmp(name, tool_commands[i].name)) {
			tool_commands[i].run(s, p, message);
			return;
		}
	}
	server_send(p, answer(false, "this cairnrun does not know that "
				     "command; use the cairn of the same "
				     "release"));
}

static void result_text(const struct epoch_result *r, char *text, size_t size)
{
	if (r->committed)
		fmt_print(text, size, "epoch %u is committed", r->epoch);
	else if (r->epoch)
		fmt_print(text, size, "epoch %u was given up: %s", r->epoch,
			  r->reason);
	else
		fmt_print(text, size, "no checkpoint: %s", r->reason);
}

void peers_answer(struct session *s, const struct epoch_result *r)
{
	char text[600];

	for (struct peer *p = s->server.peers; p; p = p->next) {
		struct waiter *w = p->data;
		json_t *m;

		if (p->dead || p->kind != PEER_TOOL || !w ||
		    (w->attempt != UINT64_MAX && w->attempt > r->attempt))
			continue;
		result_text(r, text, sizeof(text));
		m = answer(r->committed, text);
		json_object_set_new(m, "epoch", json_integer(r->epoch));
		json_object_set_new(m, "bytes",
				    json_integer((json_int_t)r->bytes));
		json_object_set_new(m, "memory_bytes",
				    json_integer((json_int_t)r->memory_bytes));
		json_object_set_new(m, "pause_ms", json_real(r->pause_ms));
		json_object_set_new(m, "seconds", json_real(r->seconds));
		server_send(p, m);
		waiter_free(s, p);
	}
}

void peers_progress(struct session *s, const json_t *status)
{
	int64_t now_ms = clock_ms();

	/* Nobody looks through thousands of agents for nothing. */
	if (!s->waiters)
		return;
	for (struct peer *p = s->server.peers; p; p = p->next) {
		struct waiter *w = p->data;
		json_t *m;

		if (p->dead || p->kind != PEER_TOOL || !w ||
		    now_ms - w->told_ms < TELL_MS)
			continue;
		w->told_ms = now_ms;
		m = json_copy((json_t *)status);
		json_object_set_new(m, "type", json_string("progress"));
		server_send(p, m);
	}
}

/* Between a restart's start and the moment when all ranks are back. */
static void restore_came(struct session *s, const char *type,
			 const json_t *message)
{
	const char *state = "", *text = "";
	struct err err;
	int code = 0;

	json_unpack((json_t *)message, "{s:s, s:i}", "state", &state, "code",
		    &code);
	json_unpack((json_t *)message, "{s:s}", "text", &text);
	if (!strcmp(type, "refuse")) {
		/* The rank says it, too, if it still can. */
		session_say(s,
			    !s->refused &&
				    json_is_true(
					    json_object_get(message, "remote")),
			    "a rank is not restored: %s", text);
		s->refused = !json_is_true(json_object_get(message, "machine"));
	} else if (!strcmp(type, "rank") && !strcmp(state, "exited") &&
		   code < 0) {
		/* One that was back already would have said a code. */
		session_unrestored(s);
	} else if (!strcmp(type, "shares")) {
		shares_note(&s->shares, message);
	}
	if (s->unrestored || !coordinator_started(s->coordinator))
		return;
	if (shares_check(s->shares, s->coordinator, &err)) {
		session_say(s, true, "%s", err.text);
		session_unrestored(s);
		return;
	}
	s->came_back = true;
	flush_back(&s->flush);
	nodes_say(&s->nodes, json_pack("{s:s}", "type", "back"));
}

static void restorer_came(struct session *s)
{
	losses_restorer(s);
	copies_look(&s->copies);
}

static void agent_message(struct session *s, struct peer *p, const char *type,
			  const json_t *message)
{
	nodes_heard(&s->nodes, p->number);
	if (!strcmp(type, "beat"))
		return;
	if (!strcmp(type, "here")) {
		nodes_here(&s->nodes, p->number);
		session_look(s);
		return;
	}
	if (!strcmp(type, "restorer"))
		restorer_came(s);
	else if (!strcmp(type, "log"))
		agent_log(s, message);
	else if (!strcmp(type, "term"))
		ending_begin(&s->ending);
	else if (!strcmp(type, "flushed") || !strcmp(type, "swept"))
		flush_message(&s->flush, p->number, type, message);
	else if (!copies_message(&s->copies, p->number, type, message))
		coordinator_message(s->coordinator, p->number, message);
	if (s->restart->epoch && !s->came_back)
		restore_came(s, type, message);
}

/* --- both --- */

static void peer_message(void *arg, struct peer *p, const json_t *message)
{
	struct session *s = arg;
	const char *type = json_string_value(json_object_get(message, "type"));

	if (!type)
		return;
	if (p->kind == PEER_AGENT) {
		agent_message(s, p, type, message);
	} else if (!strcmp(type, "tool")) {
		tool_came(s, p, message);
	} else if (p->kind == PEER_NEW && !strcmp(type, "hello")) {
		agent_hello(s, p, message);
	} else {
		server_drop(p);
	}
}

static void peer_gone(void *arg, struct peer *p, int rc, const char *why)
{
	struct session *s = arg;

	if (p->kind == PEER_AGENT)
		losses_agent_gone(s, p, rc, why);
	waiter_free(s, p);
}

const struct server_ops session_peer_ops = {
	.message = peer_message,
	.gone = peer_gone,
};
