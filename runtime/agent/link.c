/* SPDX-License-Identifier: BSD-3-Clause */
/* link.c - the channel to the coordinator, and what happens when it ends */
#include "config.h"
#include "runtime/agent/agent.h"

#include "runtime/agent/buffer.h"
#include "runtime/agent/copies.h"
#include "runtime/agent/epoch.h"
#include "runtime/agent/fault.h"
#include "runtime/agent/flush.h"
#include "runtime/agent/lineage.h"
#include "runtime/agent/restore.h"
#include "runtime/base/fmt.h"
#include "runtime/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define CONNECT_MS 15000
#define BEAT_MS	   2000	 /* the launcher takes silence for an answer */
#define FROZEN_MS  10000 /* a beat that comes so late: this node stood still */
#define ORPHAN_MS  3000	 /* from the loss of the coordinator to SIGKILL */

/* --- sending ----------------------------------------------------------------
 */

static bool beat_is_late(const struct agent *agent)
{
	return now_ns() - agent->beat_ns > FROZEN_MS * 1000000ull;
}

static void lost(struct agent *agent)
{
	source_close(&agent->loop, &agent->coordinator_source);
	channel_close(agent->coordinator);
	agent->coordinator = NULL;
	epoch_orphaned(agent->epoch);
	/* This node stood still, and the job has long gone on elsewhere: its
	 * files are no longer these ranks'.  What was overdue, the beat and
	 * the loss, comes in any order. */
	if (agent->beat_was_late || beat_is_late(agent))
		ranks_kill(agent, SIGKILL);
	timer_set(&agent->orphan_timer, ORPHAN_MS);
	link_left(agent);
}

static void want_write(struct agent *agent)
{
	uint32_t events = EPOLLIN;

	if (channel_wants_write(agent->coordinator))
		events |= EPOLLOUT;
	if (agent->coordinator_source.fd >= 0 &&
	    source_events(&agent->loop, &agent->coordinator_source, events))
		agent->loop.done = true;
}

void link_send(struct agent *agent, json_t *message)
{
	struct err err;

	/* A failure shows as the channel's end, in the loop: never from here,
	 * where callers are in the middle of something. */
	if (message && agent->coordinator) {
		if (channel_send(agent->coordinator, message, &err))
			log_debug("coordinator: %s", err.text);
		want_write(agent);
	}
	json_decref(message);
}

void link_refuse(struct agent *agent, uint32_t epoch, int rank, int code,
		 const char *text)
{
	link_send(agent,
		  json_pack("{s:s, s:I, s:I, s:b, s:b, s:s}", "type", "refuse",
			    "epoch", (json_int_t)epoch, "rank",
			    (json_int_t)rank, "machine", code == -ENOTSUP,
			    "remote", code == -EREMOTE, "text", text));
}

void link_rank(struct agent *agent, const struct rank *r)
{
	static const char *const states[] = {
		[RANK_RUNNING] = "running",
		[RANK_FINALIZED] = "finalized",
		[RANK_EXITED] = "exited",
	};
	json_t *message = json_pack("{s:s, s:I, s:I, s:I, s:s}", "type", "rank",
				    "rank", (json_int_t)r->world_rank, "nranks",
				    (json_int_t)r->world_size, "pid",
				    (json_int_t)rank_pid(r), "state",
				    states[r->life]);

	if (message && r->life == RANK_EXITED)
		json_object_set_new(message, "code",
				    json_integer(r->exit_code));
	link_send(agent, message);
}

/* --- receiving
 * ---------------------------------------------------------------- */

static void stop_came(struct agent *agent, const json_t *message)
{
	json_int_t signal = json_integer_value(
		json_object_get(message, "signal"));

	ranks_kill(agent, signal > 0 && signal < NSIG ? (int)signal : SIGKILL);
}

/* All ranks of a restarted job are there.  Each waits for this. */
static void back_came(struct agent *agent)
{
	fault_point(FAULT_BACK);
	restore_back(agent);
	for (struct rank *r = agent->ranks; r; r = r->next) {
		atomic_fetch_or(&r->page->agent.flags, AGENT_ALL_BACK);
		rank_changed(r);
	}
}

static void message_came(struct agent *agent, const json_t *message)
{
	const char *type = json_string_value(json_object_get(message, "type"));

	if (type && !strcmp(type, "stop"))
		stop_came(agent, message);
	else if (type && !strcmp(type, "back"))
		back_came(agent);
	else if (type && !strcmp(type, "ask"))
		link_send(agent, json_pack("{s:s}", "type", "here"));
	else if (type && (!strcmp(type, "flush") || !strcmp(type, "sweep")))
		flush_message(agent->flush, message);
	else if (type && (!strcmp(type, "take") || !strcmp(type, "give") ||
			  !strcmp(type, "drop")))
		copies_message(agent->copies, message);
	else if (type && !strcmp(type, "fetched"))
		restore_fetched(agent, message);
	else if (type && strcmp(type, "beat") != 0)
		epoch_message(agent->epoch, message);
}

static void coordinator_cb(struct source *source, uint32_t events)
{
	struct agent *agent = source->arg;
	json_t *message;
	struct err err;
	int ret = 0;

	if (events & EPOLLOUT)
		ret = channel_flush(agent->coordinator);
	if (!ret || ret == -EAGAIN)
		ret = channel_receive(agent->coordinator, &message, &err);
	/* Several messages may have come with one readiness. */
	while (!ret) {
		message_came(agent, message);
		json_decref(message);
		ret = channel_receive(agent->coordinator, &message, &err);
	}
	if (ret == -EAGAIN)
		want_write(agent);
	else
		lost(agent);
}

/* --- the end
 * ------------------------------------------------------------------ */

static bool any_lives(const struct agent *agent)
{
	for (const struct rank *r = agent->ranks; r; r = r->next)
		if (rank_lives(r))
			return true;
	return false;
}

void link_left(struct agent *agent)
{
	if (!agent->coordinator && !any_lives(agent))
		agent->loop.done = true;
}

/* Nobody would commit what these ranks do now, or end them if their job died:
 * leave nothing behind. */
static void orphan_cb(struct timer *timer)
{
	struct agent *agent = timer->arg;

	ranks_kill(agent, SIGKILL);
	timer_set(&agent->orphan_timer, ORPHAN_MS);
	link_left(agent);
}

/* --- the beat
 * ---------------------------------------------------------------- */

/* So that both sides find a link that was cut: bytes that nobody acknowledges
 * end the connection (runtime/net/address.h). */
static void beat_cb(struct timer *timer)
{
	struct agent *agent = timer->arg;

	agent->beat_was_late = beat_is_late(agent);
	agent->beat_ns = now_ns();
	link_send(agent, json_pack("{s:s}", "type", "beat"));
	if (agent->coordinator)
		timer_set(&agent->beat_timer, BEAT_MS);
}

/* --- log lines
 * ----------------------------------------------------------------- */

/* A line as log_line wrote it; cairnrun puts its own name before. */
static void log_send(struct agent *agent, const char *line)
{
	static const char prefix[] = "cairn: ";
	bool warn = strstr(line, ": warning: ");

	if (!strncmp(line, prefix, sizeof(prefix) - 1))
		line += sizeof(prefix) - 1;
	link_send(agent, json_pack("{s:s, s:s, s:s}", "type", "log", "level",
				   warn ? "warn" : "info", "text", line));
}

static void log_cb(struct source *source, uint32_t events)
{
	struct agent *agent = source->arg;
	char text[4096];
	ssize_t n = read(source->fd, text, sizeof(text) - 1);
	char *line, *rest = text;

	(void)events;
	if (n <= 0)
		return;
	text[n] = '\0';
	while ((line = strsep(&rest, "\n")))
		if (*line)
			log_send(agent, line);
}

/* The agent has no terminal: its lines go through a pipe to itself, so that
 * threads may write them, and from there to the coordinator. */
static int log_redirect(struct agent *agent)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK))
		return -errno;
	log_set_fd(fds[1]);
	return source_open(&agent->loop, &agent->log_source, fds[0], EPOLLIN,
			   log_cb, agent);
}

/* --- life
 * ---------------------------------------------------------------------- */

static int welcome_take(struct agent *agent, const json_t *welcome,
			struct err *err)
{
	const char *dir = json_string_value(json_object_get(welcome, "dir"));
	const json_t *restore = json_object_get(welcome, "restore");
	const char *redundancy = json_string_value(
		json_object_get(welcome, "redundancy"));
	int ret;

	if (!dir || dir[0] != '/' || strlen(dir) >= sizeof(agent->dir))
		return err_set(err, -EPROTO,
			       "the coordinator's welcome names no checkpoint "
			       "folder; is cairnrun of the same version?");
	strcpy(agent->dir, dir);
	ret = codec_wish_parse(json_string_value(json_object_get(
				       json_object_get(welcome, "options"),
				       "compress")),
			       &agent->compress);
	if (ret)
		return err_set(
			err, ret,
			"the coordinator asks for a way to compress that "
			"is not known here; is cairnrun of the same "
			"version?");
	ret = buffer_create(json_string_value(
				    json_object_get(welcome, "burst_buffer")),
			    agent->node, dir, &agent->buffer, err);
	agent->partner = redundancy && !strcmp(redundancy, "partner");
	if (!ret)
		ret = flush_create(agent, &agent->flush, err);
	if (!ret)
		ret = copies_create(agent, welcome, &agent->copies, err);
	agent->lineage = lineage_create(
		/* A copy on a partner must be good by itself. */
		agent->partner ?
			"off" :
			json_string_value(
				json_object_get(welcome, "incremental")));
	if (!ret && !agent->lineage)
		ret = err_set(err, -ENOMEM, "the agent has no memory left");
	if (ret || !json_is_integer(restore))
		return ret;
	agent->restore_epoch = (uint32_t)json_integer_value(restore);
	return restore_open(agent, &agent->restore, err);
}

int link_open(struct agent *agent, const char *address, struct err *err)
{
	unsigned char secret[CHANNEL_SECRET_BYTES];
	json_t *hello, *welcome = NULL;
	int ret;

	if (secret_from_hex(agent->secret, secret))
		return err_set(err, -EINVAL,
			       "CAIRN_SECRET is not a job's secret (64 hex "
			       "digits); start jobs with cairnrun");
	ret = channel_connect(address, agent->auth, secret, CONNECT_MS,
			      &agent->coordinator, err);
	memset(secret, 0, sizeof(secret));
	if (ret)
		return err_prefix(err, ret, "agent on %s", agent->node);
	hello = json_pack("{s:s, s:s, s:i, s:s}", "type", "hello", "node",
			  agent->node, "pid", (int)getpid(), "version",
			  PACKAGE_VERSION);
	ret = channel_send(agent->coordinator, hello, err);
	json_decref(hello);
	if (!ret)
		ret = channel_wait(agent->coordinator, CONNECT_MS, &welcome,
				   err);
	if (!ret)
		ret = welcome_take(agent, welcome, err);
	json_decref(welcome);
	return ret ? err_prefix(err, ret, "agent on %s", agent->node) : 0;
}

int link_watch(struct agent *agent, struct err *err)
{
	int ret = source_open(&agent->loop, &agent->coordinator_source,
			      channel_fd(agent->coordinator), EPOLLIN,
			      coordinator_cb, agent);

	if (!ret)
		ret = timer_open(&agent->loop, &agent->orphan_timer, orphan_cb,
				 agent);
	if (!ret)
		ret = timer_open(&agent->loop, &agent->beat_timer, beat_cb,
				 agent);
	if (!ret)
		ret = log_redirect(agent);
	if (ret)
		return err_set(err, ret,
			       "agent: cannot watch the coordinator: "
			       "%s",
			       fmt_error(ret));
	agent->beat_ns = now_ns();
	timer_set(&agent->beat_timer, BEAT_MS);
	/* Messages may have come together with the welcome, and are in the
	 * channel's buffer, which epoll does not see. */
	coordinator_cb(&agent->coordinator_source, EPOLLIN);
	return 0;
}

void link_close(struct agent *agent)
{
	log_set_fd(-1);
	if (agent->coordinator)
		source_close(&agent->loop, &agent->coordinator_source);
	channel_close(agent->coordinator);
	agent->coordinator = NULL;
	timer_close(&agent->loop, &agent->orphan_timer);
	timer_close(&agent->loop, &agent->beat_timer);
}
