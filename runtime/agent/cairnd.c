/* SPDX-License-Identifier: BSD-3-Clause */
/* cairnd.c - one node's agent of a job: start, run, end */
#include "runtime/agent/agent.h"
#include "runtime/agent/buffer.h"
#include "runtime/agent/copies.h"
#include "runtime/agent/epoch.h"
#include "runtime/agent/fault.h"
#include "runtime/agent/flush.h"
#include "runtime/agent/leftover.h"
#include "runtime/agent/lineage.h"
#include "runtime/agent/restore.h"
#include "runtime/base/fmt.h"
#include "runtime/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

/*
 * STARTUP    (protocol.md) The process that is started forks the daemon and
 *            waits until that has the coordinator's welcome and listens; it
 *            exits with 0 then.  Before that the daemon speaks on the stderr
 *            it was given, afterwards through the coordinator.
 * OPERATION  loop.c, fed by link.c (coordinator), ranks.c (ranks), capture.c
 *            and fill.c (threads).
 * TEARDOWN   The socket is unlinked, and what killed ranks left (leftover.c);
 *            all else goes with the process.
 */

static int environment_read(struct agent *agent, struct err *err)
{
	const char *path = getenv("CAIRN_AGENT");
	const char *secret = getenv("CAIRN_SECRET");

	if (!path || !secret || !getenv("CAIRN_COORDINATOR"))
		return err_set(err, -EINVAL,
			       "cairnd is started by cairnrun; it cannot run "
			       "by itself");
	if (path[0] != '/' || strlen(path) >= sizeof(agent->socket_path))
		return err_set(err, -EINVAL,
			       "CAIRN_AGENT is not a socket's path of at most "
			       "%d characters; set TMPDIR to a shorter path",
			       (int)sizeof(agent->socket_path) - 1);
	if (strlen(secret) != sizeof(agent->secret) - 1)
		return err_set(err, -EINVAL,
			       "CAIRN_SECRET is not a job's secret; start jobs "
			       "with cairnrun");
	if (channel_auth_from_name(getenv("CAIRN_AUTH"), &agent->auth))
		return err_set(
			err, -EINVAL,
			"CAIRN_AUTH is \"%s\", which this cairnd does "
			"not know; use one release of Cairn on all nodes",
			getenv("CAIRN_AUTH"));
	strcpy(agent->socket_path, path);
	strcpy(agent->secret, secret);
	if (gethostname(agent->node, sizeof(agent->node) - 1))
		strcpy(agent->node, "unknown");
	return 0;
}

/* Whatever the launcher or the rank had: none of it is ours. */
static void process_clean(void)
{
	struct rlimit limit;
	sigset_t none;
	int null;

	closefrom(3);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null >= 0) {
		dup2(null, 0);
		dup2(null, 1); /* a rank's output is not for us */
	}
	if (null > 2)
		close(null);
	umask(077);
	if (chdir("/"))
		log_debug("chdir /: %s", fmt_error(errno));
	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* A dozen descriptors for each rank that is captured. */
	if (!getrlimit(RLIMIT_NOFILE, &limit)) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static int agent_open(struct agent *agent, struct err *err)
{
	int ret = loop_init(&agent->loop, err);

	if (!ret)
		ret = epoch_create(agent, &agent->epoch, err);
	if (!ret)
		ret = link_open(agent, getenv("CAIRN_COORDINATOR"), err);
	if (!ret)
		ret = ranks_listen(agent, err);
	if (!ret)
		ret = ranks_watch(agent, err);
	return ret;
}

static void agent_close(struct agent *agent)
{
	restore_close(agent->restore);
	flush_destroy(agent->flush);
	copies_destroy(agent->copies);
	epoch_destroy(agent->epoch);
	lineage_destroy(agent->lineage);
	buffer_destroy(agent->buffer);
	ranks_fini(agent);
	link_close(agent);
	loop_fini(&agent->loop);
	leftover_sweep();
	sodium_memzero(agent->secret, sizeof(agent->secret));
}

/* The one who started us may go on; from here on we have no terminal. */
static void report_ready(int fd)
{
	if (write(fd, "", 1) < 0)
		log_debug("start: %s", fmt_error(errno));
	close(fd);
	dup2(0, 2);
}

static int daemon_run(int ready_fd)
{
	struct agent agent = { .listener.fd = -1 };
	struct err err;
	int ret;

	setsid();
	ret = environment_read(&agent, &err);
	if (!ret)
		ret = agent_open(&agent, &err);
	if (!ret) {
		unsetenv("CAIRN_SECRET");
		report_ready(ready_fd);
		leftover_sweep(); /* of an agent that was killed, too */
		ret = link_watch(&agent, &err);
	}
	if (!ret)
		ret = loop_run(&agent.loop, &err);
	if (ret)
		log_err("%s", err.text);
	agent_close(&agent);
	return ret ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(void)
{
	int fds[2];
	char ready;
	pid_t pid;

	log_init("agent", getenv("CAIRN_LOG"));
	fault_init(getenv("CAIRN_FAULT"));
	process_clean();
	if (sodium_init() < 0 || pipe2(fds, O_CLOEXEC)) {
		log_err("cannot start: %s", fmt_error(errno));
		return EXIT_FAILURE;
	}
	pid = fork();
	if (pid < 0) {
		log_err("cannot start: fork: %s", fmt_error(errno));
		return EXIT_FAILURE;
	}
	if (!pid) {
		close(fds[0]);
		return daemon_run(fds[1]);
	}
	close(fds[1]);
	return read(fds[0], &ready, 1) == 1 ? EXIT_SUCCESS : EXIT_FAILURE;
}
