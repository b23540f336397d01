/* SPDX-License-Identifier: BSD-3-Clause */
/* epochs.c - the coordinator's operations: folders, manifests, lines */
#include "launcher/session.h"

#include "launcher/machine.h"
#include "launcher/pace.h"
#include "launcher/units.h"
#include "runtime/base/fmt.h"
#include "runtime/base/log.h"
#include "runtime/net/address.h"
#include "storage/manifest.h"
#include "storage/retention.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* How often people see how far an epoch is. */
#define SHOW_MS 50

static void send_agent(void *arg, size_t agent, json_t *message)
{
	struct session *s = arg;

	nodes_send(&s->nodes, agent, message);
}

static void send_agents(void *arg, json_t *message)
{
	struct session *s = arg;

	nodes_say(&s->nodes, message);
}

static void close_epoch(struct session *s)
{
	if (s->epoch_dirfd >= 0)
		close(s->epoch_dirfd);
	s->epoch_dirfd = -1;
}

static int begin_epoch(void *arg, uint32_t epoch, struct err *err)
{
	struct session *s = arg;

	close_epoch(s);
	return epoch_folder(s->job->dir, epoch, 1, &s->epoch_dirfd, err);
}

/* What a manifest says beyond what the agents know. */
static void add_facts(struct session *s, json_t *manifest)
{
	const json_t *explain = json_object_get(manifest, "explain");
	json_t *mpi = json_object_get(explain, "mpi");

	json_object_set(manifest, "program", s->program);
	json_object_set_new(manifest, "cpu", machine_cpu());
	json_object_set_new(manifest, "kernel", machine_kernel());
	json_object_set_new(manifest, "job", json_string(s->job->name));
	json_object_set_new(manifest, "mpi",
			    mpi ? json_incref(mpi) :
			    s->options->mpi_lib ?
				  json_string(s->options->mpi_lib) :
				  json_null());
	if (s->restart->epoch)
		json_object_set_new(manifest, "restarted_from",
				    json_integer(s->restart->epoch));
}

static int commit_epoch(void *arg, uint32_t epoch, json_t *manifest,
			struct err *err)
{
	struct session *s = arg;
	int rc;

	add_facts(s, manifest);
	rc = manifest_commit(s->epoch_dirfd, manifest, err);
	close_epoch(s);
	if (rc)
		return err_prefix(err, rc, "cannot commit epoch %u", epoch);
	s->committed = epoch;
	/* Older epochs go only now that a newer one is there (I2). */
	if (retention_apply(s->job->dir, &s->options->kept,
			    flush_busy_epoch(&s->flush), err)) {
		session_say(s, true, "cannot remove old epochs: %s", err->text);
	}
	json_decref(s->manifest);
	s->manifest = json_incref(manifest);
	return 0;
}

static void set_timer(void *arg, enum coordinator_timer timer, int64_t ms)
{
	struct session *s = arg;

	if (ms > 0)
		loop_timer(&s->loop, &s->timers[timer], ms);
	else
		loop_untimer(&s->loop, &s->timers[timer]);
}

static void say_committed(struct session *s, const struct epoch_result *r)
{
	char bytes[32], rate[32], memory[32], waited[100] = "";

	units_bytes(r->bytes, bytes, sizeof(bytes));
	units_bytes(r->memory_bytes, memory, sizeof(memory));
	units_bytes(r->seconds > 0 ? (uint64_t)((double)r->bytes / r->seconds) :
				     0,
		    rate, sizeof(rate));
	if (r->waited)
		fmt_print(waited, sizeof(waited),
			  "; %lu ranks waited: no memory for their copies",
			  (unsigned long)r->waited);
	/* fmt knows no floats: milliseconds are enough. */
	session_say(s, false,
		    "epoch %u committed: %zu ranks, %s of %s memory, pause "
		    "%lu ms, %lu ms in all, %s/s%s",
		    r->epoch, r->ranks, bytes, memory,
		    (unsigned long)(r->pause_ms + 0.5),
		    (unsigned long)(r->seconds * 1000 + 0.5), rate, waited);
}

/* I7: each reason is said once, however often the timer meets it again, also
 * when several take turns. */
static bool is_news(struct session *s, const char *reason)
{
	const size_t n = sizeof(s->reasons) / sizeof(*s->reasons);
	uint64_t hash = 14695981039346656037ULL; /* FNV-1a */

	for (; *reason; reason++)
		hash = (hash ^ (unsigned char)*reason) * 1099511628211ULL;
	for (size_t i = 0; i < n; i++)
		if (s->reasons[i] == hash)
			return false;
	memmove(s->reasons + 1, s->reasons, (n - 1) * sizeof(*s->reasons));
	s->reasons[0] = hash;
	return true;
}

static void say_failed(struct session *s, const struct epoch_result *r)
{
	/* A timer that comes while a program ends well is not worth a word;
	 * how it ended badly the starter says. */
	bool news = !r->ending && is_news(s, r->reason);

	if (r->epoch)
		session_say(s, news,
			    "epoch %u was given up: %s; the job runs on%s",
			    r->epoch, r->reason,
			    s->committed ? ", older epochs stay" : "");
	else if (news)
		session_say(s, true, "no checkpoint: %s", r->reason);
}

/* What failed in a burst buffer may well succeed in the folder, where the next
 * one goes: an end that was announced is worth another try. */
static void again_if_last(struct session *s, const struct epoch_result *r)
{
	if (r->committed || !r->stop || !r->epoch || s->exit_again ||
	    s->ended || !s->options->burst_buffer)
		return;
	s->exit_again = true;
	coordinator_request(s->coordinator, true);
}

static void epoch_ended(void *arg, const struct epoch_result *r)
{
	struct session *s = arg;

	progress_clear(&s->progress);
	close_epoch(s);
	copies_ended(&s->copies, r->epoch);
	if (r->committed || !r->ending)
		record_epoch(s, r);
	/* The ranks stay held until they end. */
	s->stopping = s->stopping || r->exit;
	if (r->committed) {
		memset(s->reasons, 0, sizeof(s->reasons));
		say_committed(s, r);
		pace_epoch(s, r);
		flush_committed(&s->flush, s->manifest);
	} else if (!s->ended && !s->node_lost && !s->stopping) {
		say_failed(s, r);
	}
	walltime_epoch(&s->walltime, r->committed, r->seconds);
	if (!r->committed)
		ending_epoch_failed(&s->ending);
	again_if_last(s, r);
	peers_answer(s, r);
	/* Where a next run surely finds it. */
	if (r->exit)
		flush_then(&s->flush, session_stop);
	session_look(s);
}

static void epoch_changed(void *arg)
{
	struct session *s = arg;
	int64_t now_ms = clock_ms();
	json_t *status;

	if (!s->coordinator)
		return;
	session_look(s);
	record_changed(s);
	if (!s->back_ms && coordinator_started(s->coordinator)) {
		s->back_ms = clock_ms();
		record_up(s);
		pace_up(s);
	}
	/* With many nodes there are thousands of changes a second. */
	if (coordinator_state(s->coordinator) == EPOCH_IDLE ||
	    now_ms - s->shown_ms < SHOW_MS)
		return;
	s->shown_ms = now_ms;
	status = coordinator_status(s->coordinator);
	progress_show(&s->progress, status);
	peers_progress(s, status);
	json_decref(status);
}

const struct coordinator_ops session_epoch_ops = {
	.send = send_agent,
	.send_all = send_agents,
	.begin = begin_epoch,
	.commit = commit_epoch,
	.timer = set_timer,
	.ended = epoch_ended,
	.changed = epoch_changed,
};
