/* SPDX-License-Identifier: BSD-3-Clause */
/* test_coordinator.c - epochs with invented agents */
#include "launcher/coordinator.h"
#include "tests/lib/unit.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AGENTS 2

/* A world of two agents with a rank each; what the coordinator did is a line of
 * words, in order. */
struct world {
	struct coordinator *c;
	char did[4096];
	int64_t timers[COORDINATOR_TIMERS];
	struct epoch_result result;
	char reason[480];
	int results;
	int begin_fails, commit_fails;
	bool lost[2]; /* of its two agents */
	json_t *manifest;
};

static void did(struct world *w, const char *format, ...)
{
	size_t n = strlen(w->did);
	va_list ap;

	va_start(ap, format);
	vsnprintf(w->did + n, sizeof(w->did) - n, format, ap);
	va_end(ap);
}

static void fake_send(void *arg, size_t agent, json_t *m)
{
	const char *type = json_string_value(json_object_get(m, "type"));
	const char *phase = json_string_value(json_object_get(m, "phase"));

	if (!phase)
		did(arg, "%zu:%s ", agent, type);
	else if (json_object_get(m, "on"))
		did(arg, "%zu:%s%d ", agent, phase,
		    json_is_true(json_object_get(m, "on")));
	else
		did(arg, "%zu:%s ", agent, phase);
	json_decref(m);
}

static void fake_send_all(void *arg, json_t *m)
{
	struct world *w = arg;

	for (size_t i = 0; i < 2; i++)
		if (!w->lost[i])
			fake_send(w, i, json_incref(m));
	json_decref(m);
}

static void lose(struct world *w, size_t agent)
{
	w->lost[agent] = true; /* its connection has ended */
	coordinator_lost(w->c, agent);
}

static int fake_begin(void *arg, uint32_t epoch, struct err *err)
{
	struct world *w = arg;

	did(w, "begin%u ", epoch);
	if (w->begin_fails)
		return err_set(err, -ENOSPC, "the disk is full");
	return 0;
}

static int fake_commit(void *arg, uint32_t epoch, json_t *m, struct err *err)
{
	struct world *w = arg;

	did(w, "commit%u ", epoch);
	if (w->commit_fails)
		return err_set(err, -EIO, "the disk is broken");
	json_decref(w->manifest);
	w->manifest = json_incref(m);
	return 0;
}

static void fake_timer(void *arg, enum coordinator_timer timer, int64_t ms)
{
	struct world *w = arg;

	w->timers[timer] = ms;
}

static void fake_ended(void *arg, const struct epoch_result *r)
{
	struct world *w = arg;

	w->result = *r;
	snprintf(w->reason, sizeof(w->reason), "%s",
		 r->reason ? r->reason : "");
	w->results++;
	did(w, r->committed ? "good%s " : "bad%s ", r->exit ? "+exit" : "");
}

static void fake_changed(void *arg)
{
	(void)arg;
}

static const struct coordinator_ops ops = {
	.send = fake_send,
	.send_all = fake_send_all,
	.begin = fake_begin,
	.commit = fake_commit,
	.timer = fake_timer,
	.ended = fake_ended,
	.changed = fake_changed,
};

static void say(struct world *w, size_t agent, const char *format, ...)
{
	json_error_t why;
	va_list ap;
	json_t *m;

	va_start(ap, format);
	m = json_vpack_ex(&why, 0, format, ap);
	va_end(ap);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	coordinator_message(w->c, agent, m);
	json_decref(m);
}

static void rank(struct world *w, int agent, const char *state)
{
	say(w, (size_t)agent, "{s:s, s:i, s:i, s:i, s:s}", "type", "rank",
	    "rank", agent, "nranks", AGENTS, "pid", 100 + agent, "state",
	    state);
}

static void init(struct world *w, int64_t interval_ms)
{
	struct coordinator_options o = { .interval_ms = interval_ms,
					 .quiesce_ms = 60000,
					 .next_epoch = 7 };

	memset(w, 0, sizeof(*w));
	w->c = coordinator_create(&ops, w, &o);
	CU_ASSERT_EQUAL(coordinator_agent(w->c, "n0"), 0);
	CU_ASSERT_EQUAL(coordinator_agent(w->c, "n1"), 1);
}

static void start(struct world *w, int64_t interval_ms)
{
	init(w, interval_ms);
	rank(w, 0, "running");
	rank(w, 1, "running");
}

static void fini(struct world *w)
{
	coordinator_destroy(w->c);
	json_decref(w->manifest);
}

/* Both agents: no counts, all hold, two waves. */
static void hold_all(struct world *w, int epoch)
{
	for (size_t a = 0; a < AGENTS; a++)
		say(w, a, "{s:s, s:i, s:[i], s:[]}", "type", "counts", "epoch",
		    epoch, "ranks", (int)a, "counts");
	for (size_t a = 0; a < AGENTS; a++)
		say(w, a, "{s:s, s:i, s:b}", "type", "held", "epoch", epoch,
		    "held", 1);
	for (int n = 1; n < 20 && coordinator_state(w->c) == EPOCH_FRONTIER;
	     n++)
		for (size_t a = 0; a < AGENTS; a++)
			say(w, a, "{s:s, s:i, s:i, s:b, s:i, s:i}", "type",
			    "wave", "epoch", epoch, "n", n, "held", 1, "sent",
			    0, "received", 0);
}

static void done(struct world *w, int epoch, size_t agent, const char *phase)
{
	char file[32];

	snprintf(file, sizeof(file), "node-n%zu.img", agent);
	if (strcmp(phase, "durable"))
		say(w, agent, "{s:s, s:i, s:s, s:f}", "type", "done", "epoch",
		    epoch, "phase", phase, "pause_ms", 10.0 * (double)agent);
	else
		say(w, agent, "{s:s, s:i, s:s, s:s, s:i, s:i, s:s, s:[i], s:f}",
		    "type", "done", "epoch", epoch, "phase", phase, "file",
		    file, "bytes", 1000, "memory_bytes", 5000, "index_digest",
		    "0123456789abcdef", "ranks", (int)agent, "pause_ms", 35.5);
}

static void done_all(struct world *w, int epoch, const char *phase)
{
	done(w, epoch, 0, phase);
	done(w, epoch, 1, phase);
}

static void test_whole(void)
{
	struct world w;

	start(&w, 0);
	CU_ASSERT_EQUAL(coordinator_request(w.c, false), 1);
	CU_ASSERT_EQUAL(coordinator_state(w.c), EPOCH_FRONTIER);
	hold_all(&w, 7);
	CU_ASSERT_EQUAL(coordinator_state(w.c), EPOCH_DRAIN);
	done_all(&w, 7, "drain");
	CU_ASSERT_EQUAL(coordinator_state(w.c), EPOCH_CAPTURE);
	done_all(&w, 7, "capture");
	CU_ASSERT_EQUAL(coordinator_state(w.c), EPOCH_WRITING);
	CU_ASSERT_PTR_NOT_NULL(strstr(w.did, "1:capture 0:release 1:release"));
	CU_ASSERT_PTR_NULL(strstr(w.did, "commit"));
	done(&w, 7, 0, "durable");
	CU_ASSERT_PTR_NULL(strstr(w.did, "commit"));
	done(&w, 7, 1, "durable");
	CU_ASSERT_PTR_NOT_NULL(
		strstr(w.did, "commit7 0:committed 1:committed good"));
	CU_ASSERT_EQUAL(coordinator_state(w.c), EPOCH_IDLE);
	CU_ASSERT_EQUAL(w.result.epoch, 7);
	CU_ASSERT_EQUAL(w.result.bytes, 2000);
	CU_ASSERT_DOUBLE_EQUAL(w.result.pause_ms, 35.5, 0.01);
	CU_ASSERT_EQUAL(json_integer_value(
				json_object_get(w.manifest, "ranks")),
			AGENTS);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(w.manifest, "images")),
			2);
	/* the next one has the next number */
	CU_ASSERT_EQUAL(coordinator_request(w.c, false), 2);
	CU_ASSERT_PTR_NOT_NULL(strstr(w.did, "begin8"));
	fini(&w);
}

static void test_waits_for_ranks(void)
{
	struct world w;

	init(&w, 0);
	coordinator_request(w.c, false);
	CU_ASSERT_EQUAL(coordinator_state(w.c), EPOCH_IDLE);
	rank(&w, 0, "running");
	CU_ASSERT_EQUAL(coordinator_state(w.c), EPOCH_IDLE);
	rank(&w, 1, "running");
	CU_ASSERT_EQUAL(coordinator_state(w.c), EPOCH_FRONTIER);
	fini(&w);
}

static void test_merge(void)
{
	struct world w;

	start(&w, 0);
	CU_ASSERT_EQUAL(coordinator_request(w.c, false), 1);
	CU_ASSERT_EQUAL(coordinator_request(w.c, true), 1);
	hold_all(&w, 7);
	done_all(&w, 7, "drain");
	/* what is captured is fixed: this one wants another epoch */
	CU_ASSERT_EQUAL(coordinator_request(w.c, false), 2);
	done_all(&w, 7, "capture");
	CU_ASSERT_PTR_NULL(strstr(w.did, "release")); /* the job will stop */
	done_all(&w, 7, "durable");
	/* its ranks are held for good: they may wait for a flush */
	CU_ASSERT_PTR_NOT_NULL(strstr(w.did, "good+exit bad"));
	CU_ASSERT_PTR_NOT_NULL(strstr(w.reason, "being stopped"));
	CU_ASSERT_PTR_NULL(strstr(w.did, "begin8"));
	fini(&w);
}

/* Whatever goes wrong, in whatever state: the ranks run on, one sentence. */
static void test_failures(void)
{
	static const char *const phases[] = { "frontier", "drain", "capture",
					      "durable" };

	for (size_t stage = 0; stage < 4; stage++) {
		for (int how = 0; how < 4; how++) {
			struct world w;

			start(&w, 0);
			coordinator_request(w.c, false);
			if (stage > 0)
				hold_all(&w, 7);
			for (size_t p = 1; p < stage; p++)
				done_all(&w, 7, phases[p]);
			if (how == 0)
				say(&w, 1, "{s:s, s:i, s:i, s:s}", "type",
				    "refuse", "epoch", 7, "rank", 1, "text",
				    "rank 1 has an open window");
			else if (how == 1)
				lose(&w, 1);
			else if (how == 2)
				coordinator_timer(w.c, TIMER_QUIESCE);
			else
				coordinator_give_up(w.c, "told to");
			/* where nothing is broken DRAIN comes to its end */
			CU_ASSERT_EQUAL(w.results, stage != 1 || how < 2);
			if (!w.results)
				done_all(&w, 7, "drain");
			CU_ASSERT_EQUAL(w.results, 1);
			CU_ASSERT(!w.result.committed);
			CU_ASSERT_PTR_NOT_NULL(strstr(w.did, "0:abort"));
			CU_ASSERT_PTR_NULL(strstr(w.did, "commit7"));
			CU_ASSERT_EQUAL(coordinator_state(w.c), EPOCH_IDLE);
			if (how == 0)
				CU_ASSERT_STRING_EQUAL(
					w.reason, "rank 1 has an open window");
			/* late messages of the dead epoch change nothing */
			done_all(&w, 7, "durable");
			CU_ASSERT_EQUAL(w.results, 1);
			fini(&w);
		}
	}
}

/* Ranks that are let go in the middle of DRAIN would have to take synchronous
 * sends for matched: ABORT waits for its end, but not for ever. */
static void test_given_up(void)
{
	for (int how = 0; how < 4; how++) {
		struct world w;

		start(&w, 0);
		coordinator_request(w.c, false);
		hold_all(&w, 7);
		CU_ASSERT(coordinator_give_up(w.c, "told to"));
		CU_ASSERT_PTR_NULL(strstr(w.did, "abort"));
		CU_ASSERT(w.timers[TIMER_STALL] > 0);
		CU_ASSERT_EQUAL(w.timers[TIMER_QUIESCE], 0);
		/* what is wanted now is another epoch */
		CU_ASSERT_EQUAL(coordinator_request(w.c, false), 2);
		CU_ASSERT(coordinator_give_up(w.c, "told so twice"));
		done(&w, 7, 0, "drain");
		CU_ASSERT_PTR_NULL(strstr(w.did, "abort"));
		CU_ASSERT_EQUAL(w.results, 0);
		if (how == 0)
			done(&w, 7, 1, "drain");
		else if (how == 1)
			coordinator_timer(w.c, TIMER_STALL);
		else if (how == 2)
			coordinator_abort(w.c, "the job has ended");
		else
			say(&w, 1, "{s:s, s:i, s:i, s:s}", "type", "refuse",
			    "epoch", 7, "rank", 1, "text", "no memory");
		CU_ASSERT_EQUAL(w.results, 1);
		CU_ASSERT_STRING_EQUAL(w.reason, "told to");
		CU_ASSERT_PTR_NULL(strstr(w.did, "capture"));
		CU_ASSERT_PTR_NOT_NULL(
			strstr(w.did, "0:abort 1:abort bad begin8"));
		fini(&w);
	}
}

/* It is said at once, though nobody asked, and again in the same words: so the
 * user hears it once.  The job does not wait for its ranks any more. */
static void test_lost_agent(void)
{
	char reason[sizeof(((struct world *)NULL)->reason)];
	struct world w;

	start(&w, 1000);
	lose(&w, 1);
	CU_ASSERT_EQUAL(w.results, 1);
	CU_ASSERT(!w.result.committed && !w.result.ending);
	CU_ASSERT_PTR_NOT_NULL(strstr(w.reason, "n1 is lost"));
	strcpy(reason, w.reason);
	coordinator_timer(w.c, TIMER_INTERVAL);
	CU_ASSERT_EQUAL(w.results, 2);
	CU_ASSERT_STRING_EQUAL(w.reason, reason);
	CU_ASSERT_PTR_NULL(strstr(w.did, "begin"));
	CU_ASSERT(!coordinator_is_over(w.c));
	rank(&w, 0, "exited");
	CU_ASSERT(coordinator_is_over(w.c));
	/* an agent whose ranks have all ended is not missed */
	lose(&w, 0);
	CU_ASSERT_EQUAL(w.results, 2);
	fini(&w);
}

static void test_commit_fails(void)
{
	struct world w;

	start(&w, 0);
	w.commit_fails = 1;
	coordinator_request(w.c, true);
	hold_all(&w, 7);
	done_all(&w, 7, "drain");
	done_all(&w, 7, "capture");
	done_all(&w, 7, "durable");
	CU_ASSERT_PTR_NOT_NULL(strstr(w.did, "commit7 0:abort 1:abort bad"));
	CU_ASSERT_PTR_NULL(strstr(w.did, "committed"));
	CU_ASSERT(!w.result.exit);
	CU_ASSERT_STRING_EQUAL(w.reason, "the disk is broken");
	fini(&w);
}

static void test_begin_fails(void)
{
	struct world w;

	start(&w, 1000);
	w.begin_fails = 1;
	coordinator_timer(w.c, TIMER_INTERVAL);
	CU_ASSERT_EQUAL(w.results, 1);
	CU_ASSERT_STRING_EQUAL(w.reason, "the disk is full");
	CU_ASSERT_EQUAL(w.timers[TIMER_INTERVAL], 1000);
	CU_ASSERT_PTR_NULL(strstr(w.did, "frontier"));
	fini(&w);
}

static void test_missing_rank(void)
{
	struct world w;

	start(&w, 0);
	coordinator_request(w.c, false);
	hold_all(&w, 7);
	done_all(&w, 7, "drain");
	done_all(&w, 7, "capture");
	done(&w, 7, 0, "durable");
	/* the other image holds rank 0 again, and not rank 1 */
	say(&w, 1, "{s:s, s:i, s:s, s:s, s:i, s:i, s:s, s:[i]}", "type", "done",
	    "epoch", 7, "phase", "durable", "file", "node-n1.img", "bytes", 1,
	    "memory_bytes", 1, "index_digest", "0123456789abcdef", "ranks", 0);
	CU_ASSERT(!w.result.committed);
	CU_ASSERT_PTR_NOT_NULL(strstr(w.reason, "rank 0 lies in two images"));
	fini(&w);
}

static void test_exit_during(void)
{
	struct world w;

	start(&w, 0);
	coordinator_request(w.c, false);
	rank(&w, 1, "exited");
	CU_ASSERT_EQUAL(w.results, 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(w.reason, "rank 1 ended"));
	CU_ASSERT(w.result.ending);
	fini(&w);

	/* after the capture its twin is read, it is not needed */
	start(&w, 0);
	coordinator_request(w.c, false);
	hold_all(&w, 7);
	done_all(&w, 7, "drain");
	done_all(&w, 7, "capture");
	rank(&w, 1, "exited");
	done_all(&w, 7, "durable");
	CU_ASSERT(w.result.committed);
	fini(&w);
}

static void exited(struct world *w, int agent, int code)
{
	say(w, (size_t)agent, "{s:s, s:i, s:i, s:s, s:i}", "type", "rank",
	    "rank", agent, "nranks", AGENTS, "state", "exited", "code", code);
}

/* The manifest knows a rank that had ended by its code, and needs no image of
 * it; one that did not say how it ended is an obstacle. */
static void test_exit_before(void)
{
	struct world w;
	json_t *list;

	start(&w, 0);
	exited(&w, 1, 3);
	coordinator_request(w.c, false);
	hold_all(&w, 7);
	done_all(&w, 7, "drain");
	done_all(&w, 7, "capture");
	done(&w, 7, 0, "durable");
	say(&w, 1, "{s:s, s:i, s:s, s:n}", "type", "done", "epoch", 7, "phase",
	    "durable", "file");
	CU_ASSERT(w.result.committed);
	list = json_object_get(w.manifest, "exited");
	CU_ASSERT_EQUAL(json_array_size(list), 1);
	CU_ASSERT_EQUAL(json_integer_value(
				json_object_get(json_array_get(list, 0),
						"code")),
			3);
	exited(&w, 0, 0);
	coordinator_request(w.c, false);
	CU_ASSERT_PTR_NOT_NULL(strstr(w.reason, "all ranks have already"));
	fini(&w);

	start(&w, 0);
	exited(&w, 1, -1);
	coordinator_request(w.c, false);
	CU_ASSERT_PTR_NOT_NULL(strstr(w.reason, "did not say"));
	CU_ASSERT_PTR_NULL(strstr(w.did, "begin"));
	fini(&w);
}

static void test_stall(void)
{
	struct world w;

	start(&w, 0);
	coordinator_request(w.c, false);
	CU_ASSERT(w.timers[TIMER_STALL] > 0);
	coordinator_timer(w.c, TIMER_STALL);
	CU_ASSERT_EQUAL(coordinator_state(w.c), EPOCH_SLICE);
	CU_ASSERT_PTR_NOT_NULL(strstr(w.did, "0:slice1 1:slice1"));
	coordinator_timer(w.c, TIMER_STALL);
	CU_ASSERT_EQUAL(coordinator_state(w.c), EPOCH_FRONTIER);
	CU_ASSERT_PTR_NOT_NULL(strstr(w.did, "0:slice0 1:slice0"));
	say(&w, 0, "{s:s, s:i, s:s}", "type", "busy", "epoch", 7, "busy",
	    "rank 0 is in MPI_Recv");
	coordinator_timer(w.c, TIMER_QUIESCE);
	CU_ASSERT_PTR_NOT_NULL(strstr(w.reason, "rank 0 is in MPI_Recv"));
	fini(&w);
}

static void test_interval(void)
{
	struct world w;

	init(&w, 500);
	CU_ASSERT_EQUAL(w.timers[TIMER_INTERVAL], 0);
	rank(&w, 0, "running");
	rank(&w, 1, "running");
	CU_ASSERT_EQUAL(w.timers[TIMER_INTERVAL], 500);
	coordinator_timer(w.c, TIMER_INTERVAL);
	CU_ASSERT_EQUAL(coordinator_state(w.c), EPOCH_FRONTIER);
	hold_all(&w, 7);
	done_all(&w, 7, "drain");
	done_all(&w, 7, "capture");
	done_all(&w, 7, "durable");
	CU_ASSERT(w.timers[TIMER_INTERVAL] > 0 &&
		  w.timers[TIMER_INTERVAL] <= 500);
	fini(&w);
}

static void test_malformed(void)
{
	static const char *const types[] = { "rank",	 "counts", "wave",
					     "held",	 "done",   "refuse",
					     "progress", "raise",  "need",
					     "group",	 "busy",   "request",
					     "nonsense" };

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		struct world w;

		start(&w, 0);
		coordinator_request(w.c, false);
		say(&w, 0, "{s:s}", "type", types[i]);
		say(&w, 0, "{s:s, s:i}", "type", types[i], "epoch", 7);
		say(&w, 0, "{s:s, s:s}", "type", types[i], "epoch", "x");
		say(&w, 0, "{s:s, s:i, s:[[]], s:n, s:[], s:i}", "type",
		    types[i], "epoch", 7, "counts", "held", "phase", "rank",
		    -5);
		say(&w, 0, "{s:i}", "type", 3);
		CU_ASSERT(!w.result.committed);
		fini(&w);
	}
}

static const struct unit_test coordinator_tests[] = {
	{ "an epoch goes through all its states to the commit", test_whole },
	{ "a request waits until all ranks are up", test_waits_for_ranks },
	{ "requests are merged while the epoch's contents are open",
	  test_merge },
	{ "a failure in any state gives the epoch up, once", test_failures },
	{ "a DRAIN that is given up comes to its end first", test_given_up },
	{ "a lost agent is said at once, and not waited for", test_lost_agent },
	{ "a commit that fails leaves the job running", test_commit_fails },
	{ "a folder that cannot be made is said", test_begin_fails },
	{ "images that lack a rank are not committed", test_missing_rank },
	{ "a rank that ends matters only before its capture",
	  test_exit_during },
	{ "a rank that had ended is in the manifest by its code",
	  test_exit_before },
	{ "without progress all holds are released for a slice", test_stall },
	{ "the interval counts from when all ranks are up", test_interval },
	{ "malformed messages do no harm", test_malformed },
	{ NULL, NULL },
};

static const struct unit_suite suites[] = {
	{ "coordinator", coordinator_tests },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	return unit_main(argc, argv, suites);
}
