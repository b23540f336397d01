/* SPDX-License-Identifier: BSD-3-Clause */
/* mover.c - one file to or from another node: a cairn-fabric that runs */
#include "runtime/agent/mover.h"

#include "runtime/base/fmt.h"
#include "runtime/base/where.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <signal.h>
#include <sodium.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#define FILE_FD 3 /* runtime/fabric/program.c */

struct mover {
	struct loop *loop;
	const struct mover_ops *ops;
	void *arg;
	pid_t pid;
	int output;
	struct source source; /* of its output */
	bool over;	      /* that was told */
	size_t used;
	char line[1024];
};

/* --- starting
 * ------------------------------------------------------------------ */

static char *request_text(const struct mover_order *o)
{
	json_t *j = json_pack("{s:s, s:I, s:i}", "key", o->key, "bytes",
			      (json_int_t)o->bytes, "limit_ms", o->limit_ms);
	char *text;

	if (o->provider)
		json_object_set_new(j, "provider", json_string(o->provider));
	if (o->source)
		json_object_set_new(j, "source", json_string(o->source));
	if (o->peer)
		json_object_set_new(j, "peer", json_string(o->peer));
	text = json_dumps(j, JSON_COMPACT);
	json_decref(j);
	return text;
}

/* A pipe that holds the request already: nobody waits for its reader. */
static int pipe_with(const struct mover_order *o, int *fd)
{
	char *text = request_text(o);
	size_t len = text ? strlen(text) : 0;
	int fds[2], rc = 0;

	if (!text || pipe2(fds, O_CLOEXEC | O_NONBLOCK)) {
		rc = text ? -errno : -ENOMEM;
		free(text);
		return rc;
	}
	if (write(fds[1], text, len) != (ssize_t)len)
		rc = -EIO;
	sodium_memzero(text, len);
	free(text);
	close(fds[1]);
	if (rc) {
		close(fds[0]);
		return rc;
	}
	fcntl(fds[0], F_SETFL, 0);
	*fd = fds[0];
	return 0;
}

static int spawn(struct mover *m, const char *path, int in, int out, int file)
{
	char *argv[] = { (char *)"cairn-fabric", NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int rc;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in, 0);
	posix_spawn_file_actions_adddup2(&actions, out, 1);
	posix_spawn_file_actions_adddup2(&actions, file, FILE_FD);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK |
						POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	rc = posix_spawn(&m->pid, path, &actions, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	if (rc)
		m->pid = 0;
	return -rc;
}

/* Above what the child is to have there: else its place could be taken before
 * it is copied, or stay close-on-exec. */
static int raise_fd(int *fd)
{
	int high = fcntl(*fd, F_DUPFD_CLOEXEC, FILE_FD + 1);

	if (high < 0)
		return -errno;
	*fd = high;
	return 0;
}

static int run(struct mover *m, const char *path, const struct mover_order *o,
	       int *output)
{
	int in = -1, out[2], file = o->fd, rc = pipe_with(o, &in);

	if (rc)
		return rc;
	rc = raise_fd(&file);
	if (rc) {
		close(in);
		return rc;
	}
	if (pipe2(out, O_CLOEXEC)) {
		rc = -errno;
	} else {
		fcntl(out[0], F_SETFL, O_NONBLOCK);
		rc = spawn(m, path, in, out[1], file);
		close(out[1]);
		if (rc)
			close(out[0]);
		else
			*output = out[0];
	}
	close(file);
	close(in);
	return rc;
}

/* --- what it says
 * -------------------------------------------------------------- */

static void tell_end(struct mover *m, int code, const char *text)
{
	if (m->over)
		return;
	m->over = true;
	source_close(m->loop, &m->source);
	m->ops->ended(m->arg, code, text);
}

static void line_came(struct mover *m, char *line)
{
	char *end;
	long code;

	if (!strncmp(line, "address ", 8)) {
		m->ops->address(m->arg, line + 8);
	} else if (!strcmp(line, "done")) {
		tell_end(m, 0, "");
	} else if (!strncmp(line, "failed ", 7)) {
		code = strtol(line + 7, &end, 10);
		tell_end(m, code > 0 && code < 4096 ? -(int)code : -EIO,
			 *end == ' ' ? end + 1 : end);
	}
}

static void output_came(struct source *source, uint32_t events)
{
	struct mover *m = source->arg;
	ssize_t n = read(source->fd, m->line + m->used,
			 sizeof(m->line) - 1 - m->used);
	char *newline, line[sizeof(m->line)];

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 || m->used + (size_t)n >= sizeof(m->line) - 1) {
		tell_end(m, -EIO, "cairn-fabric ended without a word");
		return;
	}
	m->used += (size_t)n;
	m->line[m->used] = '\0';
	newline = strchr(m->line, '\n');
	if (!newline)
		return;
	/* After the last word m may be gone. */
	while (newline) {
		size_t len = (size_t)(newline - m->line);
		bool last = !strncmp(m->line, "done", 4) ||
			    !strncmp(m->line, "failed", 6);

		memcpy(line, m->line, len);
		line[len] = '\0';
		m->used -= len + 1;
		memmove(m->line, newline + 1, m->used + 1);
		line_came(m, line);
		if (last)
			return;
		newline = strchr(m->line, '\n');
	}
}

/* --- life
 * ---------------------------------------------------------------------- */

int mover_start(struct loop *loop, const struct mover_order *order,
		const struct mover_ops *ops, void *arg, struct mover **mover,
		struct err *err)
{
	char path[PATH_MAX];
	struct mover *m;
	int rc;

	if (where_find("cairn-fabric", path, sizeof(path), NULL))
		return err_set(err, -ENOPKG,
			       "this Cairn was built without libfabric");
	m = calloc(1, sizeof(*m));
	if (!m)
		return err_set(err, -ENOMEM, "the agent has no memory left");
	m->loop = loop;
	m->ops = ops;
	m->arg = arg;
	m->source.fd = m->output = -1;
	rc = run(m, path, order, &m->output);
	if (!rc)
		rc = source_open(loop, &m->source, m->output, EPOLLIN,
				 output_came, m);
	if (rc) {
		mover_stop(m);
		return err_set(err, rc, "cannot run %s: %s", path,
			       fmt_error(rc));
	}
	*mover = m;
	return 0;
}

void mover_stop(struct mover *m)
{
	if (!m)
		return;
	source_close(m->loop, &m->source);
	if (m->output >= 0)
		close(m->output);
	if (m->pid > 0) {
		kill(m->pid, SIGKILL);
		waitpid(m->pid, NULL, 0);
	}
	free(m);
}
