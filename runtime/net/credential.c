/* SPDX-License-Identifier: BSD-3-Clause */
/* credential.c - MUNGE's word about whose process this is */
#include "runtime/net/credential.h"

#include "runtime/base/where.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * libmunge's calls block, for many seconds if munged is stopped, and nothing
 * ends them.  So they are made in a program (munge.c), which ends itself in
 * time and can be killed: cairnrun's one thread goes on with its other peers.
 * And only that program needs libmunge: all else is built, and runs, where
 * there is none.
 */

static int find_program(char *path, size_t size, struct err *err)
{
	if (where_find("cairn-munge", path, size, NULL))
		return err_set(err, -ENOKEY,
			       "this Cairn was built without MUNGE; build it "
			       "where libmunge is, or use --auth secret");
	return 0;
}

static int spawn(struct credential *c, const char *path, char *verb, int in,
		 int out)
{
	char *argv[] = { (char *)"cairn-munge", verb, NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int rc;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in, 0);
	posix_spawn_file_actions_adddup2(&actions, out, 1);
	posix_spawnattr_init(&attr);
	/* Not of our group: what a terminal sends us is not for it. */
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID |
						POSIX_SPAWN_SETSIGMASK |
						POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	rc = posix_spawn(&c->pid, path, &actions, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	if (rc)
		c->pid = 0;
	return -rc;
}

/* A pipe that holds the text already: nobody waits for its reader. */
static int pipe_with(const char *text, size_t len, int fds[2])
{
	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK))
		return -errno;
	if (write(fds[1], text, len) == (ssize_t)len)
		return 0;
	close(fds[0]);
	close(fds[1]);
	return -EIO;
}

static int start(struct credential *c, char *verb, const char *text, size_t len,
		 struct err *err)
{
	char path[PATH_MAX];
	int in[2], out[2], rc;

	credential_stop(c);
	rc = find_program(path, sizeof(path), err);
	if (rc)
		return rc;
	rc = pipe_with(text, len, in);
	if (rc)
		return err_set(err, -ENOKEY, "no pipe for cairn-munge: %s",
			       strerror(-rc));
	if (pipe2(out, O_CLOEXEC)) {
		rc = -errno;
		close(in[0]);
		close(in[1]);
		return err_set(err, -ENOKEY, "no pipe for cairn-munge: %s",
			       strerror(-rc));
	}
	fcntl(in[0], F_SETFL, 0);
	fcntl(out[0], F_SETFL, O_NONBLOCK);
	rc = spawn(c, path, verb, in[0], out[1]);
	close(in[0]);
	close(in[1]);
	close(out[1]);
	if (rc) {
		close(out[0]);
		return err_set(err, -ENOKEY, "cannot run %s: %s", path,
			       strerror(-rc));
	}
	c->fd = out[0];
	return 0;
}

static size_t put_payload(char *text, const unsigned char *payload)
{
	sodium_bin2hex(text, 2 * CREDENTIAL_PAYLOAD_SIZE + 1, payload,
		       CREDENTIAL_PAYLOAD_SIZE);
	return 2 * CREDENTIAL_PAYLOAD_SIZE;
}

int credential_make(struct credential *c, const unsigned char *payload,
		    struct err *err)
{
	char text[2 * CREDENTIAL_PAYLOAD_SIZE + 1];

	return start(c, (char *)"make", text, put_payload(text, payload), err);
}

int credential_check(struct credential *c, const unsigned char *payload,
		     const char *credential, struct err *err)
{
	char text[2 * CREDENTIAL_PAYLOAD_SIZE + 1 + CREDENTIAL_MAX];
	size_t len = put_payload(text, payload), more = strlen(credential);

	if (more >= CREDENTIAL_MAX)
		return err_set(err, -EKEYREJECTED,
			       "a MUNGE credential of %zu bytes was refused",
			       more);
	text[len++] = '\n';
	memcpy(text + len, credential, more);
	return start(c, (char *)"check", text, len + more, err);
}

/* -EAGAIN: there is more to come. */
static int take(struct credential *c)
{
	ssize_t n;

	do {
		size_t room = sizeof(c->output) - 1 - c->used;

		n = read(c->fd, c->output + c->used, room);
		if (n > 0)
			c->used += (size_t)n;
	} while (n > 0 || (n < 0 && errno == EINTR));
	c->output[c->used] = '\0';
	return n < 0 && errno == EAGAIN ? -EAGAIN : 0;
}

static int collect(struct credential *c)
{
	int status = -1;

	while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
		;
	c->pid = 0;
	return status;
}

int credential_result(struct credential *c, struct err *err)
{
	int status, rc = take(c);

	if (rc)
		return rc;
	/* Its output has ended, and so has it, or it will at once. */
	status = collect(c);
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return 0;
	if (!WIFEXITED(status) || !c->used)
		return err_set(err, -ENOKEY,
			       "cairn-munge has failed on this node (status "
			       "%d); is libmunge installed here?",
			       status);
	return err_set(err, WEXITSTATUS(status) == 1 ? -EKEYREJECTED : -ENOKEY,
		       "%s", c->output);
}

void credential_stop(struct credential *c)
{
	if (c->pid) {
		kill(c->pid, SIGKILL);
		collect(c);
	}
	if (c->fd > 0)
		close(c->fd);
	sodium_memzero(c, sizeof(*c));
}

static int wait_for(struct credential *c, struct err *err)
{
	struct pollfd p = { .fd = c->fd, .events = POLLIN };
	int rc;

	/* cairn-munge ends itself in time. */
	while ((rc = credential_result(c, err)) == -EAGAIN)
		poll(&p, 1, -1);
	return rc;
}

int credential_try(struct err *err)
{
	unsigned char payload[CREDENTIAL_PAYLOAD_SIZE];
	struct credential made = { .pid = 0 }, checked = { .pid = 0 };
	int rc;

	randombytes_buf(payload, sizeof(payload));
	rc = credential_make(&made, payload, err);
	if (!rc)
		rc = wait_for(&made, err);
	if (!rc)
		rc = credential_check(&checked, payload, made.output, err);
	if (!rc)
		rc = wait_for(&checked, err);
	credential_stop(&made);
	credential_stop(&checked);
	return rc;
}
