/* SPDX-License-Identifier: BSD-3-Clause */
/* walltime.c - a checkpoint in time before the batch job's end */
#include "launcher/walltime.h"

#include "launcher/session.h"
#include "runtime/base/log.h"

#include <string.h>
#include <sys/wait.h>

#define ASK_MS	      60000 /* the end may be moved by an administrator */
#define ASK_AGAIN_MS  5000  /* the controller did not answer */
#define ASK_LEAST_MS  5000  /* however short the time of grace */
#define PART_OF_GRACE 3
#define AGAIN_MS      1000 /* after an epoch that failed */
#define MARGIN_MIN_S  10
#define MARGIN_MAX_S  300 /* of the tenth */
#define PART_OF_RUN   10

static double margin_s(const struct walltime *w)
{
	const struct options *o = w->session->options;
	double longest = 0, tenth;

	if (o->stop_before_ms)
		return (double)o->stop_before_ms / 1000;
	for (size_t i = 0; i < sizeof(w->epoch_s) / sizeof(*w->epoch_s); i++)
		if (w->epoch_s[i] > longest)
			longest = w->epoch_s[i];
	longest += w->flush_s;
	if (longest > 0)
		return 2 * longest + MARGIN_MIN_S;
	tenth = difftime(w->facts.end, w->began) / PART_OF_RUN;
	return tenth < MARGIN_MIN_S ? MARGIN_MIN_S :
	       tenth > MARGIN_MAX_S ? MARGIN_MAX_S :
				      tenth;
}

static void plan(struct walltime *w)
{
	double left_s;

	if (!w->facts.end || w->asked)
		return;
	left_s = difftime(w->facts.end, time(NULL)) - margin_s(w);
	loop_timer(&w->session->loop, &w->due,
		   left_s > 0 ? (int64_t)(left_s * 1000) : 0);
}

static void act(struct timer *t)
{
	struct walltime *w = t->arg;
	struct session *s = w->session;
	bool again = session_continues(s);
	int left_s = (int)difftime(w->facts.end, time(NULL));

	if (s->ended || s->stopping || s->ending.begun)
		return;
	if (!w->asked)
		session_say(s, true, "the batch job ends in %d s: %s",
			    left_s > 0 ? left_s : 0,
			    again ? "checkpointing it, to go on in its next "
				    "run" :
				    "checkpointing it");
	w->asked = true;
	if (again)
		session_exit(s, true);
	else
		coordinator_request(s->coordinator, false);
}

static void look_again(struct walltime *w)
{
	int64_t ms = w->grace_ms / PART_OF_GRACE;

	if (!ms || ms > ASK_MS)
		ms = ASK_MS;
	loop_timer(&w->session->loop, &w->ask,
		   ms < ASK_LEAST_MS ? ASK_LEAST_MS : ms);
}

static void heard_partition(struct errand *e, int status)
{
	struct walltime *w = e->arg;

	if (!status)
		w->grace_ms = slurm_grace_s(e->output) * INT64_C(1000);
	look_again(w);
}

/* Hydra's proxies ignore TERM, so where it goes to them alone a preemption is
 * seen by looking only: often enough for its time of grace. */
static bool ask_partition(struct walltime *w)
{
	char *show[] = { "scontrol", "-o", "show", "partition", NULL, NULL };
	struct err err;

	if (w->partition_asked || !w->facts.partition[0] ||
	    w->session->options->starter == &starter_srun)
		return false;
	w->partition_asked = true;
	show[4] = w->facts.partition;
	w->errand.done = heard_partition;
	return !errand_start(&w->errand, &w->session->loop, show, &err);
}

static void heard(struct errand *e, int status)
{
	struct walltime *w = e->arg;
	struct slurm_facts facts;

	if (status || !slurm_parse(e->output, &facts)) {
		log_debug("scontrol did not answer (status 0x%x)",
			  (unsigned int)status);
		loop_timer(&w->session->loop, &w->ask,
			   w->known ? ASK_MS : ASK_AGAIN_MS);
		return;
	}
	/* The end was moved: what was done about the old one was too early. */
	if (facts.end > w->facts.end)
		w->asked = false;
	w->facts = facts;
	w->known = true;
	if (facts.preempted)
		ending_begin(&w->session->ending);
	if (!ask_partition(w))
		look_again(w);
	plan(w);
}

static void ask(struct timer *t)
{
	struct walltime *w = t->arg;
	char *show[] = { "scontrol",	      "-o", "show", "job",
			 (char *)slurm_job(), NULL };
	struct err err;

	w->errand.done = heard;
	if (errand_start(&w->errand, &w->session->loop, show, &err))
		log_debug("%s", err.text);
}

void walltime_start(struct walltime *w, struct session *session)
{
	memset(w, 0, sizeof(*w));
	w->session = session;
	w->began = time(NULL);
	w->errand.arg = w;
	w->ask.cb = ask;
	w->ask.arg = w;
	w->due.cb = act;
	w->due.arg = w;
	if (slurm_job())
		loop_timer(&session->loop, &w->ask, 0);
}

void walltime_stop(struct walltime *w)
{
	errand_stop(&w->errand);
}

void walltime_flush(struct walltime *w, double seconds)
{
	w->flush_s = seconds;
	plan(w);
}

void walltime_epoch(struct walltime *w, bool committed, double seconds)
{
	const size_t n = sizeof(w->epoch_s) / sizeof(*w->epoch_s);

	if (committed) {
		memmove(w->epoch_s + 1, w->epoch_s,
			(n - 1) * sizeof(*w->epoch_s));
		w->epoch_s[0] = seconds;
		plan(w);
	} else if (w->asked && difftime(w->facts.end, time(NULL)) > 0) {
		loop_timer(&w->session->loop, &w->due, AGAIN_MS);
	}
}
