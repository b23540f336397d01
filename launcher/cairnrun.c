/* SPDX-License-Identifier: BSD-3-Clause */
/* cairnrun.c - run an MPI program so that it can be checkpointed */
#include "launcher/child.h"
#include "launcher/hosts.h"
#include "launcher/options.h"
#include "launcher/restart.h"
#include "launcher/session.h"
#include "launcher/slurm.h"
#include "runtime/base/fmt.h"
#include "runtime/base/log.h"
#include "runtime/base/where.h"
#include "runtime/net/address.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXIT_USAGE     2
#define IDLE_RUNS_MAX  3 /* of a batch job, without getting anywhere */
#define IDLE_MS	       1000
#define LOST_MS	       30000 /* how late mpiexec may notice a lost node */
#define EXIT_NODE_LOST 255   /* as mpiexec ends when it notices one */

struct run {
	struct options options;
	struct command command;
	struct words words;
	struct restart restart;
	struct job job;
	json_t *program;
	char *starter_path;
	char rank_path[PATH_MAX];
	long restarts_left;
	struct history history;
	struct metrics metrics;
	struct interval interval;
	struct words suspects; /* nodes that were lost in the last run */
	struct words bad;      /* those that did not answer since */
};

/* --- steps of a run, in order --- */

static int find_parts(struct run *r, struct err *err)
{
	int rc = where_find("cairn-rank", r->rank_path, sizeof(r->rank_path),
			    err);

	if (!rc && r->options.mpi_lib && access(r->options.mpi_lib, R_OK))
		rc = err_set(err, -errno, "--mpi-lib: cannot read %s: %s",
			     r->options.mpi_lib, strerror(errno));
	/* Before anything is started that would only fail to come in. */
	if (!rc)
		rc = channel_auth_try(r->options.auth, err);
	return rc;
}

static json_t *program_words(const struct command *c)
{
	json_t *list = json_array();

	for (size_t i = 0; i < c->n; i++) {
		const struct section *s = &c->sections[i];

		if (i)
			json_array_append_new(list, json_string(":"));
		for (size_t k = s->program; k < s->end; k++)
			json_array_append_new(list, json_string(c->words.v[k]));
	}
	return list;
}

/* The folder of --ckpt-dir, of --restart, or the default one.  A restart goes
 * on in the folder it comes from unless told otherwise. */
static int open_job(struct run *r, struct err *err)
{
	const struct options *o = &r->options;
	char *dir = o->ckpt_dir ? xstrdup(o->ckpt_dir) :
		    o->restart	? xstrdup(o->restart) :
				  job_default_dir(&r->command);
	bool any_free = !o->ckpt_dir && !o->restart && !o->resume;
	int rc = 0;

	if (o->restart && access(o->restart, F_OK))
		rc = err_set(err, -errno,
			     "cannot restart from %s: %s; give the checkpoint "
			     "folder",
			     o->restart, strerror(errno));
	if (!rc)
		rc = job_open(&r->job, dir, any_free, err);
	free(dir);
	return rc;
}

/* Another run of a batch job goes on by itself, if it got somewhere and is not
 * at its end.  A count of restarts alone says nothing of that. */
static bool is_another_run(const struct run *r)
{
	if (r->options.restart || r->options.resume)
		return false;
	return slurm_runs_again() && !job_finished(&r->job);
}

static int check_progress(struct run *r, struct err *err)
{
	long idle = job_idle_runs(&r->job, r->restart.epoch);

	if (idle <= IDLE_RUNS_MAX)
		return 0;
	return err_set(err, -ELOOP,
		       "this job was started %ld times from epoch %u without "
		       "getting further; give it more time or find out why it "
		       "ends, then start it with: cairnrun --restart %s",
		       idle - 1, r->restart.epoch, r->job.dir);
}

static int choose_next_run(struct run *r, struct err *err)
{
	int rc = restart_choose(r->job.dir, 0, &r->restart, err);

	if (rc == -ENOENT)
		return 0; /* it did not come to its first epoch */
	if (!rc)
		rc = check_progress(r, err);
	return rc;
}

static int choose_epoch(struct run *r, struct err *err)
{
	const struct options *o = &r->options;
	int rc;

	if (is_another_run(r))
		return choose_next_run(r, err);
	job_finish(&r->job, false);
	if (!o->restart && !o->resume)
		return 0;
	rc = restart_choose(r->job.dir, (uint32_t)o->restart_epoch, &r->restart,
			    err);
	if (rc == -ENOENT && o->resume)
		return 0; /* nothing to resume: a first start */
	if (!rc)
		rc = restart_check_ranks(&r->restart,
					 command_ranks(&r->command), err);
	return rc;
}

/* What the starter is told: the user's words, with ours before each program. */
static void wrap(struct run *r)
{
	static const char *const passed[] = {
		"CAIRN_SECRET", "CAIRN_COORDINATOR",  "CAIRN_AGENT",
		"CAIRN_AUTH",	"CAIRN_MUNGE_SOCKET", "CAIRN_MPI_LIB",
		"CAIRN_LOG",	"CAIRN_LIBEXEC",      NULL
	};
	const char *before[] = { r->rank_path, NULL, NULL };

	json_decref(r->program);
	r->program = r->restart.epoch ? json_incref(r->restart.program) :
					program_words(&r->command);
	if (r->restart.epoch)
		before[1] = "--restart";
	else
		before[1] = "--";
	command_pass_environment(&r->command, passed);
	if (r->options.starter == &starter_srun)
		srun_complete(&r->command,
			      json_string_value(json_array_get(r->program, 0)));
	command_wrap(&r->command, before, r->restart.epoch, r->restart.ranks);
}

/* --- one start of the job, and what follows from its end --- */

static void tell_restart(const struct run *r, const struct session *s)
{
	uint32_t epoch = s->committed ? s->committed : r->restart.epoch;
	char cwd[PATH_MAX];
	const char *dir = r->job.dir;

	if (!epoch)
		return;
	/* Short where it can be: users copy this line. */
	if (getcwd(cwd, sizeof(cwd)) && !strncmp(dir, cwd, strlen(cwd)) &&
	    dir[strlen(cwd)] == '/')
		dir += strlen(cwd) + 1;
	log_err("the job did not end well; restart it from epoch %u with: "
		"cairnrun --restart %s",
		epoch, dir);
}

/* See to the batch job's next run; this one is to end with code. */
static int run_again(const struct run *r, struct session *s, const char *why,
		     int code, struct err *err)
{
	char id[32];
	int rc;

	if (r->options.next_run == NEXT_RESUBMIT && s->walltime.known &&
	    !s->walltime.facts.requeue) {
		rc = slurm_resubmit(s->job->dir, code, id, err);
		if (!rc && !*id)
			session_say(s, true,
				    "%s; this site requeues jobs that end "
				    "with %d",
				    why, code);
		else if (!rc)
			session_say(s, true, "%s; it goes on as job %s", why,
				    id);
		return rc;
	}
	session_say(s, true, "%s; job %s is requeued", why, slurm_job());
	return slurm_requeue(err);
}

/* Stopped in time before the batch job's end. */
static int next_run(const struct run *r, struct session *s, struct err *err)
{
	char why[80];

	if (r->restart.epoch && s->back_ms &&
	    s->exit_asked_ms - s->back_ms < IDLE_MS)
		job_stays(s->job, s->committed);
	fmt_print(why, sizeof(why), "stopped after epoch %u", s->committed);
	return run_again(r, s, why, EXIT_CHECKPOINTED, err);
}

/* Slurm's TERM came while the ranks began, or came back from an epoch. */
static bool cut_short(const struct run *r, struct session *s)
{
	uint32_t epoch = s->committed ? s->committed : r->restart.epoch;
	struct err err;
	char why[80];

	if (!ending_cut_short(&s->ending))
		return false;
	if (epoch)
		fmt_print(why, sizeof(why),
			  "ended by Slurm's TERM; epoch %u stays", epoch);
	else
		fmt_print(why, sizeof(why),
			  "ended by Slurm's TERM before its first epoch");
	if (!run_again(r, s, why, WEXITSTATUS(s->status), &err))
		return true;
	log_err("%s", err.text);
	return false;
}

static void tell_stopped(struct session *s)
{
	if (s->ending.facts.again) {
		session_say(s, true,
			    "stopped after epoch %u; Slurm runs job %s again",
			    s->committed, slurm_job());
		return;
	}
	session_say(s, true,
		    "stopped after epoch %u; go on with: cairnrun --restart %s",
		    s->committed, s->job->dir);
}

/* Not the program failed, but a node: a killed agent alone ends no job. */
static bool failed_with_node(const struct session *s)
{
	return s->node_lost ||
	       (s->lost_ms && clock_ms() - s->lost_ms < LOST_MS);
}

/* Slurm requeues a job whose node fails, if its script lives on; ours would end
 * before Slurm has noticed. */
static bool requeue_lost(const struct run *r, struct session *s)
{
	uint32_t epoch = s->committed ? s->committed : r->restart.epoch;
	struct err err;

	if (!failed_with_node(s) || s->interrupted || !epoch ||
	    !session_continues(s))
		return false;
	session_say(s, true,
		    "a node was lost; job %s is requeued, and goes on from "
		    "epoch %u",
		    slurm_job(), epoch);
	if (!slurm_requeue(&err))
		return true;
	log_err("%s", err.text);
	return false;
}

/* mpiexec then finds the nodes by itself, and `cairn status` comes from a login
 * node. */
static bool in_a_batch_job(void)
{
	static const char *const marks[] = { "SLURM_JOB_ID", "PBS_NODEFILE",
					     "LSB_MCPU_HOSTS", "PE_HOSTFILE",
					     "HYDRA_HOST_FILE" };

	for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++)
		if (getenv(marks[i]))
			return true;
	return false;
}

/* 0 with the child's status, or a failure to start it. */
static int run_once(struct run *r, struct session *s, struct err *err)
{
	int rc;

	memset(s, 0, sizeof(*s));
	s->options = &r->options;
	s->job = &r->job;
	s->restart = &r->restart;
	s->program = r->program;
	s->starter_path = r->starter_path;
	s->arguments = &r->command.words;
	s->history = &r->history;
	s->interval = &r->interval;
	s->metrics = r->options.metrics ? &r->metrics : NULL;
	s->restarts_left = r->restarts_left;
	s->routable = r->command.several_nodes || r->options.iface ||
		      r->options.starter == &starter_srun || in_a_batch_job();
	record_start(s);
	rc = session_run(s, err);
	record_end(s, rc);
	if (s->incomplete)
		hosts_named(r->options.starter, &r->words, &r->suspects);
	for (size_t i = 0; i < s->nodes.n; i++)
		if (s->nodes.v[i].suspect || s->nodes.v[i].asked)
			words_add(&r->suspects, s->nodes.v[i].name);
	session_fini(s);
	return rc;
}

static bool is_bad(const struct run *r, const char *host)
{
	for (size_t i = 0; i < r->bad.n; i++)
		if (!strcmp(r->bad.v[i], host))
			return true;
	return false;
}

static bool failed(const struct session *s)
{
	return !s->stopping &&
	       (s->unrestored || s->node_lost || WIFSIGNALED(s->status) ||
		WEXITSTATUS(s->status));
}

/* Which of the nodes that were lost are good again: those are kept. */
static void probe_suspects(struct run *r, struct session *s)
{
	/* Slurm counts the step that was lost for a while yet. */
	if (slurm_job())
		setenv("SLURM_OVERLAP", "1", 0);
	for (size_t i = 0; i < r->suspects.n; i++) {
		const char *host = r->suspects.v[i];

		if (is_bad(r, host) ||
		    hosts_answers(r->starter_path, r->options.starter,
				  &r->words, host))
			continue;
		session_say(s, true,
			    "node %s does not answer; the job goes on "
			    "without it",
			    host);
		words_add(&r->bad, host);
	}
	words_fini(&r->suspects);
	memset(&r->suspects, 0, sizeof(r->suspects));
}

/* The starter's words for another start, on the nodes that are left. */
static int words_again(struct run *r, struct words *out, struct err *err)
{
	if (r->bad.n)
		return hosts_without(r->options.starter, &r->words, &r->bad,
				     out, err);
	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < r->words.n; i++)
		words_add(out, r->words.v[i]);
	return 0;
}

/* After a crash: the newest epoch, or (before) one before a damaged one, in a
 * new command line. */
static int prepare_restart(struct run *r, uint32_t before, struct err *err)
{
	struct words again;
	int rc;

	restart_fini(&r->restart);
	if (before)
		rc = restart_choose_before(r->job.dir, before, &r->restart,
					   err);
	else
		rc = restart_choose(r->job.dir, 0, &r->restart, err);
	if (rc)
		return rc;
	rc = words_again(r, &again, err);
	if (rc)
		return rc;
	command_fini(&r->command);
	rc = command_parse(&r->command, r->options.starter, &again, err);
	if (!rc)
		wrap(r);
	return rc;
}

static int run_job(struct run *r, struct err *err)
{
	struct session *s = calloc(1, sizeof(*s));
	int rc, status;

	if (!s)
		return err_set(err, -ENOMEM, "no memory");
	r->restarts_left = r->options.restarts;
	r->metrics.path = r->options.metrics;
	history_open(&r->history, r->job.dirfd, r->job.made);
	for (;;) {
		rc = run_once(r, s, err);
		if (!rc && s->refused && !s->interrupted &&
		    !r->options.restart_epoch) {
			uint32_t bad = r->restart.epoch;

			rc = prepare_restart(r, bad, err);
			if (rc)
				break;
			session_say(s, true,
				    "epoch %u cannot be restored; restarting "
				    "from epoch %u",
				    bad, r->restart.epoch);
			continue;
		}
		if (rc || !failed(s) || s->interrupted ||
		    r->restarts_left-- <= 0 ||
		    (!s->committed && !r->restart.epoch))
			break;
		probe_suspects(r, s);
		rc = prepare_restart(r, 0, err);
		if (rc)
			break;
		session_say(s, true,
			    "the job crashed; restarting it from "
			    "epoch %u",
			    r->restart.epoch);
	}
	ending_settle(&s->ending);
	if (!rc && s->stopping && s->requeue && next_run(r, s, err))
		log_err("%s", err->text);
	else if (!rc && s->stopping && !s->requeue)
		tell_stopped(s);
	else if (!rc && failed(s) && !cut_short(r, s) && !requeue_lost(r, s))
		tell_restart(r, s);
	if (!rc && slurm_job() && !s->stopping && !failed(s) &&
	    (s->committed || r->restart.epoch))
		job_finish(s->job, true);
	status = s->stopping  ? W_EXITCODE(EXIT_CHECKPOINTED, 0) :
		 s->node_lost ? W_EXITCODE(EXIT_NODE_LOST, 0) :
				s->status;
	free(s);
	history_fini(&r->history);
	job_close(&r->job);
	if (rc)
		return rc;
	child_die_like(status);
}

static void warn_of_script(void *arg, const char *sentence)
{
	(void)arg;
	log_warn("%s", sentence);
}

/* Without a program of ours there is nothing to do: the starter answers. */
static int hand_over(struct run *r, struct err *err)
{
	return child_exec(r->starter_path, &r->command.words, err);
}

static int run(struct run *r, char **argv, struct err *err)
{
	struct words copy = { 0 };
	int rc = options_parse(argv, &r->options, &r->words, err);

	if (rc || r->options.help || r->options.version)
		return rc;
	for (size_t i = 0; i < r->words.n; i++)
		words_add(&copy, r->words.v[i]);
	rc = command_parse(&r->command, r->options.starter, &copy, err);
	if (!rc)
		rc = child_find(r->options.starter, &r->starter_path, err);
	if (rc)
		return rc;
	if (r->command.unknown || r->command.informational)
		return hand_over(r, err);
	if (!command_has_program(&r->command) && !r->options.restart)
		return err_set(err, -EINVAL,
			       "no program was given; see cairnrun --help");
	rc = find_parts(r, err);
	if (!rc)
		rc = open_job(r, err);
	if (!rc)
		rc = choose_epoch(r, err);
	if (!rc) {
		slurm_check_script(warn_of_script, NULL);
		wrap(r);
		rc = run_job(r, err);
	}
	job_close(&r->job);
	return rc;
}

int main(int argc, char **argv)
{
	struct run *r = calloc(1, sizeof(*r));
	struct err err = { "" };
	int rc;

	(void)argc;
	if (!r)
		return 1;
	r->job.dirfd = -1;
	log_init("", getenv("CAIRN_LOG"));
	for (char **p = argv + 1; *p; p++)
		if (!strcmp(*p, "--verbose") && !getenv("CAIRN_LOG"))
			log_init("", "info");
	rc = run(r, argv + 1, &err);
	if (rc) {
		log_err("%s", err.text);
		return rc == -EINVAL ? EXIT_USAGE : rc == -ENOENT ? 127 : 1;
	}
	if (r->options.help)
		fputs(options_usage, stdout);
	else if (r->options.version)
		printf("cairnrun %s\n", CAIRN_VERSION);
	return 0;
}
