/* SPDX-License-Identifier: BSD-3-Clause */
/* coordinator.c - global epochs: who begins, who waits, what was committed */
#include "launcher/coordinator.h"

#include "launcher/frontier.h"
#include "launcher/ranks.h"
#include "launcher/tally.h"
#include "launcher/timeline.h"
#include "runtime/base/fmt.h"
#include "runtime/net/address.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* How long nothing may move before all holds are released for a slice, and how
 * long that is.  Both double up to their bounds: a rank that computes for
 * minutes must not be disturbed all the time by the others' slices. */
#define STALL_MS     2000
#define STALL_MS_MAX 30000
#define SLICE_MS     50
#define SLICE_MS_MAX 1000
/* How long a DRAIN that is given up may take to its end. */
#define DRAIN_END_MS 30000
/* How long after one of its ranks a program that ends may have others. */
#define ENDING_MS 3000

enum epoch_input {
	INPUT_REQUEST, /* wanted, and all ranks are up */
	INPUT_STANDS,  /* the frontier stands */
	INPUT_STALL,   /* no progress for a while */
	INPUT_SLICED,  /* the slice is over */
	INPUT_DONE,    /* all agents have done this phase */
	INPUT_FAIL,    /* it cannot be; c->why says why */
	INPUT_GIVE_UP, /* it shall not be, but nothing is broken */
	EPOCH_INPUTS,
};

struct agent {
	char node[256];
	char busy[256]; /* a rank of it that does not hold, and where it is */
	bool lost;
	bool mute; /* connected, but it does not answer */
};

struct coordinator {
	const struct coordinator_ops *ops;
	void *arg;
	struct coordinator_options options;
	struct agent *agents;
	size_t nagents;
	int lost; /* the first agent that was: all sentences name it; -1 */
	struct ranks ranks;

	enum epoch_state state;
	uint32_t epoch;	  /* the one under way, or the last one */
	uint64_t attempt; /* the one under way, or the last one */
	bool stop_after;  /* of the attempt under way */
	bool stopping;	  /* it is committed: ranks stay held until they end */
	bool wanted;	  /* another attempt, after this one */
	bool wanted_stop;
	int64_t started_ms; /* of the attempt under way */
	int64_t request_ms;
	int64_t exited_ms; /* when the last rank ended that has; 0: none */
	int64_t stall_ms, slice_ms;
	struct frontier *frontier;
	struct tally tally;	  /* what the agents have done of this epoch */
	struct timeline timeline; /* and when */
	struct err why;
};

/* --- the two tables --- */

#define STAY EPOCH_STATES /* the input means nothing in this state */

/* clang-format off */
static const enum epoch_state next_state[EPOCH_STATES][EPOCH_INPUTS] = {
	/*                   REQUEST         STANDS          STALL           SLICED          DONE            FAIL            GIVE_UP */
	[EPOCH_IDLE]     = { EPOCH_FRONTIER, STAY,           STAY,           STAY,           STAY,           STAY,           STAY },
	[EPOCH_FRONTIER] = { STAY,           EPOCH_DRAIN,    EPOCH_SLICE,    STAY,           STAY,           EPOCH_ABORT,    EPOCH_ABORT },
	[EPOCH_SLICE]    = { STAY,           STAY,           STAY,           EPOCH_FRONTIER, STAY,           EPOCH_ABORT,    EPOCH_ABORT },
	[EPOCH_DRAIN]    = { STAY,           STAY,           STAY,           STAY,           EPOCH_CAPTURE,  EPOCH_ABORT,    EPOCH_GIVEN_UP },
	[EPOCH_GIVEN_UP] = { STAY,           STAY,           EPOCH_ABORT,    STAY,           EPOCH_ABORT,    EPOCH_ABORT,    STAY },
	[EPOCH_CAPTURE]  = { STAY,           STAY,           STAY,           STAY,           EPOCH_WRITING,  EPOCH_ABORT,    EPOCH_ABORT },
	[EPOCH_WRITING]  = { STAY,           STAY,           STAY,           STAY,           EPOCH_COMMIT,   EPOCH_ABORT,    EPOCH_ABORT },
	[EPOCH_COMMIT]   = { STAY,           STAY,           STAY,           STAY,           EPOCH_IDLE,     EPOCH_ABORT,    EPOCH_ABORT },
	[EPOCH_ABORT]    = { STAY,           STAY,           STAY,           STAY,           EPOCH_IDLE,     STAY,           STAY },
};
/* clang-format on */

static void enter_idle(struct coordinator *c);
static void enter_frontier(struct coordinator *c);
static void enter_slice(struct coordinator *c);
static void enter_drain(struct coordinator *c);
static void enter_given_up(struct coordinator *c);
static void enter_capture(struct coordinator *c);
static void enter_writing(struct coordinator *c);
static void enter_commit(struct coordinator *c);
static void enter_abort(struct coordinator *c);

static const struct {
	const char *name;
	void (*enter)(struct coordinator *c);
	int phase; /* of its time line; -1: none of its own */
} states[EPOCH_STATES] = {
	[EPOCH_IDLE] = { "idle", enter_idle, -1 },
	[EPOCH_FRONTIER] = { "frontier", enter_frontier, TIMELINE_FRONTIER },
	[EPOCH_SLICE] = { "slice", enter_slice, TIMELINE_FRONTIER },
	[EPOCH_DRAIN] = { "drain", enter_drain, TIMELINE_DRAIN },
	[EPOCH_GIVEN_UP] = { "given up", enter_given_up, TIMELINE_DRAIN },
	[EPOCH_CAPTURE] = { "capture", enter_capture, TIMELINE_CAPTURE },
	[EPOCH_WRITING] = { "writing", enter_writing, TIMELINE_WRITING },
	[EPOCH_COMMIT] = { "commit", enter_commit, TIMELINE_COMMIT },
	[EPOCH_ABORT] = { "abort", enter_abort, -1 },
};

/* An action may bring the next input itself (an agent-less step, a failure):
 * so this is the last call of whoever makes one. */
static void input(struct coordinator *c, enum epoch_input in)
{
	enum epoch_state next = next_state[c->state][in];

	if (next == STAY)
		return;
	c->state = next;
	if (states[next].phase >= 0)
		timeline_phase(&c->timeline, states[next].phase, clock_ms());
	c->ops->changed(c->arg);
	states[next].enter(c);
}

/* --- helpers --- */

static void send_all(struct coordinator *c, json_t *message)
{
	c->ops->send_all(c->arg, message);
}

static void send_phase(struct coordinator *c, const char *phase)
{
	send_all(c, json_pack("{s:s, s:I, s:s}", "type", "phase", "epoch",
			      (json_int_t)c->epoch, "phase", phase));
}

static void frontier_send(void *arg, size_t agent, json_t *message)
{
	struct coordinator *c = arg;

	c->ops->send(c->arg, agent, message);
}

static void frontier_send_all(void *arg, json_t *message)
{
	send_all(arg, message);
}

static int frontier_agent_of(void *arg, int rank)
{
	struct coordinator *c = arg;

	return ranks_agent(&c->ranks, rank);
}

static const struct frontier_ops frontier_ops = {
	.send = frontier_send,
	.send_all = frontier_send_all,
	.agent_of = frontier_agent_of,
};

static void frontier_end(struct coordinator *c)
{
	frontier_destroy(c->frontier);
	c->frontier = NULL;
	c->ops->timer(c->arg, TIMER_STALL, 0);
}

/* A program one of whose ranks has just ended may be about to be over. */
static bool is_ending(const struct coordinator *c)
{
	return c->exited_ms && clock_ms() - c->exited_ms < ENDING_MS;
}

/* Tell whoever waits how the attempt ended. */
static void report(struct coordinator *c, bool committed)
{
	struct epoch_result result = {
		.attempt = c->attempt,
		.epoch = c->epoch,
		.committed = committed,
		.stop = c->stop_after,
		.exit = committed && c->stop_after,
		.ending = !committed && is_ending(c),
		.reason = committed ? NULL : c->why.text,
		.bytes = c->tally.bytes,
		.memory_bytes = c->tally.memory_bytes,
		.pause_ms = c->tally.pause_ms,
		.seconds = (double)(clock_ms() - c->request_ms) / 1000,
		.waited = c->tally.waited,
		.ranks = c->ranks.n,
		.timeline = &c->timeline,
	};

	timeline_end(&c->timeline, clock_ms());
	c->ops->ended(c->arg, &result);
}

/* Ranks keep the connection that they were started with: a new agent could not
 * take over those of a lost one. */
static int agent_is_lost(const struct agent *a, struct err *err)
{
	return err_set(err, -ENOTCONN,
		       "the agent on node %s is lost, so this job can have no "
		       "more checkpoints; it runs on, and has them again when "
		       "it is restarted from an older one",
		       a->node);
}

static int agent_is_mute(const struct agent *a, struct err *err)
{
	return err_set(err, -EHOSTUNREACH,
		       "node %s does not answer; checkpoints go on when it "
		       "does",
		       a->node);
}

/* Why no epoch can begin now, though one is wanted; 0: it can. */
static int obstacle(const struct coordinator *c, struct err *err)
{
	if (c->stopping)
		return err_set(err, -EBUSY,
			       "the job is being stopped, and its last "
			       "checkpoint is committed");
	if (c->lost >= 0)
		return agent_is_lost(&c->agents[c->lost], err);
	for (size_t i = 0; i < c->nagents; i++)
		if (c->agents[i].mute)
			return agent_is_mute(&c->agents[i], err);
	if (c->ranks.n && c->ranks.first_lost >= 0)
		return err_set(err, -EBUSY,
			       "rank %d has already ended and did not say with "
			       "which code, so this job can have no more "
			       "checkpoints; let ranks end by exit() or by "
			       "return from main()",
			       c->ranks.first_lost);
	if (c->ranks.n && c->ranks.counts[RANK_EXITED] == c->ranks.n)
		return err_set(err, -EBUSY,
			       "all ranks have already ended; there is nothing "
			       "left to checkpoint");
	return 0;
}

/* Begin what is wanted, once all ranks are up.  Those that have ended since are
 * no obstacle: the manifest knows their codes. */
static void begin_if_wanted(struct coordinator *c)
{
	int rc;

	if (c->state != EPOCH_IDLE || !c->wanted)
		return;
	rc = obstacle(c, &c->why);
	if (!rc && !ranks_are_up(&c->ranks))
		return;
	c->wanted = false;
	c->stop_after = c->wanted_stop;
	c->wanted_stop = false;
	c->attempt++;
	c->started_ms = clock_ms();
	tally_init(&c->tally, c->nagents);
	timeline_begin(&c->timeline, c->nagents, c->request_ms, c->started_ms);
	if (!rc) {
		c->epoch = c->options.next_epoch;
		if (!c->ops->begin(c->arg, c->epoch, &c->why)) {
			c->options.next_epoch++;
			input(c, INPUT_REQUEST);
			return;
		}
	}
	c->epoch = 0;
	if (c->options.interval_ms)
		c->ops->timer(c->arg, TIMER_INTERVAL, c->options.interval_ms);
	report(c, false);
}

/* --- entering states --- */

static void enter_idle(struct coordinator *c)
{
	int64_t since_ms = clock_ms() - c->started_ms;

	/* The interval counts from begin to begin; what was missed while
	 * writing follows at once. */
	if (c->options.interval_ms && !c->wanted && !c->stopping)
		c->ops->timer(c->arg, TIMER_INTERVAL,
			      c->options.interval_ms > since_ms ?
				      c->options.interval_ms - since_ms :
				      1);
	begin_if_wanted(c);
}

static void enter_frontier(struct coordinator *c)
{
	if (c->frontier) { /* back from a slice */
		frontier_slice(c->frontier, false);
		c->ops->timer(c->arg, TIMER_STALL, c->stall_ms);
		return;
	}
	for (size_t i = 0; i < c->nagents; i++)
		c->agents[i].busy[0] = '\0';
	c->stall_ms = STALL_MS;
	c->slice_ms = SLICE_MS;
	c->ops->timer(c->arg, TIMER_INTERVAL, 0);
	c->ops->timer(c->arg, TIMER_QUIESCE, c->options.quiesce_ms);
	c->ops->timer(c->arg, TIMER_STALL, c->stall_ms);
	c->frontier = frontier_create(&frontier_ops, c, c->epoch, c->nagents,
				      c->options.capture_stop ? "stop" : "cow");
	if (!c->frontier) {
		err_set(&c->why, -ENOMEM, "cairnrun has no memory left");
		input(c, INPUT_FAIL);
	}
}

static void enter_slice(struct coordinator *c)
{
	timeline_slice(&c->timeline);
	frontier_slice(c->frontier, true);
	c->ops->timer(c->arg, TIMER_STALL, c->slice_ms);
	if (c->stall_ms < STALL_MS_MAX)
		c->stall_ms *= 2;
	if (c->slice_ms < SLICE_MS_MAX)
		c->slice_ms *= 2;
}

static void enter_drain(struct coordinator *c)
{
	frontier_end(c);
	send_phase(c, "drain");
}

/*
 * Synchronous sends are off the wire by now, perhaps, and their receivers have
 * not been told that somebody waits for their matching: ranks that were let go
 * here would have to take them for matched (mpi_wrappers/drain.md).  Where
 * nothing is broken DRAIN ends by itself.
 */
static void enter_given_up(struct coordinator *c)
{
	c->ops->timer(c->arg, TIMER_QUIESCE, 0);
	c->ops->timer(c->arg, TIMER_STALL, DRAIN_END_MS);
}

static void enter_capture(struct coordinator *c)
{
	send_phase(c, "capture");
}

static void enter_writing(struct coordinator *c)
{
	c->ops->timer(c->arg, TIMER_QUIESCE, 0);
	/* A job that is to stop must not print anything twice: its ranks stay
	 * held until they end. */
	if (!c->stop_after)
		send_phase(c, "release");
	if (tally_all(&c->tally, PHASE_DURABLE))
		input(c, INPUT_DONE);
}

static void enter_commit(struct coordinator *c)
{
	json_t *manifest = tally_manifest(&c->tally, c->epoch, &c->ranks,
					  clock_ms() - c->request_ms, &c->why);
	int rc = manifest ?
			 c->ops->commit(c->arg, c->epoch, manifest, &c->why) :
			 -EPROTO;

	json_decref(manifest);
	if (rc) {
		input(c, INPUT_FAIL);
		return;
	}
	send_all(c, json_pack("{s:s, s:I}", "type", "committed", "epoch",
			      (json_int_t)c->epoch));
	c->stopping = c->stop_after;
	report(c, true);
	input(c, INPUT_DONE);
}

static void enter_abort(struct coordinator *c)
{
	frontier_end(c);
	c->ops->timer(c->arg, TIMER_QUIESCE, 0);
	send_phase(c, "abort");
	report(c, false);
	input(c, INPUT_DONE);
}

/* --- what comes from outside --- */

struct coordinator *coordinator_create(
	const struct coordinator_ops *ops, void *arg,
	const struct coordinator_options *options)
{
	struct coordinator *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->ops = ops;
	c->arg = arg;
	c->options = *options;
	c->lost = -1;
	return c;
}

void coordinator_destroy(struct coordinator *c)
{
	if (!c)
		return;
	frontier_destroy(c->frontier);
	tally_fini(&c->tally);
	timeline_fini(&c->timeline);
	ranks_fini(&c->ranks);
	free(c->agents);
	free(c);
}

static void end(struct coordinator *c, enum epoch_input how, const char *format,
		...) __attribute__((format(printf, 3, 4)));
#define fail(c, ...)	end(c, INPUT_FAIL, __VA_ARGS__)
#define give_up(c, ...) end(c, INPUT_GIVE_UP, __VA_ARGS__)

/* The first reason is the one that is said. */
static void end(struct coordinator *c, enum epoch_input how, const char *format,
		...)
{
	va_list ap;

	va_start(ap, format);
	if (c->state != EPOCH_GIVEN_UP)
		fmt_vprint(c->why.text, sizeof(c->why.text), format, ap);
	va_end(ap);
	input(c, how);
}

size_t coordinator_agent(struct coordinator *c, const char *node)
{
	struct agent *agents = realloc(c->agents,
				       (c->nagents + 1) * sizeof(*agents));
	struct agent *a;

	if (!agents)
		abort(); /* a few bytes at the very start */
	c->agents = agents;
	a = &agents[c->nagents];
	memset(a, 0, sizeof(*a));
	fmt_print(a->node, sizeof(a->node), "%s", node);
	/* Its ranks are new: the epoch under way was begun without them. */
	fail(c, "node %s joined the job during the epoch", node);
	return c->nagents++;
}

size_t coordinator_lost(struct coordinator *c, size_t agent)
{
	size_t left = ranks_forget(&c->ranks, agent);
	struct err err;

	c->agents[agent].lost = true;
	if (c->lost < 0)
		c->lost = (int)agent;
	/* An attempt that cannot begin says at once why there will be none. */
	if (left && c->state == EPOCH_IDLE)
		c->wanted = true;
	agent_is_lost(&c->agents[agent], &err);
	fail(c, "%s", err.text);
	begin_if_wanted(c);
	return left;
}

void coordinator_mute(struct coordinator *c, size_t agent, bool mute)
{
	struct err err;

	c->agents[agent].mute = mute;
	if (!mute || c->state == EPOCH_IDLE)
		return;
	agent_is_mute(&c->agents[agent], &err);
	fail(c, "%s", err.text);
}

/* Agents say of a rank that does not hold where it is: for the sentence that
 * follows if it never does. */
static void busy_came(struct coordinator *c, size_t agent,
		      const json_t *message)
{
	const char *busy = json_string_value(json_object_get(message, "busy"));

	fmt_print(c->agents[agent].busy, sizeof(c->agents[agent].busy), "%s",
		  busy ? busy : "");
}

static void frontier_input(struct coordinator *c, size_t agent,
			   const json_t *message)
{
	switch (frontier_message(c->frontier, agent, message, &c->why)) {
	case FRONTIER_GOING:
		break;
	case FRONTIER_MOVED:
		if (c->state == EPOCH_FRONTIER)
			c->ops->timer(c->arg, TIMER_STALL, c->stall_ms);
		c->ops->changed(c->arg);
		break;
	case FRONTIER_STANDS:
		input(c, INPUT_STANDS);
		break;
	case FRONTIER_FAILED:
		input(c, INPUT_FAIL);
		break;
	}
}

static void rank_came(struct coordinator *c, size_t agent,
		      const json_t *message)
{
	bool were_up = ranks_are_up(&c->ranks);
	size_t exited = c->ranks.counts[RANK_EXITED];
	struct err err;

	if (ranks_update(&c->ranks, agent, message, &err)) {
		fail(c, "%s", err.text);
		return;
	}
	if (!were_up && ranks_are_up(&c->ranks) && c->options.interval_ms)
		c->ops->timer(c->arg, TIMER_INTERVAL, c->options.interval_ms);
	if (c->ranks.counts[RANK_EXITED] > exited)
		c->exited_ms = clock_ms();
	c->ops->changed(c->arg);
	/* Once it is captured a rank may end: its twin is what is read. */
	if (c->ranks.counts[RANK_EXITED] > exited && c->state < EPOCH_WRITING) {
		fail(c, "rank %d ended during the epoch",
		     (int)json_integer_value(json_object_get(message, "rank")));
	} else if (c->frontier) {
		frontier_input(c, agent, message);
	}
	begin_if_wanted(c);
}

/* Which phase of the epoch this state waits for. */
static int awaited_phase(enum epoch_state state)
{
	return state == EPOCH_DRAIN    ? PHASE_DRAIN :
	       state == EPOCH_GIVEN_UP ? PHASE_DRAIN :
	       state == EPOCH_CAPTURE  ? PHASE_CAPTURE :
	       state == EPOCH_WRITING  ? PHASE_DURABLE :
					 -1;
}

static void done_came(struct coordinator *c, size_t agent,
		      const json_t *message)
{
	struct err err;
	int phase = awaited_phase(c->state);

	if (phase < 0)
		return;
	if (tally_done(&c->tally, agent, c->agents[agent].node, message,
		       &err)) {
		fail(c, "node %s: %s", c->agents[agent].node, err.text);
		return;
	}
	timeline_done(&c->timeline, agent, c->agents[agent].node, message,
		      clock_ms());
	c->ops->changed(c->arg);
	if (tally_all(&c->tally, phase))
		input(c, INPUT_DONE);
}

static void refuse_came(struct coordinator *c, const json_t *message)
{
	const char *text = json_string_value(json_object_get(message, "text"));

	fail(c, "%s", text ? text : "an agent refused it without a reason");
}

static void progress_came(struct coordinator *c, size_t agent,
			  const json_t *message)
{
	tally_progress(&c->tally, agent, message);
	c->ops->changed(c->arg);
}

void coordinator_message(struct coordinator *c, size_t agent,
			 const json_t *message)
{
	const char *type = json_string_value(json_object_get(message, "type"));
	const json_t *epoch = json_object_get(message, "epoch");

	if (!type)
		return;
	if (!strcmp(type, "rank")) {
		rank_came(c, agent, message);
		return;
	}
	if (!strcmp(type, "request")) {
		coordinator_request(c, false);
		return;
	}
	/* All others belong to an epoch; those of older ones are late. */
	if (c->state == EPOCH_IDLE ||
	    json_integer_value(epoch) != (json_int_t)c->epoch)
		return;
	if (!strcmp(type, "done"))
		done_came(c, agent, message);
	else if (!strcmp(type, "refuse"))
		refuse_came(c, message);
	else if (!strcmp(type, "progress"))
		progress_came(c, agent, message);
	else if (!strcmp(type, "busy"))
		busy_came(c, agent, message);
	else if (c->frontier)
		frontier_input(c, agent, message);
}

uint64_t coordinator_request(struct coordinator *c, bool stop)
{
	uint64_t attempt;

	if (c->state == EPOCH_FRONTIER || c->state == EPOCH_SLICE ||
	    c->state == EPOCH_DRAIN) {
		c->stop_after = c->stop_after || stop;
		return c->attempt;
	}
	attempt = c->attempt + 1;
	if (!c->wanted || c->state == EPOCH_IDLE)
		c->request_ms = clock_ms();
	c->wanted = true;
	c->wanted_stop = c->wanted_stop || stop;
	begin_if_wanted(c);
	return attempt;
}

bool coordinator_give_up(struct coordinator *c, const char *reason)
{
	if (c->state == EPOCH_IDLE)
		return false;
	give_up(c, "%s", reason);
	return true;
}

bool coordinator_abort(struct coordinator *c, const char *reason)
{
	if (c->state == EPOCH_IDLE)
		return false;
	fail(c, "%s", reason);
	return true;
}

void coordinator_interval(struct coordinator *c, int64_t ms)
{
	bool first = !c->options.interval_ms;

	c->options.interval_ms = ms;
	/* Else it counts when the one under way, or the next, has ended. */
	if (first && c->state == EPOCH_IDLE && ranks_are_up(&c->ranks))
		c->ops->timer(c->arg, TIMER_INTERVAL, ms);
}

/* A rank that FRONTIER waits for, and where it is; or "". */
static const char *busy_of(const struct coordinator *c)
{
	const char *busy = "";

	for (size_t i = 0; i < c->nagents && !*busy; i++)
		busy = c->agents[i].busy;
	return busy;
}

static void quiesce_over(struct coordinator *c)
{
	const char *busy = busy_of(c);

	give_up(c,
		"the ranks did not come to rest within %d ms (phase %s)%s%s; "
		"--quiesce-timeout gives them longer",
		(int)c->options.quiesce_ms, states[c->state].name,
		*busy ? ": " : "", busy);
}

void coordinator_timer(struct coordinator *c, enum coordinator_timer timer)
{
	switch (timer) {
	case TIMER_INTERVAL:
		coordinator_request(c, false);
		break;
	case TIMER_QUIESCE:
		quiesce_over(c);
		break;
	case TIMER_STALL:
		input(c, c->state == EPOCH_SLICE ? INPUT_SLICED : INPUT_STALL);
		break;
	case COORDINATOR_TIMERS:
		break;
	}
}

enum epoch_state coordinator_state(const struct coordinator *c)
{
	return c->state;
}

const char *epoch_state_name(enum epoch_state state)
{
	return states[state].name;
}

int coordinator_node_of(const struct coordinator *c, int rank)
{
	return ranks_agent(&c->ranks, rank);
}

size_t coordinator_ranks(const struct coordinator *c)
{
	return c->ranks.n;
}

bool coordinator_started(const struct coordinator *c)
{
	return ranks_are_up(&c->ranks);
}

bool coordinator_is_over(const struct coordinator *c)
{
	return c->ranks.counts[RANK_RUNNING] +
		       c->ranks.counts[RANK_FINALIZED] ==
	       0;
}

json_t *coordinator_status(const struct coordinator *c)
{
	bool idle = c->state == EPOCH_IDLE;
	bool waits = c->state == EPOCH_FRONTIER || c->state == EPOCH_SLICE;

	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:s}",
			 "phase", states[c->state].name, "epoch",
			 (json_int_t)c->epoch, "ranks", (json_int_t)c->ranks.n,
			 "running", (json_int_t)c->ranks.counts[RANK_RUNNING],
			 "finalized",
			 (json_int_t)c->ranks.counts[RANK_FINALIZED], "exited",
			 (json_int_t)c->ranks.counts[RANK_EXITED], "agents",
			 (json_int_t)c->nagents, "bytes",
			 (json_int_t)(idle ? 0 : tally_bytes(&c->tally)),
			 "seconds",
			 idle ? 0.0 :
				(double)(clock_ms() - c->started_ms) / 1000,
			 "waits_for", waits ? busy_of(c) : "");
}
