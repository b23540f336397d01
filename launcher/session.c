/* SPDX-License-Identifier: BSD-3-Clause */
/* session.c - one running job: its child, its peers, its epochs */
#include "launcher/session.h"

#include "launcher/child.h"
#include "launcher/units.h"
#include "runtime/base/fmt.h"
#include "runtime/base/log.h"
#include "runtime/base/moment.h"
#include "runtime/net/address.h"
#include "storage/catalog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

/* How long a child that was told to end may take before it is killed. */
#define KILL_MS 10000
/* How long ranks may outlive the starter. */
#define END_MS 5000
/* How long an epoch that is being written may outlive a job that crashed. */
#define LINGER_MS 60000

void session_say(struct session *s, bool loud, const char *format, ...)
{
	char line[900];
	va_list ap;

	va_start(ap, format);
	fmt_vprint(line, sizeof(line), format, ap);
	va_end(ap);
	job_log(s->job, line);
	if (loud)
		record_note(s, line);
	progress_clear(&s->progress);
	if (loud)
		log_err("%s", line);
	else
		log_info("%s", line);
}

/* --- the end --- */

static void kill_child(struct timer *t)
{
	struct session *s = t->arg;

	if (s->ended && flush_is_busy(&s->flush)) {
		loop_timer(&s->loop, &s->kill_timer, KILL_MS);
		return;
	}
	if (s->ended) { /* lingered long enough */
		loop_stop(&s->loop);
		return;
	}
	kill(s->child, SIGKILL);
}

/*
 * The ranks are held since the capture, so that nothing is printed twice.  They
 * are killed by their agents; a starter that saw that would complain, so
 * mpiexec goes first (its proxies follow, the output was forwarded long ago).
 * srun must stay to end its step.
 */
void session_stop(struct session *s)
{
	s->stopping = true;
	if (s->options->starter == &starter_mpiexec)
		kill(s->child, SIGKILL);
	nodes_say(&s->nodes,
		  json_pack("{s:s, s:i}", "type", "stop", "signal", SIGKILL));
	loop_timer(&s->loop, &s->kill_timer, KILL_MS);
}

/* The starter notices no rank that ends before MPI_Init, and the others wait
 * there for it.  It is to end by itself: it forwards what the rank said. */
void session_unrestored(struct session *s)
{
	if (s->unrestored)
		return;
	s->unrestored = true;
	nodes_say(&s->nodes,
		  json_pack("{s:s, s:i}", "type", "stop", "signal", SIGKILL));
	loop_timer(&s->loop, &s->kill_timer, KILL_MS);
}

/* mpiexec never notices a link that was cut: it would wait for ever.  The ranks
 * on the other nodes are ended by their agents; those that cannot be reached
 * end themselves when their agent finds that it is alone. */
void session_lose_node(struct session *s)
{
	if (s->node_lost || s->stopping || s->ended)
		return;
	s->node_lost = true;
	nodes_say(&s->nodes,
		  json_pack("{s:s, s:i}", "type", "stop", "signal", SIGKILL));
	kill(s->child,
	     s->options->starter == &starter_mpiexec ? SIGKILL : SIGTERM);
	loop_timer(&s->loop, &s->kill_timer, KILL_MS);
}

static bool crashed(const struct session *s)
{
	return WIFSIGNALED(s->status) || WEXITSTATUS(s->status);
}

/* An epoch that was captured before a crash is worth the wait: its twins are
 * still there. */
static bool is_worth_waiting(const struct session *s)
{
	return crashed(s) && !s->stopping &&
	       coordinator_state(s->coordinator) == EPOCH_WRITING;
}

void session_look(struct session *s)
{
	if (s->ended && !is_worth_waiting(s) && nodes_answered(&s->nodes) &&
	    coordinator_is_over(s->coordinator) && flush_settled(&s->flush))
		loop_stop(&s->loop);
}

/* No rank may outlive the job: it could write where a restarted one does.  A
 * node that was lost, and with it perhaps the job, may not have been missed
 * yet: the next start would wait for it. */
static void child_ended(struct session *s)
{
	s->ended = true;
	if (crashed(s) && !s->stopping && s->restarts_left > 0)
		nodes_ask(&s->nodes);
	loop_timer(&s->loop, &s->kill_timer,
		   is_worth_waiting(s) ? LINGER_MS : END_MS);
	if (!coordinator_is_over(s->coordinator))
		nodes_say(&s->nodes, json_pack("{s:s, s:i}", "type", "stop",
					       "signal", SIGKILL));
	session_look(s);
}

/* --- signals --- */

/* A child apart: its status, or nothing where its keeper was killed. */
static void status_came(struct watch *w, uint32_t events)
{
	struct session *s = w->arg;
	int status;

	(void)events;
	if (read(w->fd, &status, sizeof(status)) != (ssize_t)sizeof(status)) {
		kill(s->child, SIGKILL);
		status = SIGKILL;
	}
	loop_unwatch(&s->loop, w);
	close(w->fd);
	w->fd = -1;
	s->status = status;
	s->child = 0;
	child_ended(s);
}

static void reap(struct session *s)
{
	int status;

	if (s->child > 0 && waitpid(s->child, &status, WNOHANG) == s->child) {
		s->status = status;
		s->child = 0;
		child_ended(s);
	}
}

void session_exit(struct session *s, bool requeue)
{
	/* TERM may follow a warning whose checkpoint is under way. */
	s->requeue = s->requeue || requeue;
	if (!s->exit_asked_ms)
		s->exit_asked_ms = clock_ms();
	coordinator_request(s->coordinator, true);
}

/* What Slurm has not said yet is found out when it comes to it. */
bool session_continues(const struct session *s)
{
	const struct slurm_facts *facts = &s->walltime.facts;

	if (!slurm_job() || s->options->next_run == NEXT_NEVER)
		return false;
	return !s->walltime.known ||
	       (facts->batch &&
		(facts->requeue || s->options->next_run == NEXT_RESUBMIT));
}

void session_interrupt(struct session *s)
{
	s->interrupted = true;
	if (s->child > 0)
		kill(s->child, SIGTERM);
}

static void act(struct session *s, const struct signalfd_siginfo *info)
{
	int number = (int)info->ssi_signo;

	/* All that is left is a flush. */
	if (s->ended && s->options->signals[number] == SIGNAL_PASS) {
		flush_give_up(&s->flush);
		return;
	}
	switch (s->options->signals[number]) {
	case SIGNAL_CHECKPOINT:
		coordinator_request(s->coordinator, false);
		return;
	case SIGNAL_CHECKPOINT_EXIT:
		session_exit(s, session_continues(s));
		return;
	case SIGNAL_PASS:
		break;
	}
	/* Slurm's warning before KILL; each of its kinds sends several. */
	if (number == SIGTERM && slurm_job() &&
	    (!s->ending.begun || slurm_sent((pid_t)info->ssi_pid))) {
		ending_begin(&s->ending);
		return;
	}
	s->interrupted = true;
	/* What a terminal sends has reached the child already. */
	if (s->child > 0 && info->ssi_code <= 0)
		kill(s->child, number);
}

static void signal_ready(struct watch *w, uint32_t events)
{
	struct session *s = w->arg;
	struct signalfd_siginfo info;

	(void)events;
	while (!s->loop.stopped &&
	       read(w->fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			reap(s);
		else
			act(s, &info);
	}
}

static int watch_signals(struct session *s, struct err *err)
{
	static const int passed[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT,
				      SIGALRM };
	int fd;

	sigemptyset(&s->signals);
	sigaddset(&s->signals, SIGCHLD);
	for (size_t i = 0; i < sizeof(passed) / sizeof(*passed); i++)
		sigaddset(&s->signals, passed[i]);
	for (int i = 1; i <= 64; i++)
		if (s->options->signals[i] != SIGNAL_PASS)
			sigaddset(&s->signals, i);
	sigprocmask(SIG_BLOCK, &s->signals, &s->old_mask);
	/* An ignored signal never reaches a signalfd: take ours back, leave
	 * nohup's HUP as it is. */
	for (int i = 1; i <= 64; i++)
		if (s->options->signals[i] != SIGNAL_PASS)
			signal(i, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
	fd = signalfd(-1, &s->signals, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		return err_set(err, -errno, "cannot make a signalfd: %s",
			       strerror(errno));
	s->signal_watch.cb = signal_ready;
	s->signal_watch.arg = s;
	return loop_watch(&s->loop, &s->signal_watch, fd, EPOLLIN, err);
}

/* --- start --- */

static void timer_due(struct timer *t)
{
	struct session *s = t->arg;

	coordinator_timer(s->coordinator,
			  (enum coordinator_timer)(t - s->timers));
}

static int next_epoch(struct session *s, struct err *err)
{
	uint32_t *epochs = NULL;
	size_t n = 0;
	int rc = catalog_list(s->job->dirfd, &epochs, &n, err);

	if (!rc)
		s->first_epoch = n ? epochs[n - 1] + 1 : 1;
	free(epochs);
	return rc;
}

static int make_coordinator(struct session *s, struct err *err)
{
	struct coordinator_options o = {
		.interval_ms = s->options->interval_ms,
		.quiesce_ms = s->options->quiesce_ms,
		.capture_stop = s->options->capture_stop,
	};
	int rc = next_epoch(s, err);

	if (rc)
		return rc;
	o.next_epoch = s->first_epoch;
	for (int i = 0; i < COORDINATOR_TIMERS; i++) {
		s->timers[i].cb = timer_due;
		s->timers[i].arg = s;
	}
	nodes_init(&s->nodes, &s->loop, &session_node_ops, s);
	s->kill_timer.cb = kill_child;
	s->kill_timer.arg = s;
	s->coordinator = coordinator_create(&session_epoch_ops, s, &o);
	return s->coordinator ? 0 : err_set(err, -ENOMEM, "no memory");
}

/* What cairn-rank must know; on no command line, so that no other user sees
 * it. */
static void set_environment(struct session *s)
{
	char hex[2 * CHANNEL_SECRET_BYTES + 1];
	char *socket = xprintf("%s/agent", s->private_dir);

	secret_to_hex(s->server.secret, hex);
	setenv("CAIRN_SECRET", hex, 1);
	setenv("CAIRN_COORDINATOR", s->server.address, 1);
	setenv("CAIRN_AGENT", socket, 1);
	setenv("CAIRN_AUTH", channel_auth_name(s->options->auth), 1);
	if (s->options->mpi_lib)
		setenv("CAIRN_MPI_LIB", s->options->mpi_lib, 1);
	if (s->options->verbose)
		setenv("CAIRN_LOG", "info", 0);
	free(socket);
}

static int start_child(struct session *s, struct err *err)
{
	bool apart = slurm_in_script();
	int fd = -1;
	int rc = child_start(s->starter_path, s->arguments, &s->old_mask,
			     &s->child, apart ? &fd : NULL, err);

	if (rc || !apart)
		return rc;
	s->child_watch.cb = status_came;
	s->child_watch.arg = s;
	return loop_watch(&s->loop, &s->child_watch, fd, EPOLLIN, err);
}

int session_run(struct session *s, struct err *err)
{
	int rc;

	s->epoch_dirfd = -1;
	s->private_lock = -1;
	s->signal_watch.fd = -1;
	s->child_watch.fd = -1;
	child_raise_descriptors(); /* one a node */
	ending_init(&s->ending, s);
	flush_init(&s->flush, s);
	copies_init(&s->copies, s);
	progress_init(&s->progress, 2);
	rc = loop_init(&s->loop, err);
	if (!rc)
		rc = make_coordinator(s, err);
	if (!rc)
		rc = server_init(&s->server, &s->loop, s->options->auth,
				 s->routable, s->options->iface,
				 &session_peer_ops, s, err);
	if (!rc)
		rc = private_make(s->private_dir, &s->private_lock, err);
	if (!rc)
		rc = job_announce(s->job, s->server.address,
				  channel_auth_name(s->options->auth),
				  s->server.secret, s->program, err);
	if (!rc)
		rc = watch_signals(s, err);
	if (rc)
		return rc;
	set_environment(s);
	moment("launcher-start", NULL);
	rc = start_child(s, err);
	if (rc)
		return rc;
	walltime_start(&s->walltime, s);
	losses_watch_start(s);
	rc = loop_run(&s->loop, err);
	walltime_stop(&s->walltime);
	ending_stop(&s->ending);
	s->ended = true;
	coordinator_abort(s->coordinator, "the job has ended");
	return rc;
}

/* Folders of epochs that were given up hold nothing any more. */
static void remove_empty_epochs(const struct session *s)
{
	uint32_t *epochs = NULL;
	char name[24];
	size_t n = 0;

	if (catalog_list(s->job->dirfd, &epochs, &n, NULL))
		return;
	for (size_t i = 0; i < n; i++) {
		if (epochs[i] < s->first_epoch)
			continue;
		catalog_name(epochs[i], name);
		unlinkat(s->job->dirfd, name, AT_REMOVEDIR);
	}
	free(epochs);
}

void session_fini(struct session *s)
{
	progress_clear(&s->progress);
	if (s->child > 0)
		kill(s->child, SIGKILL);
	if (s->child_watch.fd >= 0)
		close(s->child_watch.fd);
	if (s->epoch_dirfd >= 0)
		close(s->epoch_dirfd);
	server_fini(&s->server);
	coordinator_destroy(s->coordinator);
	json_decref(s->shares);
	json_decref(s->manifest);
	flush_fini(&s->flush);
	copies_fini(&s->copies);
	nodes_fini(&s->nodes);
	if (s->signal_watch.fd >= 0) {
		close(s->signal_watch.fd);
		/* Slurm may send one more: there is a last line to be said. */
		if (s->stopping && slurm_job())
			signal(SIGTERM, SIG_IGN);
		sigprocmask(SIG_SETMASK, &s->old_mask, NULL);
	}
	loop_fini(&s->loop);
	if (s->private_lock >= 0) {
		private_remove(s->private_dir);
		close(s->private_lock);
	}
	remove_empty_epochs(s);
}
