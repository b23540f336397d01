/* SPDX-License-Identifier: BSD-3-Clause */
/* test_keeper.c - a starter that hangs from no process of the batch script */
#include "launcher/keeper.h"
#include "tests/lib/unit.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_MS 20000

static int status_fd;
/* Whoever lives holds [1] open: [0] ends when all have ended. */
static int lives[2];

/* The next thing that is written to fd: 0 at its end, -1 if none comes. */
static int next(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char byte;

	if (poll(&p, 1, PATIENCE_MS) <= 0)
		return -1;
	return read(fd, &byte, 1) == 1 ? byte : 0;
}

static void say(int fd, char byte)
{
	if (write(fd, &byte, 1) != 1)
		_exit(99);
}

/* A starter that runs until it is ended; also by a check that has failed. */
static void wait_for_ever(void)
{
	alarm(3 * PATIENCE_MS / 1000);
	for (;;)
		pause();
}

/* In the starter 0, in the test its number; lives is a new pipe. */
static pid_t starter(void)
{
	pid_t pid;

	CU_ASSERT_FATAL(!pipe(lives));
	pid = keeper_fork(&status_fd);
	CU_ASSERT_FATAL(pid >= 0);
	if (pid)
		close(lives[1]);
	return pid;
}

/* Its wait status, or -1 if the keeper ends without one. */
static int status_came(void)
{
	struct pollfd p = { .fd = status_fd, .events = POLLIN };
	int status = -1;
	ssize_t n;

	CU_ASSERT_EQUAL_FATAL(poll(&p, 1, PATIENCE_MS), 1);
	n = recv(status_fd, &status, sizeof(status), 0);
	CU_ASSERT_TRUE(n == 0 || n == (ssize_t)sizeof(status));
	close(status_fd);
	close(lives[0]);
	return n ? status : -1;
}

static pid_t parent_of(pid_t pid)
{
	char path[40], line[300] = "";
	const char *at;
	int parent = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT_PTR_NOT_NULL(fgets(line, sizeof(line), f));
	fclose(f);
	at = strrchr(line, ')');
	CU_ASSERT_PTR_NOT_NULL_FATAL(at);
	CU_ASSERT_EQUAL(sscanf(at, ") %*c %d", &parent), 1);
	return parent;
}

static void tells_the_end(void)
{
	int status;

	if (!starter())
		_exit(7);
	status = status_came();
	CU_ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 7);
	if (!starter()) {
		raise(SIGKILL);
		_exit(0);
	}
	status = status_came();
	CU_ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void gives_the_number(void)
{
	pid_t pid = starter(), said = 0;

	if (!pid) {
		pid = getpid();
		if (write(lives[1], &pid, sizeof(pid)) < 0)
			_exit(99);
		wait_for_ever();
	}
	CU_ASSERT_EQUAL(read(lives[0], &said, sizeof(said)), sizeof(said));
	CU_ASSERT_EQUAL(said, pid);
	kill(pid, SIGKILL);
	status_came();
}

/* Slurm goes down the tree from the script. */
static void hangs_from_nobody(void)
{
	pid_t pid = starter();
	bool below_us = false;

	if (!pid)
		wait_for_ever();
	for (pid_t up = parent_of(pid); up > 1; up = parent_of(up))
		below_us = below_us || up == getpid();
	CU_ASSERT_FALSE(below_us);
	/* And nobody is left for us to reap. */
	CU_ASSERT_EQUAL(waitpid(-1, NULL, WNOHANG), -1);
	CU_ASSERT_EQUAL(errno, ECHILD);
	kill(pid, SIGKILL);
	status_came();
}

/* A lock of cairnrun's is free when it has ended, and so are its pipes. */
static void keeps_nothing_open(void)
{
	int ours[2];
	pid_t pid;

	CU_ASSERT_FATAL(!pipe(ours));
	pid = starter();
	if (!pid) {
		close(ours[1]);
		wait_for_ever();
	}
	close(ours[1]);
	CU_ASSERT_EQUAL(next(ours[0]), 0);
	close(ours[0]);
	kill(pid, SIGKILL);
	status_came();
}

static void on_term(int number)
{
	(void)number;
	say(lives[1], 'T');
	_exit(0);
}

/* What a cairnrun leaves that is killed while its starter runs.  The starter
 * says R when it is ready for that. */
static void cairnrun_is_killed(void (*at_term)(int))
{
	pid_t cairnrun;

	CU_ASSERT_FATAL(!pipe(lives));
	cairnrun = fork();
	CU_ASSERT_FATAL(cairnrun >= 0);
	if (!cairnrun) {
		pid_t pid = keeper_fork(&status_fd);

		if (!pid) {
			signal(SIGTERM, at_term);
			say(lives[1], 'R');
		}
		wait_for_ever();
	}
	close(lives[1]);
	CU_ASSERT_EQUAL(next(lives[0]), 'R');
	kill(cairnrun, SIGKILL);
	CU_ASSERT_EQUAL(waitpid(cairnrun, NULL, 0), cairnrun);
}

static void ends_it_with_cairnrun(void)
{
	cairnrun_is_killed(on_term);
	CU_ASSERT_EQUAL(next(lives[0]), 'T');
	CU_ASSERT_EQUAL(next(lives[0]), 0);
	close(lives[0]);
}

/* Before the keeper has said a word. */
static void ends_it_that_early(void)
{
	pid_t cairnrun;

	for (int i = 0; i < 50; i++) {
		CU_ASSERT_FATAL(!pipe(lives));
		cairnrun = fork();
		CU_ASSERT_FATAL(cairnrun >= 0);
		if (!cairnrun) {
			cairnrun = getpid();
			if (!keeper_fork(&status_fd))
				kill(cairnrun, SIGKILL);
			wait_for_ever();
		}
		close(lives[1]);
		CU_ASSERT_EQUAL_FATAL(next(lives[0]), 0);
		CU_ASSERT_EQUAL(waitpid(cairnrun, NULL, 0), cairnrun);
		close(lives[0]);
	}
}

static void kills_it_if_it_must(void)
{
	cairnrun_is_killed(SIG_IGN);
	CU_ASSERT_EQUAL(next(lives[0]), 0);
	close(lives[0]);
}

/* A child of the starter that outlives it. */
static void leave_behind(const char *name, int says)
{
	if (fork())
		return;
	prctl(PR_SET_NAME, name);
	say(says, 'R');
	wait_for_ever();
}

static void ends_an_srun_only(void)
{
	int agents[2];
	struct pollfd p = { .events = POLLIN };
	pid_t pid, agent = 0;

	CU_ASSERT_FATAL(!pipe(agents));
	pid = starter();
	if (!pid) {
		int ready[2];

		if (pipe(ready))
			_exit(99);
		leave_behind("srun", ready[1]);
		leave_behind("srun", ready[1]);
		close(lives[1]);
		agent = fork();
		if (!agent) {
			prctl(PR_SET_NAME, "cairnd");
			wait_for_ever();
		}
		if (write(agents[1], &agent, sizeof(agent)) < 0)
			_exit(99);
		_exit(next(ready[0]) == 'R' && next(ready[0]) == 'R' ? 3 : 99);
	}
	close(agents[1]);
	CU_ASSERT_EQUAL_FATAL(read(agents[0], &agent, sizeof(agent)),
			      sizeof(agent));
	CU_ASSERT_EQUAL(next(lives[0]), 0); /* both are gone */
	CU_ASSERT_TRUE(WEXITSTATUS(status_came()) == 3);
	/* It may be writing an epoch. */
	p.fd = agents[0];
	CU_ASSERT_EQUAL(poll(&p, 1, 0), 0);
	kill(agent, SIGKILL);
	CU_ASSERT_EQUAL(next(agents[0]), 0);
	close(agents[0]);
}

/* cairnrun then ends the starter. */
static void ends_without_a_word_if_killed(void)
{
	pid_t pid = starter();

	if (!pid)
		wait_for_ever();
	kill(parent_of(pid), SIGKILL);
	CU_ASSERT_EQUAL(status_came(), -1);
	kill(pid, SIGKILL);
}

int main(int argc, char **argv)
{
	static const struct unit_test tests[] = {
		{ "it tells how the starter ended", tells_the_end },
		{ "and its number", gives_the_number },
		{ "the starter hangs from nobody below cairnrun",
		  hangs_from_nobody },
		{ "nothing of cairnrun's stays open", keeps_nothing_open },
		{ "cairnrun is killed: the starter is told to end",
		  ends_it_with_cairnrun },
		{ "and killed if it does not", kills_it_if_it_must },
		{ "also if cairnrun has just begun it", ends_it_that_early },
		{ "an srun that is left behind is ended, an agent is not",
		  ends_an_srun_only },
		{ "a keeper that is killed says nothing",
		  ends_without_a_word_if_killed },
		{ NULL, NULL },
	};
	static const struct unit_suite suites[] = { { "keeper", tests },
						    { NULL, NULL } };

	return unit_main(argc, argv, suites);
}
