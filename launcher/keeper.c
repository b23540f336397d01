/* SPDX-License-Identifier: BSD-3-Clause */
/* keeper.c - a child that hangs from no process of the batch script */
#include "launcher/keeper.h"

#include "runtime/base/comm.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define KILL_MS 3000 /* how long the starter may take to end by itself */

enum { CAIRNRUN, STARTER };

/* Nothing of cairnrun's: neither its locks nor its output may outlive it. */
static int let_go(int fd)
{
	int null = open("/dev/null", O_RDWR);

	for (int i = 0; i < 3; i++)
		dup2(null, i);
	if (fd != 3)
		dup2(fd, 3);
	closefrom(4);
	return 3;
}

static pid_t left_srun(void)
{
	char path[64];
	pid_t pid, found = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children",
		 (int)getpid());
	f = fopen(path, "re");
	while (f && !found && fscanf(f, "%d", &pid) == 1)
		found = comm_is(pid, "srun") ? pid : 0;
	if (f)
		fclose(f);
	return found;
}

/*
 * It has ended, or it will: KILL is on its way.  What it has left behind has
 * become ours (a subreaper's).  An srun that lost its mpiexec must not stay: it
 * waits for KillWait and two seconds, and kills the step of that number then,
 * which is the next run's if the job was requeued.  An agent may: it may be
 * writing an epoch.
 */
static void report(int fd, pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	while ((pid = left_srun())) {
		kill(pid, SIGKILL);
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	(void)!send(fd, &status, sizeof(status), MSG_NOSIGNAL);
	_exit(0);
}

static void keep(int fd, pid_t pid)
{
	struct pollfd p[2] = { { .fd = fd, .events = POLLIN },
			       { .events = POLLIN } };

	p[STARTER].fd = (int)syscall(SYS_pidfd_open, pid, 0);
	while (poll(p, 2, -1) < 0)
		;
	if (p[CAIRNRUN].revents && !p[STARTER].revents) {
		kill(pid, SIGTERM);
		poll(p + STARTER, 1, KILL_MS);
		kill(pid, SIGKILL);
	}
	report(fd, pid);
}

/* The keeper: cairnrun's mask blocks what a terminal sends. */
static pid_t become_keeper(int fd)
{
	pid_t pid, told;

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	pid = fork();
	told = pid < 0 ? -errno : pid;
	if (!pid) {
		close(fd);
		return 0;
	}
	/* A cairnrun that has ended meanwhile is seen by keep(). */
	(void)!send(fd, &told, sizeof(told), MSG_NOSIGNAL);
	if (pid > 0)
		keep(let_go(fd), pid);
	_exit(1);
}

pid_t keeper_fork(int *status_fd)
{
	pid_t between, pid;
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds))
		return -errno;
	between = fork();
	if (between < 0) {
		pid = -errno;
		close(fds[0]);
		close(fds[1]);
		return pid;
	}
	if (!between) {
		close(fds[0]);
		pid = fork();
		if (pid)
			_exit(0);
		return become_keeper(fds[1]);
	}
	close(fds[1]);
	while (waitpid(between, NULL, 0) < 0 && errno == EINTR)
		;
	if (recv(fds[0], &pid, sizeof(pid), 0) != (ssize_t)sizeof(pid))
		pid = -EAGAIN;
	if (pid < 0)
		close(fds[0]);
	else
		*status_fd = fds[0];
	return pid;
}
