/* SPDX-License-Identifier: BSD-3-Clause */
/* errand.c - run a short command beside the loop and hear what it printed */
#include "launcher/errand.h"

#include "runtime/net/address.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

static void become(char *const argv[], int out)
{
	int null = open("/dev/null", O_RDWR);
	sigset_t none;

	/* Not of our group: what a terminal or Slurm sends us is not for it. */
	setsid();
	dup2(null, 0);
	dup2(out, 1);
	dup2(null, 2);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* Slurm's goes down the whole tree of processes; this is about it. */
	signal(SIGTERM, SIG_IGN);
	execvp(argv[0], argv);
	_exit(127);
}

static int start(struct errand *e, char *const argv[])
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	e->used = 0;
	e->output[0] = '\0';
	e->pid = fork();
	if (!e->pid)
		become(argv, fds[1]);
	close(fds[1]);
	if (e->pid < 0) {
		e->pid = 0;
		close(fds[0]);
		return -EAGAIN;
	}
	return fds[0];
}

/* false at the end of its output. */
static bool take(struct errand *e, int fd)
{
	char rest[512];
	size_t room;
	ssize_t n;

	for (;;) {
		room = sizeof(e->output) - 1 - e->used;
		n = room ? read(fd, e->output + e->used, room) :
			   read(fd, rest, sizeof(rest));
		if (n <= 0)
			break;
		if (room)
			e->used += (size_t)n;
		e->output[e->used] = '\0';
	}
	return n < 0 && (errno == EAGAIN || errno == EINTR);
}

/* With what it started; it may not have come to setsid() yet. */
static void kill_all(const struct errand *e)
{
	if (kill(-e->pid, SIGKILL))
		kill(e->pid, SIGKILL);
}

/* Its output has ended, and so has the command, or it will at once. */
static int collect(struct errand *e)
{
	int status = -1;

	while (waitpid(e->pid, &status, 0) < 0 && errno == EINTR)
		;
	e->pid = 0;
	return status;
}

static void readable(struct watch *w, uint32_t events)
{
	struct errand *e = w->arg;
	int status;

	(void)events;
	if (take(e, w->fd))
		return;
	loop_unwatch(e->loop, w);
	close(w->fd);
	status = collect(e);
	e->done(e, status);
}

int errand_start(struct errand *e, struct loop *loop, char *const argv[],
		 struct err *err)
{
	int fd = start(e, argv), rc;

	if (fd < 0)
		return err_set(err, fd, "cannot run %s: %s", argv[0],
			       strerror(-fd));
	e->loop = loop;
	e->watch.cb = readable;
	e->watch.arg = e;
	rc = loop_watch(loop, &e->watch, fd, EPOLLIN, err);
	if (rc) {
		close(fd);
		kill_all(e);
		collect(e);
	}
	return rc;
}

void errand_stop(struct errand *e)
{
	if (!e->pid)
		return;
	loop_unwatch(e->loop, &e->watch);
	close(e->watch.fd);
	kill_all(e);
	collect(e);
}

int errand_run(struct errand *e, char *const argv[], int timeout_ms)
{
	int64_t end_ms = clock_ms() + timeout_ms;
	int fd = start(e, argv), status;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	bool late = false;

	if (fd < 0)
		return fd;
	while (!late && take(e, fd)) {
		int64_t left = end_ms - clock_ms();

		late = left <= 0;
		if (!late)
			poll(&p, 1, (int)left);
	}
	close(fd);
	if (late)
		kill_all(e);
	status = collect(e);
	return late ? -ETIMEDOUT : status;
}
