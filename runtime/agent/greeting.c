/* SPDX-License-Identifier: BSD-3-Clause */
/* greeting.c - where ranks come in: the socket, and who may pass */
#include "runtime/agent/ranks_private.h"

#include "runtime/agent/epoch.h"
#include "runtime/base/fmt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <sodium.h>

/*
 * STARTUP    A connection is nothing until its first message has shown the
 *            job's secret: it has GREETING_MS for that, there are at most
 *            GREETINGS_MAX such, and anything else is closed without an answer
 *            (I9).  The answer to a good greeting is the control page.
 */
#define GREETING_MS   10000
#define GREETINGS_MAX 256

/* A connection that has not greeted yet. */
struct greeting {
	struct greeting *next;
	struct agent *agent;
	struct source source;
	int fd;
	uint64_t since_ns;
};

/* --- greetings
 * -------------------------------------------------------------------- */

static void greeting_free(struct greeting *g)
{
	struct greeting **at = &g->agent->greetings;

	while (*at != g)
		at = &(*at)->next;
	*at = g->next;
	g->agent->ngreetings--;
	source_close(&g->agent->loop, &g->source);
	if (g->fd >= 0)
		close(g->fd);
	free(g);
}

static const char *hello_fault(struct agent *agent, const struct delivery *d)
{
	const struct control_msg *msg = &d->msg;

	if (msg->peer < 0 || msg->gid == 0 || msg->gid > INT32_MAX ||
	    (uint64_t)msg->peer >= msg->gid)
		return "a rank must have a number below the number of ranks";
	if (!rank_place_is_free(agent, (uint32_t)msg->peer))
		return "this rank is running on this node already";
	return NULL;
}

static bool secret_matches(const struct agent *agent, const struct delivery *d)
{
	size_t n = sizeof(agent->secret) - 1;

	return d->msg.type == CONTROL_HELLO && d->msg.text_len == n &&
	       !sodium_memcmp(d->msg.text, agent->secret, n);
}

static void welcome(struct agent *agent, int fd, const struct delivery *d)
{
	const char *fault = hello_fault(agent, d);
	struct rank *r = fault ? NULL : rank_make(agent, d);

	if (!r) {
		struct rank nobody = { .fd = fd };

		rank_deny(&nobody, fault ? fault :
					   "the agent has no memory or "
					   "descriptors left for this rank");
		close(fd);
		return;
	}
	if (!rank_connect(r, fd))
		epoch_rank_came(agent->epoch, r);
}

static void greeting_cb(struct source *source, uint32_t events)
{
	struct greeting *g = source->arg;
	struct agent *agent = g->agent;
	struct delivery d;
	int fd = g->fd;
	int ret = delivery_receive(fd, &d);

	(void)events;
	if (ret == -EAGAIN)
		return;
	if (ret || !secret_matches(agent, &d)) {
		if (!ret)
			delivery_close(&d);
		greeting_free(g);
		return;
	}
	g->fd = -1;
	source_close(&agent->loop, &g->source);
	greeting_free(g);
	welcome(agent, fd, &d);
	delivery_close(&d);
	sodium_memzero(&d, sizeof(d));
}

static void greeting_timer_cb(struct timer *timer)
{
	struct agent *agent = timer->arg;
	uint64_t now = now_ns();
	struct greeting *g = agent->greetings, *next;

	for (; g; g = next) {
		next = g->next;
		if (now - g->since_ns >= GREETING_MS * 1000000ull)
			greeting_free(g);
	}
	if (agent->greetings)
		timer_set(timer, GREETING_MS);
}

static bool peer_is_ours(int fd)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) &&
	       cred.uid == geteuid();
}

static void accept_cb(struct source *source, uint32_t events)
{
	struct agent *agent = source->arg;
	int fd = accept4(source->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct greeting *g;

	(void)events;
	if (fd < 0)
		return;
	if (!peer_is_ours(fd) || agent->ngreetings >= GREETINGS_MAX)
		goto drop;
	g = calloc(1, sizeof(*g));
	if (!g)
		goto drop;
	g->agent = agent;
	g->fd = fd;
	g->since_ns = now_ns();
	if (source_open(&agent->loop, &g->source, fd, EPOLLIN, greeting_cb,
			g)) {
		free(g);
		goto drop;
	}
	if (!agent->greetings)
		timer_set(&agent->greeting_timer, GREETING_MS);
	g->next = agent->greetings;
	agent->greetings = g;
	agent->ngreetings++;
	return;
drop:
	close(fd);
}

/* --- the socket
 * -------------------------------------------------------------------- */

/* The folder that holds the socket keeps strangers away: 0700 and ours. */
static int folder_make(const char *path, int *folder, struct err *err)
{
	char dir[sizeof(((struct agent *)NULL)->socket_path)];
	struct stat st;
	char *slash;

	strcpy(dir, path);
	slash = strrchr(dir, '/');
	if (!slash || slash == dir)
		return err_set(err, -EINVAL,
			       "CAIRN_AGENT is \"%s\"; it must be a socket's "
			       "path in a folder of its own",
			       path);
	*slash = '\0';
	if (mkdir(dir, 0700) && errno != EEXIST)
		return err_set(err, -errno,
			       "cannot make the folder %s for the agent's "
			       "socket: %s",
			       dir, fmt_error(errno));
	if (lstat(dir, &st) || !S_ISDIR(st.st_mode) || st.st_uid != geteuid() ||
	    (st.st_mode & 077))
		return err_set(err, -EPERM,
			       "%s must be a folder of your own with mode 0700",
			       dir);
	*folder = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*folder < 0)
		return err_set(err, -errno, "cannot open %s: %s", dir,
			       fmt_error(errno));
	/* A cairnrun removes folders that nobody has locked: this one stays
	 * while we live, even if our own cairnrun does not. */
	flock(*folder, LOCK_SH);
	return 0;
}

int ranks_listen(struct agent *agent, struct err *err)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	int one = 1, ret;
	int fd;

	agent->listener.fd = -1;
	agent->folder = -1;
	ret = folder_make(agent->socket_path, &agent->folder, err);
	if (ret)
		return ret;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_set(err, -errno, "socket: %s", fmt_error(errno));
	/* Bound under another name first: whoever finds the socket under its
	 * name can connect to it. */
	snprintf(name.sun_path, sizeof(name.sun_path), "%.*s.%d",
		 (int)sizeof(name.sun_path) - 13, agent->socket_path,
		 (int)getpid());
	unlink(name.sun_path);
	/* Passed on to accepted connections: each message says who sent it. */
	setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&name, sizeof(name)) ||
	    listen(fd, 4096) || rename(name.sun_path, agent->socket_path)) {
		ret = -errno;
		unlink(name.sun_path);
		close(fd);
		return err_set(err, ret, "cannot listen at %s: %s",
			       agent->socket_path, fmt_error(ret));
	}
	agent->listener.fd = fd;
	return 0;
}

int ranks_watch(struct agent *agent, struct err *err)
{
	int ret = timer_open(&agent->loop, &agent->greeting_timer,
			     greeting_timer_cb, agent);

	if (!ret)
		ret = source_open(&agent->loop, &agent->listener,
				  agent->listener.fd, EPOLLIN, accept_cb,
				  agent);
	if (ret)
		return err_set(err, ret, "agent: cannot watch its socket: %s",
			       fmt_error(ret));
	return 0;
}

void ranks_fini(struct agent *agent)
{
	char lock[sizeof(agent->socket_path) + 8];
	char *slash;
	int fd = agent->listener.fd;

	while (agent->greetings)
		greeting_free(agent->greetings);
	ranks_free(agent);
	timer_close(&agent->loop, &agent->greeting_timer);
	if (fd < 0)
		return;
	source_close(&agent->loop, &agent->listener);
	close(fd);
	unlink(agent->socket_path);
	/* cairn-rank's.  On another node than cairnrun's, or if that was
	 * killed, nobody else removes the folder. */
	snprintf(lock, sizeof(lock), "%s.lock", agent->socket_path);
	unlink(lock);
	slash = strrchr(agent->socket_path, '/');
	*slash = '\0';
	rmdir(agent->socket_path);
	*slash = '/';
	close(agent->folder);
}
