/* SPDX-License-Identifier: BSD-3-Clause */
/* epoch.c - one node's side of an epoch: phases, prodding, answers */
#include "runtime/agent/epoch.h"

#include "runtime/agent/buffer.h"
#include "runtime/agent/busy.h"
#include "runtime/agent/capture.h"
#include "runtime/agent/copies.h"
#include "runtime/agent/memory.h"
#include "runtime/agent/fault.h"
#include "runtime/agent/lineage.h"
#include "runtime/agent/timing.h"
#include "runtime/base/fmt.h"
#include "runtime/base/log.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/sys.h"

#define PROD_MIN_MS 10
#define PROD_MAX_MS 100
#define PROGRESS_MS 500
#define BUSY_MS	    1000
#define LETGO_MS    10000 /* how long ranks are told of an abort */

/*
 * The coordinator starts every phase; this node confirms it, by `done`, when it
 * is true of all of its ranks that live.
 *   IDLE      nothing pending; ranks run.
 *   FRONTIER  ranks publish and hold (frontier.c); ends when the coordinator
 *             sees that all hold.
 *   DRAIN     ranks receive what is on the wire; confirmed when all are QUIET.
 *   CAPTURE   ranks make twins; confirmed when what cannot be read from twins
 *             has been read from the ranks.
 *   TAKEN     confirmed; the image is being written, which is confirmed on its
 *             own (`durable`), while ranks wait for all other nodes, or for
 *             their end if the job is to stop after this epoch.
 *   RELEASED  ranks run.
 * The commit ends the epoch.
 */
enum phase {
	PHASE_IDLE,
	PHASE_FRONTIER,
	PHASE_DRAIN,
	PHASE_CAPTURE,
	PHASE_TAKEN,
	PHASE_RELEASED,
};

struct epoch {
	struct agent *agent;
	enum phase phase;
	uint32_t number;
	bool stop;	      /* --capture=stop */
	unsigned int waiting; /* ranks without room for a twin */
	bool durable;	      /* the image is, and its copy */
	json_t *members;      /* of `done durable`, until the copy is there */
	bool refused;	      /* the coordinator was told; it will abort */
	uint64_t begin_ns;    /* when the coordinator asked for it */
	double cpu_ms;	      /* that this process had used then */
	bool letting_go; /* ranks may not all know of an abort or release yet */
	struct capture *capture; /* also after an abort, until it has ended */
	struct timer prod, progress;
	unsigned int prod_ms, let_go_ms, busy_ms;
};

/* --- talking to ranks
 * ------------------------------------------------------------- */

#define for_each_rank(e, r)                                      \
	for (struct rank *r = (e)->agent->ranks; r; r = r->next) \
		if (rank_lives(r))

static void prod_soon(struct epoch *e)
{
	e->prod_ms = PROD_MIN_MS;
	timer_set(&e->prod, e->prod_ms);
}

static void command(struct epoch *e, struct rank *r, enum control_cmd cmd)
{
	atomic_store(&r->page->agent.epoch, e->number);
	atomic_store(&r->page->agent.capture_stop, e->stop || r->waits);
	atomic_store(&r->page->agent.track, lineage_tracks(e->agent->lineage));
	atomic_store(&r->page->agent.cmd, cmd); /* last: now it counts */
	rank_changed(r);
}

static void command_all(struct epoch *e, enum control_cmd cmd)
{
	for_each_rank(e, r) command(e, r, cmd);
	prod_soon(e);
}

/* A signal for those that may be computing; a wake-up for those that wait on
 * the page (no new seq: nothing has changed). */
static void prod(struct epoch *e, struct rank *r)
{
	bool holds = e->phase == PHASE_FRONTIER &&
		     frontier_holds(e->agent->frontier, r->world_rank);

	sys_call(SYS_futex, &r->page->agent.seq, FUTEX_WAKE, INT_MAX, 0, 0, 0);
	if ((e->phase == PHASE_FRONTIER && !holds) ||
	    (e->letting_go && !r->resumed))
		rank_prod(r);
}

/* Whom the epoch waits for, now and then, for people. */
static void busy_tell(struct epoch *e)
{
	e->busy_ms += e->prod_ms;
	if (e->busy_ms < BUSY_MS)
		return;
	e->busy_ms = 0;
	busy_send(e->agent, e->number);
}

static void prod_cb(struct timer *timer)
{
	struct epoch *e = timer->arg;
	bool waiting = e->phase != PHASE_IDLE && e->phase < PHASE_TAKEN;

	if (e->phase == PHASE_FRONTIER) {
		frontier_tick(e->agent->frontier);
		busy_tell(e);
	}
	if (e->letting_go && (e->let_go_ms += e->prod_ms) > LETGO_MS)
		e->letting_go = false;
	for_each_rank(e, r) prod(e, r);
	if (e->prod_ms < PROD_MAX_MS)
		e->prod_ms += e->prod_ms / 2;
	if (waiting || e->letting_go)
		timer_set(timer, e->prod_ms);
}

/* --- talking to the coordinator
 * ------------------------------------------------------- */

/* Says once why this epoch cannot be; the coordinator answers with an abort. */
static void refuse(struct epoch *e, int rank, const char *text)
{
	if (e->refused)
		return;
	e->refused = true;
	link_refuse(e->agent, e->number, rank, -EINVAL, text);
}

static void done(struct epoch *e, const char *phase, json_t *members)
{
	json_t *message = json_pack("{s:s, s:I, s:s}", "type", "done", "epoch",
				    (json_int_t)e->number, "phase", phase);

	if (message && members)
		json_object_update(message, members);
	json_decref(members);
	link_send(e->agent, message);
}

/* --- capture's answers
 * ------------------------------------------------------------------ */

static void taken(void *arg)
{
	struct epoch *e = arg;

	if (e->phase != PHASE_CAPTURE)
		return;
	e->phase = PHASE_TAKEN;
	timer_set(&e->progress, PROGRESS_MS);
	fault_point(FAULT_CAPTURED);
	done(e, "capture",
	     json_pack("{s:f}", "pause_ms", timing_pause_ms(e->agent)));
}

/* For people, and for --interval auto. */
static void add_timing(const struct epoch *e, json_t *members)
{
	json_object_set_new(members, "timing",
			    timing_list(e->agent, e->begin_ns));
	json_object_set_new(members, "cpu_ms",
			    json_real(timing_cpu_ms() - e->cpu_ms));
	json_object_set_new(members, "cpus", json_integer(timing_cpus()));
}

static void tell_durable(struct epoch *e)
{
	json_t *members = e->members;

	e->members = NULL;
	e->durable = true;
	json_object_set_new(members, "pause_ms",
			    json_real(timing_pause_ms(e->agent)));
	add_timing(e, members);
	json_object_set_new(members, "waited", json_integer(e->waiting));
	buffer_done(e->agent->buffer,
		    (uint64_t)json_integer_value(
			    json_object_get(members, "bytes")));
	done(e, "durable", members);
}

/* --redundancy: it counts only with its copy on another node. */
static void ask_for_copy(struct epoch *e)
{
	json_t *image = json_copy(e->members);

	json_object_del(image, "explain");
	link_send(e->agent,
		  json_pack("{s:s, s:I, s:o}", "type", "copy", "epoch",
			    (json_int_t)e->number, "image", image));
}

static void durable(void *arg, json_t *members)
{
	struct epoch *e = arg;
	const char *fast = buffer_path(e->agent->buffer);

	timer_set(&e->progress, 0);
	json_object_set_new(members, "node", json_string(e->agent->node));
	if (fast)
		json_object_set_new(members, "fast", json_string(fast));
	fault_point(FAULT_DURABLE);
	json_decref(e->members);
	e->members = members;
	if (e->agent->partner && fast &&
	    json_is_string(json_object_get(members, "file")))
		ask_for_copy(e);
	else
		tell_durable(e);
}

/* The copy is there; or there is no other node, which was said; or not. */
static void copied(struct epoch *e, const json_t *message)
{
	const char *text = json_string_value(json_object_get(message, "text"));
	json_t *copies = json_object_get(message, "copies");

	if (!e->members)
		return;
	if (json_is_true(json_object_get(message, "ok"))) {
		if (copies)
			json_object_set(e->members, "copies", copies);
		tell_durable(e);
		return;
	}
	buffer_unsafe(e->agent->buffer);
	refuse(e, -1, text ? text : "a copy of an image did not come about");
}

static void failed(void *arg, int rank, int code, const struct err *why)
{
	struct epoch *e = arg;
	struct err err = *why;

	buffer_failed(e->agent->buffer, code, &err);
	refuse(e, rank, err.text);
}

static const struct capture_ops capture_ops = { taken, durable, failed };

static void progress_cb(struct timer *timer)
{
	struct epoch *e = timer->arg;

	link_send(e->agent, json_pack("{s:s, s:I, s:I}", "type", "progress",
				      "epoch", (json_int_t)e->number, "bytes",
				      (json_int_t)capture_bytes(e->capture)));
	timer_set(timer, PROGRESS_MS);
}

/* --- phases
 * -------------------------------------------------------------------------------
 */

static void to_frontier(struct epoch *e, const json_t *message)
{
	const char *how = json_string_value(
		json_object_get(message, "capture"));
	const struct image_base *base;
	struct err err;
	int dirfd;

	fault_point(FAULT_FRONTIER);
	e->number = (uint32_t)json_integer_value(
		json_object_get(message, "epoch"));
	e->stop = how && !strcmp(how, "stop");
	e->refused = e->letting_go = e->durable = false;
	json_decref(e->members);
	e->members = NULL;
	e->phase = PHASE_FRONTIER;
	e->begin_ns = now_ns();
	e->cpu_ms = timing_cpu_ms();
	capture_destroy(e->capture); /* of an epoch that was aborted */
	e->capture = NULL;
	/* A disk that cannot be written shows before anybody stops. */
	if (buffer_begin(e->agent->buffer, e->number, &dirfd, &err)) {
		refuse(e, -1, err.text);
		return;
	}
	base = lineage_begin(e->agent->lineage, dirfd,
			     buffer_path(e->agent->buffer));
	if (capture_create(&e->agent->loop, dirfd, e->number, e->agent->node,
			   &e->agent->compress, base, &capture_ops, e,
			   &e->capture, &err)) {
		refuse(e, -1, err.text);
		return;
	}
	timing_begin(e->agent);
	frontier_begin(e->agent->frontier, e->number);
	command_all(e, CMD_FRONTIER);
	for_each_rank(e, r) rank_prod(r);
}

/* Who has no room for a twin waits instead, as with --capture=stop.  Looked at
 * while the ranks drain, so it costs no pause. */
static void guard_memory(struct epoch *e)
{
	struct memory_room *room = e->stop ? NULL : memory_open("");

	e->waiting = 0;
	for_each_rank(e, r)
	{
		r->waits = room && !memory_fits(room, rank_pid(r));
		e->waiting += r->waits;
	}
	memory_close(room);
}

static void quiet_when_all(struct epoch *e)
{
	if (e->phase != PHASE_DRAIN || e->refused)
		return;
	for_each_rank(e, r) if (!r->quiet) return;
	done(e, "drain", NULL);
}

static void to_drain(struct epoch *e, const json_t *message)
{
	(void)message;
	fault_point(FAULT_DRAIN);
	e->phase = PHASE_DRAIN;
	command_all(e, CMD_DRAIN);
	guard_memory(e);
	quiet_when_all(e);
}

static void captured_when_all(struct epoch *e)
{
	if (e->phase != PHASE_CAPTURE || e->refused)
		return;
	for_each_rank(e, r) if (!r->captured) return;
	capture_close(e->capture);
}

static void to_capture(struct epoch *e, const json_t *message)
{
	(void)message;
	fault_point(FAULT_CAPTURE);
	e->phase = PHASE_CAPTURE;
	command_all(e, CMD_CAPTURE);
	captured_when_all(e);
}

/* Ranks that wait for this learn it from the page; those that compute with an
 * epoch pending must be signalled until they say so. */
static void let_go(struct epoch *e, enum control_cmd cmd)
{
	e->letting_go = true;
	e->let_go_ms = 0;
	for_each_rank(e, r) if (!r->resumed) command(e, r, cmd);
	prod_soon(e);
}

static void to_release(struct epoch *e, const json_t *message)
{
	(void)message;
	fault_point(FAULT_RELEASE);
	e->phase = PHASE_RELEASED;
	frontier_end(e->agent->frontier);
	let_go(e, CMD_RELEASE);
}

static void to_abort(struct epoch *e, const json_t *message)
{
	bool released = e->phase == PHASE_RELEASED;

	(void)message;
	timer_set(&e->progress, 0);
	frontier_end(e->agent->frontier);
	if (e->capture)
		capture_abort(e->capture);
	copies_ended(e->agent->copies, e->number, false);
	e->phase = PHASE_IDLE;
	if (!released)
		let_go(e, CMD_ABORT);
}

static void to_slice(struct epoch *e, const json_t *message)
{
	struct err err;

	if (frontier_message(e->agent->frontier, message, &err))
		refuse(e, -1, err.text);
}

static void committed(struct epoch *e, const json_t *message)
{
	(void)message;
	fault_point(FAULT_COMMITTED);
	if (!e->durable) {
		refuse(e, -1,
		       "an epoch was committed that is not durable; this is "
		       "a bug in Cairn");
		return;
	}
	capture_commit(e->capture);
	copies_ended(e->agent->copies, e->number, true);
	lineage_committed(e->agent->lineage, capture_base(e->capture));
	wrappers_name(e->agent);
	capture_destroy(e->capture);
	e->capture = NULL;
	e->phase = PHASE_IDLE;
}

#define IN(phase) (1u << (phase))
#define PENDING	  (~IN(PHASE_IDLE))

/* (message, phases in which it can be obeyed) -> action */
static const struct transition {
	const char *name;
	unsigned int from;
	void (*act)(struct epoch *e, const json_t *message);
} transitions[] = {
	{ "frontier", IN(PHASE_IDLE), to_frontier },
	{ "drain", IN(PHASE_FRONTIER), to_drain },
	{ "capture", IN(PHASE_DRAIN), to_capture },
	{ "release", IN(PHASE_TAKEN), to_release },
	{ "abort", PENDING, to_abort },
	{ "slice", IN(PHASE_FRONTIER), to_slice },
	{ "copied", IN(PHASE_TAKEN) | IN(PHASE_RELEASED), copied },
	{ "committed", IN(PHASE_TAKEN) | IN(PHASE_RELEASED), committed },
};

static const struct transition *transition_find(const json_t *message)
{
	const char *name = json_string_value(json_object_get(message, "type"));

	if (name && !strcmp(name, "phase"))
		name = json_string_value(json_object_get(message, "phase"));
	for (size_t i = 0;
	     name && i < sizeof(transitions) / sizeof(*transitions); i++)
		if (!strcmp(name, transitions[i].name))
			return &transitions[i];
	return NULL;
}

static void frontier_came(struct epoch *e, const json_t *message)
{
	struct err err;

	/* RAISE, NEED and HELD that ranks sent before must count in it. */
	if (e->phase != PHASE_FRONTIER)
		return;
	ranks_drain_messages(e->agent);
	if (frontier_message(e->agent->frontier, message, &err))
		refuse(e, -1, err.text);
}

void epoch_message(struct epoch *e, const json_t *message)
{
	const struct transition *t = transition_find(message);
	json_int_t number = json_integer_value(
		json_object_get(message, "epoch"));
	char text[120];

	if (!t) {
		frontier_came(e, message);
		return;
	}
	/* Words about an epoch that has ended here need no answer. */
	if (t->act != to_frontier && number != (json_int_t)e->number)
		return;
	if (t->from & IN(e->phase)) {
		t->act(e, message);
		return;
	}
	if (t->act == to_abort || t->act == committed || t->act == copied)
		return;
	fmt_print(text, sizeof(text),
		  "the agent on %s cannot go to \"%s\" of this epoch now",
		  e->agent->node, t->name);
	link_refuse(e->agent, (uint32_t)number, -1, -EINVAL, text);
}

/*
 * The coordinator may have committed what it was told is durable, and died
 * before it could say so: such an image stays.  If it was not committed it lies
 * in a folder without a manifest, and is not an epoch.
 */
void epoch_orphaned(struct epoch *e)
{
	if (e->phase != PHASE_IDLE && e->durable && e->capture)
		capture_commit(e->capture);
	if (e->phase != PHASE_IDLE)
		to_abort(e, NULL);
}

/* --- ranks
 * ---------------------------------------------------------------------------------
 */

static unsigned int captured(struct epoch *e, struct rank *r,
			     const struct control_msg *msg, int *fds,
			     unsigned int nfds)
{
	const char *why = "";
	struct err err;

	if (e->phase != PHASE_CAPTURE || r->captured || e->refused)
		return nfds;
	if (capture_rank(e->capture, r->world_rank, fds, nfds, msg->gid, &why,
			 &err))
		refuse(e, (int)r->world_rank, err.text);
	else if (*why)
		lineage_untracked(e->agent->lineage, r->world_rank, why);
	r->captured = true;
	r->captured_ns = now_ns();
	captured_when_all(e);
	return 0;
}

static void held(struct epoch *e, struct rank *r, bool on, uint64_t seq)
{
	uint64_t stamp = atomic_load(&r->page->rank.hold_ns);

	if (!on)
		r->hold_ns = 0;
	else if (!r->hold_ns)
		r->hold_ns = stamp ? stamp : now_ns();
	frontier_held(e->agent->frontier, r->world_rank, on, (uint32_t)seq);
}

static void resumed(struct epoch *e, struct rank *r)
{
	(void)e;
	if (r->resumed)
		return;
	r->resumed = true;
	r->resumed_ns = now_ns();
	atomic_store(&r->page->agent.cmd, CMD_RUN);
}

unsigned int epoch_rank_message(struct epoch *e, struct rank *r,
				const struct control_msg *msg, int *fds,
				unsigned int nfds)
{
	struct frontier *f = e->agent->frontier;

	/* After a restart RESUMED is of no epoch. */
	if (msg->epoch != e->number)
		return nfds;
	switch (msg->type) {
	case CONTROL_PUBLISHED:
		frontier_published(f, r->world_rank);
		fault_point(FAULT_COUNTS);
		break;
	case CONTROL_HELD:
	case CONTROL_UNHELD:
		held(e, r, msg->type == CONTROL_HELD, msg->value);
		break;
	case CONTROL_RAISE:
		frontier_raised(f, r->world_rank, msg->gid, msg->value);
		break;
	case CONTROL_SLOT:
		frontier_slot(f, r->world_rank, msg->gid, msg->value);
		break;
	case CONTROL_NEED:
	case CONTROL_CANCEL:
		frontier_need(f, r->world_rank, msg->peer, msg->gid,
			      msg->type == CONTROL_NEED, msg->value & 1);
		break;
	case CONTROL_SETTLED:
		frontier_settled(f, r->world_rank);
		break;
	case CONTROL_QUIET:
		r->quiet = true;
		r->quiet_ns = now_ns();
		quiet_when_all(e);
		break;
	case CONTROL_CAPTURED:
		return captured(e, r, msg, fds, nfds);
	case CONTROL_REFUSED:
		if (e->phase != PHASE_IDLE)
			refuse(e, (int)r->world_rank, msg->text);
		break;
	case CONTROL_RESUMED:
		resumed(e, r);
		break;
	default:
		break;
	}
	return nfds;
}

static void cannot_join(struct epoch *e, const struct rank *r, const char *what)
{
	char text[160];

	fmt_print(text, sizeof(text),
		  "rank %u %s while the checkpoint was being taken",
		  r->world_rank, what);
	refuse(e, (int)r->world_rank, text);
}

void epoch_rank_came(struct epoch *e, struct rank *r)
{
	if (e->phase == PHASE_FRONTIER)
		command(e, r, CMD_FRONTIER);
	else if (e->phase == PHASE_DRAIN || e->phase == PHASE_CAPTURE)
		cannot_join(e, r, "started");
	else
		r->resumed = true;
}

void epoch_rank_ready(struct epoch *e, struct rank *r)
{
	struct frontier *f = e->agent->frontier;

	if (e->phase != PHASE_FRONTIER)
		return;
	/* It has exec'd another program, and knows nothing of this epoch. */
	if (frontier_has_published(f, r->world_rank)) {
		frontier_leave(f, r->world_rank);
		if (frontier_join(f, r->world_rank, r->page))
			refuse(e, (int)r->world_rank,
			       "the agent has no memory left");
		command(e, r, CMD_FRONTIER);
	}
	rank_prod(r);
}

void epoch_rank_left(struct epoch *e, struct rank *r)
{
	switch (e->phase) {
	case PHASE_FRONTIER:
		/* A wrapper's child: the wrapper is the rank again. */
		if (rank_lives(r)) {
			frontier_leave(e->agent->frontier, r->world_rank);
			if (frontier_join(e->agent->frontier, r->world_rank,
					  r->page))
				refuse(e, (int)r->world_rank,
				       "the agent has no memory left");
		}
		break;
	case PHASE_DRAIN:
	case PHASE_CAPTURE:
		cannot_join(e, r, "ended");
		break;
	default:
		break;
	}
}

/* --- life
 * ------------------------------------------------------------------------------------
 */

static void page_changed(void *arg, uint32_t rank)
{
	struct epoch *e = arg;
	struct rank *r = rank_find(e->agent, rank);

	if (!r || !rank_lives(r))
		return;
	rank_changed(r);
	rank_prod(r);
	prod_soon(e);
}

static void frontier_send(void *arg, json_t *message)
{
	struct epoch *e = arg;

	link_send(e->agent, message);
}

static const struct frontier_ops frontier_ops = { frontier_send, page_changed };

int epoch_create(struct agent *agent, struct epoch **epoch, struct err *err)
{
	struct epoch *e = calloc(1, sizeof(*e));
	int ret = -ENOMEM;

	if (!e)
		return err_set(err, -ENOMEM, "agent: no memory");
	e->agent = agent;
	e->prod.source.fd = e->progress.source.fd = -1;
	agent->frontier = frontier_create(&frontier_ops, e);
	if (agent->frontier)
		ret = timer_open(&agent->loop, &e->prod, prod_cb, e);
	if (!ret)
		ret = timer_open(&agent->loop, &e->progress, progress_cb, e);
	if (ret) {
		epoch_destroy(e);
		return err_set(err, ret, "agent: cannot make its timers: %s",
			       fmt_error(ret));
	}
	*epoch = e;
	return 0;
}

void epoch_destroy(struct epoch *e)
{
	if (!e)
		return;
	timer_close(&e->agent->loop, &e->prod);
	timer_close(&e->agent->loop, &e->progress);
	if (e->capture)
		capture_abort(e->capture);
	capture_destroy(e->capture);
	json_decref(e->members);
	frontier_destroy(e->agent->frontier);
	e->agent->frontier = NULL;
	free(e);
}
