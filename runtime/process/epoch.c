/* SPDX-License-Identifier: BSD-3-Clause */
/* epoch.c - one process's way through an epoch */
#define _GNU_SOURCE
#define LOG_PREFIX "epoch: "
#include "runtime/process/epoch.h"

#include "runtime/base/fmt.h"
#include "runtime/base/log.h"
#include "runtime/process/capture.h"
#include "runtime/process/restored.h"

#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <string.h>

/*
 * DESIGN (epoch.md has the whole story)
 *
 * The agent writes a command and an epoch number into the control page and
 * signals the leader thread.  Whoever sees it first publishes.  When the rank
 * may hold, threads park (park.c); the last step of that makes one of them the
 * leader, which runs the table below until the epoch is over.
 *
 * All of this is state of the process, and handlers need it: file scope.
 */
static _Atomic uint32_t phase; /* enum epoch_phase */
static _Atomic uint32_t epoch; /* the one that phase speaks of */
static _Atomic uint32_t over;  /* the last one that ended for us */
static bool published_hooks;   /* the MPI side took part in publishing */

#define GATHER_PATIENCE_MS 2000
#define STRANGER_TRIES	   50

enum epoch_phase epoch_phase(void)
{
	return atomic_load(&phase);
}

static bool wanted(const struct control_page *page)
{
	uint32_t cmd = atomic_load(&page->agent.cmd);

	return cmd >= CMD_FRONTIER && cmd <= CMD_CAPTURE &&
	       atomic_load(&page->agent.epoch) != atomic_load(&over);
}

bool epoch_pending(void)
{
	const struct control_page *page = process_page();

	return page && (atomic_load(&phase) != PHASE_IDLE || wanted(page));
}

/* The other end of the socket is gone, and with it the epoch. */
static bool agent_is_gone(void)
{
	struct pollfd p = { .fd = process_link.agent_fd };
	struct timespec zero = { 0 };

	return sys_call(SYS_ppoll, &p, 1, &zero, 0, 8) == 1 &&
	       (p.revents & (POLLHUP | POLLERR | POLLNVAL));
}

bool process_agent_lost(void)
{
	struct control_page *page = process_page();

	if (!page || !agent_is_gone())
		return false;
	/* Nobody else writes this part any more. */
	atomic_store(&page->agent.cmd, CMD_ABORT);
	atomic_fetch_add(&page->agent.seq, 1);
	sys_call(SYS_futex, &page->agent.seq, FUTEX_WAKE, 1 << 30);
	return true;
}

bool epoch_is_over(void)
{
	const struct control_page *page = process_page();
	uint32_t cmd = atomic_load(&page->agent.cmd);

	return cmd == CMD_RUN || cmd == CMD_ABORT ||
	       atomic_load(&page->agent.epoch) != atomic_load(&epoch);
}

bool epoch_may_hold(void)
{
	const struct epoch_hooks *hooks = process_hooks;
	struct control_page *page = process_page();

	if (hooks)
		return hooks->may_hold(page);
	/* Without MPI nobody depends on us; a slice is for all. */
	return !(atomic_load(&page->agent.slice) & 1);
}

static void send_text(uint32_t type, uint64_t value, const char *text)
{
	struct control_msg msg = { .type = type,
				   .epoch = atomic_load(&epoch),
				   .value = value };

	msg.peer = (int32_t)process_page()->world_rank;
	if (text)
		msg.text_len = (uint32_t)fmt_print(msg.text, sizeof(msg.text),
						   "%s", text) +
			       1;
	if (msg.text_len > sizeof(msg.text))
		msg.text_len = sizeof(msg.text);
	process_send(&msg);
}

static void state_set(enum control_state state)
{
	struct control_page *page = process_page();

	atomic_store(&page->rank.state_epoch, atomic_load(&epoch));
	atomic_store(&page->rank.state, state);
}

/* --- publish ----------------------------------------------------------------
 */

static void stop_flags(uint32_t value)
{
	thread_lock();
	thread_each(t) atomic_store(&t->ctx.stop, value);
	thread_unlock();
}

/* The rank goes on until the coordinator has aborted the epoch. */
static void refuse_published(const struct epoch_hooks *hooks)
{
	struct err err;

	if (hooks && hooks->refuse(&err))
		send_text(CONTROL_REFUSED, 0, err.text);
}

/* The first thread that sees a new epoch writes the counts; the others find
 * the phase taken.  In a handler, in either half. */
static void publish(struct control_page *page)
{
	const struct epoch_hooks *hooks = process_hooks;
	uint32_t idle = PHASE_IDLE;

	if (!wanted(page) ||
	    !atomic_compare_exchange_strong(&phase, &idle, PHASE_PUBLISHING))
		return;
	atomic_store(&epoch, atomic_load(&page->agent.epoch));
	published_hooks = hooks != NULL;
	if (hooks)
		hooks->publish(page, atomic_load(&epoch));
	stop_flags(1);
	state_set(STATE_PUBLISHED);
	atomic_store(&phase, PHASE_PENDING);
	send_text(CONTROL_PUBLISHED, 0, NULL);
	refuse_published(hooks);
}

/* A newer epoch is wanted, and the one that we have published is over: no
 * thread has come to a safe point meanwhile, perhaps because it is inside a
 * collective that waits for ranks which wait for our counts.  From PENDING
 * nothing was drained, so there is nothing to take back. */
static void supersede(const struct control_page *page)
{
	uint32_t pending = PHASE_PENDING;

	if (!wanted(page) || !published_hooks || !epoch_is_over() ||
	    !atomic_compare_exchange_strong(&phase, &pending, PHASE_PUBLISHING))
		return;
	atomic_store(&over, atomic_load(&epoch));
	atomic_store(&phase, PHASE_IDLE);
}

void epoch_notice(struct thread *t)
{
	struct control_page *page = process_page();

	supersede(page);
	publish(page);
	if (epoch_pending())
		atomic_store(&t->ctx.stop, 1);
}

/* --- the end ----------------------------------------------------------------
 */

/* The epoch is over for this process.  All are parked, or the phase keeps
 * others out; parked ones are released by the caller. */
static void finish(bool aborted, enum control_state state)
{
	const struct epoch_hooks *hooks = process_hooks;

	if (hooks && published_hooks)
		hooks->resume(aborted);
	stop_flags(0);
	atomic_store(&over, atomic_load(&epoch));
	state_set(state);
	atomic_store(&phase, PHASE_IDLE);
	send_text(CONTROL_RESUMED, 0, NULL);
}

static void refuse(const char *text)
{
	struct control_page *page = process_page();

	fmt_print(page->rank.why, sizeof(page->rank.why), "%s", text);
	state_set(STATE_REFUSED);
	send_text(CONTROL_REFUSED, 0, text);
}

/* Nobody depends on us yet: say no and go on at once. */
static void refuse_early(const struct err *err)
{
	refuse(err->text);
	finish(true, STATE_REFUSED);
}

/* --- all stop ---------------------------------------------------------------
 */

/* Are there kernel threads that nobody has stopped?  A thread that is just
 * ending, or that our signal has just told of us, gets some rounds of time. */
static int strangers_checked(int *tries, struct err *err)
{
	int result = park_strangers(*tries < STRANGER_TRIES, err);

	if (result == -EAGAIN)
		(*tries)++;
	return result;
}

enum gather_end epoch_gather(struct thread *watcher)
{
	uint64_t begin = now_ns(), asked = begin;
	unsigned int wait_ms = 1;
	uint32_t pending = PHASE_PENDING;
	int tries = 0;
	struct err err;

	/* A handler may be going over to the next epoch. */
	if (!atomic_compare_exchange_strong(&phase, &pending, PHASE_GATHERING))
		return GATHER_GO_ON;
	watcher->ctx.depth++; /* hooks are no safe points */
	for (;;) {
		uint64_t now = now_ns();
		bool again = now - asked >= wait_ms * 1000000UL;
		int result;

		if (epoch_is_over() || agent_is_gone()) {
			finish(true, STATE_RUNNING);
			watcher->ctx.depth--;
			return GATHER_OVER;
		}
		if (!epoch_may_hold()) {
			watcher->ctx.depth--;
			atomic_store(&phase, PHASE_PENDING);
			return GATHER_GO_ON;
		}
		if (again) {
			asked = now;
			wait_ms = wait_ms < 64 ? wait_ms * 2 : 100;
		}
		if (!park_missing(again)) {
			result = strangers_checked(&tries, &err);
			if (!result)
				break;
			if (result != -EAGAIN)
				goto refused;
		} else if (now - begin > GATHER_PATIENCE_MS * 1000000UL &&
			   park_blocked(&err)) {
			goto refused;
		}
		park_wait_arrival(2);
	}
	watcher->ctx.depth--;
	return GATHER_ALL;
refused:
	refuse_early(&err);
	watcher->ctx.depth--;
	return GATHER_REFUSED;
}

bool epoch_take_part(struct thread *t)
{
	struct control_page *page = process_page();
	uint32_t pending = PHASE_PENDING;

	publish(page);
	if (atomic_load(&phase) == PHASE_GATHERING)
		return park(t);
	if (atomic_load(&phase) != PHASE_PENDING)
		return false;
	if (epoch_is_over() || (process_hooks && !published_hooks)) {
		struct err err;
		bool ended = epoch_is_over();

		if (!atomic_compare_exchange_strong(&phase, &pending,
						    PHASE_PUBLISHING))
			return false;
		t->ctx.depth++;
		err_set(&err, -EBUSY,
			"rank %u was in MPI_Init; try again when it is through",
			page->world_rank);
		if (ended)
			finish(true, STATE_RUNNING);
		else
			refuse_early(&err);
		t->ctx.depth--;
		return true;
	}
	return epoch_may_hold() && park(t);
}

/* --- the leader -------------------------------------------------------------
 */

enum event {
	EV_NOTHING, /* the command is the one we have obeyed */
	EV_ASK,	    /* still FRONTIER, but the page has changed */
	EV_DRAIN,
	EV_CAPTURE,
	EV_RELEASE,
	EV_OVER, /* aborted, or the agent is gone */
	EVENTS,
};

struct lead {
	struct thread *self;
	uint32_t seq;	      /* agent.seq that we looked at */
	uint32_t asked;	      /* agent.seq that HELD answered */
	unsigned int rest_us; /* how long to wait when nothing happens */
};

typedef enum epoch_phase (*action)(struct lead *lead);

static enum epoch_phase fail(struct err *err)
{
	refuse(err->text);
	return PHASE_REFUSED;
}

static enum epoch_phase stay_held(struct lead *lead)
{
	const struct epoch_hooks *hooks = process_hooks;
	struct err err;
	int n = 0;

	if (hooks)
		n = hooks->held_step(&err);
	if (n < 0)
		return fail(&err);
	if (n > 0)
		lead->rest_us = 0;
	return PHASE_HELD;
}

/* May we (still) hold?  Say so, with the state of the page that it is true of.
 */
static enum epoch_phase hold_or_go_on(struct lead *lead)
{
	if (!epoch_may_hold()) {
		state_set(STATE_PUBLISHED);
		send_text(CONTROL_UNHELD, lead->seq, NULL);
		return PHASE_PENDING;
	}
	lead->asked = lead->seq;
	state_set(STATE_HELD);
	send_text(CONTROL_HELD, lead->seq, NULL);
	return PHASE_HELD;
}

static enum epoch_phase drain(struct lead *lead)
{
	const struct epoch_hooks *hooks = process_hooks;
	struct control_page *page = process_page();
	struct err err;
	int result = 0;

	(void)lead;
	if (hooks)
		result = hooks->drain(page, &err);
	if (result == -ECANCELED)
		return PHASE_QUIET; /* the next event says so, too */
	if (result)
		return fail(&err);
	atomic_store(&page->rank.quiet_ns, now_ns());
	state_set(STATE_QUIET);
	send_text(CONTROL_QUIET, 0, NULL);
	return PHASE_QUIET;
}

/* What this rank writes now, a rank that is still being restored would cut off
 * again: files that several ranks append to go back to their length at the
 * epoch first, all of them. */
static void wait_for_all_back(const struct control_page *page)
{
	/* An agent that dies wakes nobody. */
	const struct timespec limit = { .tv_nsec = 100000000 };

	for (;;) {
		uint32_t seq = atomic_load(&page->agent.seq);

		if (atomic_load(&page->agent.flags) & AGENT_ALL_BACK ||
		    agent_is_gone())
			return;
		sys_call(SYS_futex, &page->agent.seq, FUTEX_WAIT, seq, &limit);
	}
}

/* After a restart: the same phase, another process. */
static void come_back(struct lead *lead)
{
	const struct epoch_hooks *hooks = process_hooks;
	struct control_page *page = process_page();
	struct err err;

	atomic_store(&page->rank.pid, (uint32_t)process_link.pid);
	atomic_store(&page->rank.uses_mpi, process_uses_mpi);
	atomic_store(&page->rank.leader_tid, (uint32_t)lead->self->ctx.tid);
	stop_flags(0);
	if (hooks && hooks->restart(restored_environ, &err)) {
		log_err("rank %u cannot be restarted: %s", page->world_rank,
			err.text);
		sys_call(SYS_exit_group, 1);
	}
	atomic_store(&over, atomic_load(&epoch));
	atomic_store(&phase, PHASE_IDLE);
	state_set(STATE_RUNNING);
	send_text(CONTROL_RESUMED, 0, NULL);
	wait_for_all_back(page);
}

static enum epoch_phase capture(struct lead *lead)
{
	const struct epoch_hooks *hooks = process_hooks;
	struct control_page *page = process_page();
	struct err err;
	int result;

	if (hooks && hooks->check(&err))
		return fail(&err);
	restored_record();
	result = capture_rank(page, atomic_load(&page->agent.capture_stop),
			      &err);
	if (result < 0)
		return fail(&err);
	if (result > 0) {
		come_back(lead);
		return PHASE_IDLE;
	}
	atomic_store(&page->rank.capture_ns, now_ns());
	state_set(STATE_CAPTURED);
	return PHASE_CAPTURED;
}

static enum epoch_phase released(struct lead *lead)
{
	(void)lead;
	finish(false, STATE_RUNNING);
	return PHASE_IDLE;
}

static enum epoch_phase aborted(struct lead *lead)
{
	(void)lead;
	finish(true, STATE_RUNNING);
	return PHASE_IDLE;
}

/* clang-format off */
/* (phase, event) -> what is done, which gives the next phase; NULL: wait. */
static const action actions[PHASES][EVENTS] = {
	[PHASE_HELD] = {
		[EV_NOTHING] = stay_held,
		[EV_ASK]     = hold_or_go_on,
		[EV_DRAIN]   = drain,
		[EV_CAPTURE] = drain, /* then the event comes once more */
		[EV_RELEASE] = aborted,
		[EV_OVER]    = aborted,
	},
	[PHASE_QUIET] = {
		[EV_CAPTURE] = capture,
		[EV_RELEASE] = aborted,
		[EV_OVER]    = aborted,
	},
	[PHASE_CAPTURED] = {
		[EV_RELEASE] = released,
		[EV_OVER]    = aborted,
	},
	[PHASE_REFUSED] = {
		[EV_RELEASE] = aborted,
		[EV_OVER]    = aborted,
	},
};

static const enum event event_of[] = {
	[CMD_RUN]      = EV_OVER,
	[CMD_FRONTIER] = EV_NOTHING,
	[CMD_DRAIN]    = EV_DRAIN,
	[CMD_CAPTURE]  = EV_CAPTURE,
	[CMD_RELEASE]  = EV_RELEASE,
	[CMD_ABORT]    = EV_OVER,
};
/* clang-format on */

/* Sleep until the agent has changed the page since lead->seq.  The MPI side
 * must go on receiving, so the limit is short at first. */
static void rest(struct lead *lead)
{
	struct control_page *page = process_page();
	struct timespec limit;
	unsigned int most = process_hooks ? 1000 : 100000;

	lead->rest_us = lead->rest_us ? lead->rest_us * 2 : 20;
	if (lead->rest_us > most)
		lead->rest_us = most;
	limit.tv_sec = 0;
	limit.tv_nsec = lead->rest_us * 1000L;
	sys_call(SYS_futex, &page->agent.seq, FUTEX_WAIT, lead->seq, &limit);
}

static enum event next_event(struct lead *lead)
{
	struct control_page *page = process_page();
	uint32_t cmd;

	lead->seq = atomic_load(&page->agent.seq);
	cmd = atomic_load(&page->agent.cmd);
	if (epoch_is_over() || agent_is_gone())
		return EV_OVER;
	if (cmd == CMD_FRONTIER && lead->seq != lead->asked)
		return EV_ASK;
	return event_of[cmd <= CMD_ABORT ? cmd : CMD_ABORT];
}

/* All threads are parked: from here to the end of the epoch, or until the rank
 * must go on. */
void epoch_lead(struct thread *t)
{
	const struct epoch_hooks *hooks = process_hooks;
	struct control_page *page = process_page();
	enum epoch_phase now = PHASE_HELD;
	struct lead lead = { .self = t };
	struct err err;

	t->ctx.depth++; /* wrappers' ends are no safe points for the leader */
	atomic_store(&phase, now);
	atomic_store(&page->rank.hold_ns, now_ns());
	if (hooks && hooks->check(&err)) {
		refuse_early(&err);
		now = PHASE_IDLE;
	} else {
		lead.asked = atomic_load(&page->agent.seq) - 1;
	}
	while (now >= PHASE_HELD) {
		action act = actions[now][next_event(&lead)];
		enum epoch_phase then = act ? act(&lead) : now;

		if (then == now && now != PHASE_IDLE)
			rest(&lead);
		now = then;
		if (now >= PHASE_HELD)
			atomic_store(&phase, now);
	}
	if (now == PHASE_PENDING)
		atomic_store(&phase, now);
	t->ctx.depth--;
	park_release();
}

/* --- threads and processes come and go --------------------------------------
 */

void epoch_leader_leaves(const struct thread *leaving)
{
	struct control_page *page = process_page();

	if (!page ||
	    atomic_load(&page->rank.leader_tid) != (uint32_t)leaving->ctx.tid)
		return;
	/* Nobody, before the others are looked at: one that is starting may not
	 * be there yet, and looks afterwards. */
	atomic_store(&page->rank.leader_tid, 0);
	thread_lock();
	thread_each(t)
	{
		if (t != leaving && t->state == THREAD_LIVE) {
			epoch_leader_needed(t);
			break;
		}
	}
	thread_unlock();
}

void epoch_leader_needed(const struct thread *t)
{
	struct control_page *page = process_page();
	uint32_t nobody = 0;

	if (page)
		atomic_compare_exchange_strong(&page->rank.leader_tid, &nobody,
					       (uint32_t)t->ctx.tid);
}

void epoch_after_fork(void)
{
	atomic_store(&phase, PHASE_IDLE);
}
