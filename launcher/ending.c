/* SPDX-License-Identifier: BSD-3-Clause */
/* ending.c - Slurm ends the job: what the time that is left is used for */
#include "launcher/ending.h"

#include "launcher/session.h"
#include "runtime/base/log.h"
#include "runtime/net/address.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#define AGAIN_MS  1000 /* after an epoch that was given up */
#define LAST_MS	  1500 /* what is said later might not be heard */
#define SETTLE_MS 5000

static const char *reason(const struct slurm_facts *f)
{
	return f->again			      ? "is requeued by Slurm" :
	       f->completing && f->time_limit ? "is at its time limit" :
	       f->completing		      ? "was cancelled" :
	       f->preempted		      ? "makes room for another" :
						NULL;
}

/* Is the next run our business? */
static bool requeues(const struct ending *e)
{
	const struct slurm_facts *f = &e->facts;

	if (f->again || !reason(f) || (f->completing && !f->time_limit))
		return false;
	return session_continues(e->session);
}

static bool is_over(const struct session *s)
{
	return s->ended || s->stopping;
}

static void over(struct timer *t)
{
	const struct ending *e = t->arg;
	struct session *s = e->session;
	uint32_t epoch = s->committed ? s->committed : s->restart->epoch;

	if (is_over(s))
		return;
	if (epoch)
		session_say(s, true,
			    "the time is over: epoch %u stays; go on with: "
			    "cairnrun --restart %s",
			    epoch, s->job->dir);
	else
		session_say(s, true,
			    "the time is over, and no epoch was committed: the "
			    "job begins anew next time");
}

static void expect_kill(struct ending *e, int64_t in_ms)
{
	struct session *s = e->session;

	e->kill = clock_ms() + in_ms;
	session_say(s, true, "%d s are left", (int)(in_ms / 1000));
	loop_timer(&s->loop, &e->over, in_ms > LAST_MS ? in_ms - LAST_MS : 0);
}

static void heard_config(struct errand *errand, int status)
{
	struct ending *e = errand->arg;
	int wait = status ? 0 : slurm_kill_wait(errand->output);

	if (wait > 0 && !is_over(e->session))
		expect_kill(e, wait * INT64_C(1000));
}

static void ask_config(struct ending *e)
{
	char *config[] = { "scontrol", "show", "config", NULL };
	struct err err;

	e->errand.done = heard_config;
	if (errand_start(&e->errand, &e->session->loop, config, &err))
		log_debug("%s", err.text);
}

static bool take_facts(struct ending *e, const char *text)
{
	struct session *s = e->session;

	if (!slurm_parse(text, &e->facts))
		return false;
	s->walltime.facts = e->facts;
	s->walltime.known = true;
	s->requeue = s->requeue || requeues(e);
	if (reason(&e->facts))
		session_say(s, true, "job %s %s", slurm_job(),
			    reason(&e->facts));
	return true;
}

static void heard_job(struct errand *errand, int status)
{
	struct ending *e = errand->arg;
	double left_s;

	e->known = !status && take_facts(e, errand->output);
	if (!e->known) {
		log_debug("scontrol did not answer (status 0x%x)",
			  (unsigned int)status);
		return;
	}
	if (is_over(e->session))
		return;
	if (e->facts.completing || e->facts.again) {
		ask_config(e);
	} else if (e->facts.preempted) {
		left_s = difftime(e->facts.end, time(NULL));
		expect_kill(e, left_s > 0 ? (int64_t)(left_s * 1000) : 0);
	}
}

static void ask_job(struct ending *e)
{
	char *show[] = { "scontrol",	      "-o", "show", "job",
			 (char *)slurm_job(), NULL };
	struct err err;

	e->errand.done = heard_job;
	if (errand_start(&e->errand, &e->session->loop, show, &err))
		log_debug("%s", err.text);
}

/* Nobody has set a time: who sent this TERM waits for our end. */
static void again(struct timer *t)
{
	struct ending *e = t->arg;

	if (is_over(e->session))
		return;
	if (!e->kill && !e->errand.pid)
		session_interrupt(e->session);
	else
		session_exit(e->session, false);
}

void ending_init(struct ending *e, struct session *session)
{
	e->session = session;
	e->errand.arg = e;
	e->again.cb = again;
	e->again.arg = e;
	e->over.cb = over;
	e->over.arg = e;
}

void ending_stop(struct ending *e)
{
	errand_stop(&e->errand);
}

void ending_begin(struct ending *e)
{
	struct session *s = e->session;

	if (e->begun || is_over(s) || !slurm_job())
		return;
	e->begun = true;
	session_say(s, true,
		    "TERM: checkpointing the job before it ends; TERM again "
		    "ends it at once");
	ask_job(e);
	session_exit(s, false);
}

void ending_epoch_failed(struct ending *e)
{
	struct session *s = e->session;

	if (e->begun && !is_over(s))
		loop_timer(&s->loop, &e->again, AGAIN_MS);
}

static void settle(struct ending *e)
{
	char *show[] = { "scontrol",	      "-o", "show", "job",
			 (char *)slurm_job(), NULL };

	if (!e->known && !errand_run(&e->errand, show, SETTLE_MS))
		e->known = take_facts(e, e->errand.output);
}

void ending_settle(struct ending *e)
{
	if (e->begun)
		settle(e);
}

/* As a signal, by mpiexec as its number, by srun as a shell does. */
static bool is_term(int status)
{
	return WIFSIGNALED(status) ? WTERMSIG(status) == SIGTERM :
				     WEXITSTATUS(status) == SIGTERM ||
					     WEXITSTATUS(status) ==
						     128 + SIGTERM;
}

bool ending_cut_short(struct ending *e)
{
	const struct session *s = e->session;
	bool on_its_way = s->restart->epoch && !s->back_ms;

	if (!slurm_job() || s->interrupted ||
	    !(is_term(s->status) || (e->begun && on_its_way)))
		return false;
	settle(e);
	return e->known && requeues(e);
}
