/* SPDX-License-Identifier: BSD-3-Clause */
/* ranks.c - local ranks, from greeting to end */
#include "runtime/agent/agent.h"

#include "runtime/agent/epoch.h"
#include "runtime/agent/restore.h"
#include "runtime/base/fmt.h"
#include "runtime/base/log.h"
#include "runtime/base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sodium.h>

/*
 * STARTUP    A connection is nothing until its first message has shown the
 *            job's secret: it has GREETING_MS for that, there are at most
 *            GREETINGS_MAX such, and anything else is closed without an answer
 *            (I9).  The answer to a good greeting is the control page.
 * OPERATION  Messages are dispatched by type.  The kernel says who wrote each
 *            (SCM_CREDENTIALS), so a rank's pid is never taken on its word.
 * TEARDOWN   A rank has ended when the process that greeted has (mpiexec's
 *            child); a wrapper's child that was the rank may end before it.
 */
#define GREETING_MS   10000
#define GREETINGS_MAX 256
#define FDS_MAX	      8

/* A connection that has not greeted yet. */
struct greeting {
	struct greeting *next;
	struct agent *agent;
	struct source source;
	int fd;
	uint64_t since_ns;
};

/* What one datagram brought. */
struct delivery {
	struct control_msg msg;
	pid_t pid;
	int fds[FDS_MAX];
	unsigned int nfds;
};

/* --- messages
 * ------------------------------------------------------------------ */

static void delivery_close(struct delivery *d)
{
	while (d->nfds)
		close(d->fds[--d->nfds]);
}

static void delivery_ancillary(struct delivery *d, struct msghdr *header)
{
	struct cmsghdr *c;

	for (c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
		if (c->cmsg_level != SOL_SOCKET)
			continue;
		if (c->cmsg_type == SCM_CREDENTIALS) {
			struct ucred cred;

			memcpy(&cred, CMSG_DATA(c), sizeof(cred));
			if (cred.uid == geteuid())
				d->pid = cred.pid;
		} else if (c->cmsg_type == SCM_RIGHTS) {
			size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

			for (size_t i = 0; i < n; i++) {
				int fd;

				memcpy(&fd, CMSG_DATA(c) + i * sizeof(int),
				       sizeof(fd));
				if (d->nfds < FDS_MAX)
					d->fds[d->nfds++] = fd;
				else
					close(fd);
			}
		}
	}
}

/* 0; -EAGAIN: nothing there; -ECONNRESET: ended; -EPROTO: garbage. */
static int receive(int fd, struct delivery *d)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(struct ucred)) +
			   CMSG_SPACE(FDS_MAX * sizeof(int))];
	} control;
	struct iovec iov = { &d->msg, sizeof(d->msg) };
	struct msghdr header = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	size_t fixed = offsetof(struct control_msg, text);
	ssize_t n;

	memset(d, 0, sizeof(*d));
	n = recvmsg(fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? -EAGAIN :
							   -ECONNRESET;
	if (n == 0)
		return -ECONNRESET;
	delivery_ancillary(d, &header);
	if ((size_t)n < fixed || d->msg.text_len > (size_t)n - fixed ||
	    d->msg.text_len > sizeof(d->msg.text) || d->pid <= 0) {
		delivery_close(d);
		return -EPROTO;
	}
	/* Texts are used as strings. */
	d->msg.text[sizeof(d->msg.text) - 1] = '\0';
	if (d->msg.text_len < sizeof(d->msg.text))
		d->msg.text[d->msg.text_len] = '\0';
	return 0;
}

int rank_send(struct rank *r, const struct control_msg *msg, int fd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec iov = { (void *)msg, sizeof(*msg) };
	struct msghdr header = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (fd >= 0) {
		struct cmsghdr *c = &control.align;

		header.msg_control = &control;
		header.msg_controllen = CMSG_SPACE(sizeof(int));
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	}
	if (sendmsg(r->fd, &header, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return -errno;
	return 0;
}

void rank_deny(struct rank *r, const char *text)
{
	struct control_msg msg = { .type = CONTROL_DENIED };

	fmt_print(msg.text, sizeof(msg.text), "%s", text);
	msg.text_len = (uint32_t)strlen(msg.text);
	rank_send(r, &msg, -1);
}

void rank_changed(struct rank *r)
{
	atomic_fetch_add(&r->page->agent.seq, 1);
	/* Fenced by the addition: the rank's state is read afterwards. */
	sys_call(SYS_futex, &r->page->agent.seq, FUTEX_WAKE, INT_MAX, 0, 0, 0);
}

void rank_prod(struct rank *r)
{
	uint32_t tid = atomic_load(&r->page->rank.leader_tid);

	if (tid && rank_lives(r))
		syscall(SYS_tgkill, rank_pid(r), tid, CONTROL_SIGNAL);
}

/* --- processes
 * ------------------------------------------------------------------ */

static void watched_close(struct agent *agent, struct watched *w)
{
	int fd = w->source.fd;

	if (fd >= 0) {
		source_close(&agent->loop, &w->source);
		close(fd);
	}
	w->pid = 0;
}

static int watched_open(struct rank *r, struct watched *w, pid_t pid,
			void (*cb)(struct source *, uint32_t))
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	int ret;

	w->source.fd = -1;
	if (fd < 0)
		return -errno;
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	ret = source_open(&r->agent->loop, &w->source, fd, EPOLLIN, cb, r);
	if (ret) {
		close(fd);
		return ret;
	}
	w->pid = pid;
	return 0;
}

pid_t rank_pid(const struct rank *r)
{
	return r->process.pid ? r->process.pid : r->base.pid;
}

static void signal_watched(const struct watched *w, int signal)
{
	if (w->pid)
		syscall(SYS_pidfd_send_signal, w->source.fd, signal, NULL, 0);
}

unsigned int ranks_kill(struct agent *agent, int signal)
{
	unsigned int n = 0;

	for (struct rank *r = agent->ranks; r; r = r->next) {
		if (!rank_lives(r))
			continue;
		signal_watched(&r->process, signal);
		signal_watched(&r->base, signal);
		n++;
	}
	return n;
}

/* --- a rank's end
 * ---------------------------------------------------------------- */

static void connection_end(struct rank *r)
{
	if (r->fd < 0)
		return;
	source_close(&r->agent->loop, &r->source);
	close(r->fd);
	r->fd = -1;
}

static void rank_free(struct rank *r)
{
	struct rank **at = &r->agent->ranks;

	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	connection_end(r);
	watched_close(r->agent, &r->base);
	watched_close(r->agent, &r->process);
	munmap(r->page, sizeof(*r->page));
	close(r->page_fd);
	free(r);
}

static void message_all(struct rank *r);

static void base_cb(struct source *source, uint32_t events)
{
	struct rank *r = source->arg;
	struct agent *agent = r->agent;

	(void)events;
	/* Its last words (the exit code) may still wait to be read. */
	message_all(r);
	watched_close(agent, &r->base);
	watched_close(agent, &r->process);
	r->life = RANK_EXITED;
	frontier_leave(agent->frontier, r->world_rank);
	link_rank(agent, r);
	epoch_rank_left(agent->epoch, r);
	connection_end(r);
	link_left(agent);
}

/* The rank was a child of the process that greeted: a wrapper goes on. */
static void process_cb(struct source *source, uint32_t events)
{
	struct rank *r = source->arg;

	(void)events;
	message_all(r);
	watched_close(r->agent, &r->process);
	r->life = RANK_GREETED;
	r->exit_code = -1; /* that was the child's: the wrapper has its own */
	atomic_store(&r->page->rank.state, STATE_STARTING);
	atomic_store(&r->page->rank.leader_tid, 0);
	epoch_rank_left(r->agent->epoch, r);
}

/* --- what a rank says
 * --------------------------------------------------------------- */

static void ready(struct rank *r, const struct delivery *d)
{
	if (d->pid != r->base.pid && d->pid != r->process.pid) {
		watched_close(r->agent, &r->process);
		if (watched_open(r, &r->process, d->pid, process_cb))
			return; /* ended already */
	}
	r->life = RANK_RUNNING;
	link_rank(r->agent, r);
	epoch_rank_ready(r->agent->epoch, r);
}

static void finalized(struct rank *r)
{
	if (r->life != RANK_RUNNING)
		return;
	r->life = RANK_FINALIZED;
	link_rank(r->agent, r);
}

static void dispatch(struct rank *r, struct delivery *d)
{
	const struct control_msg *msg = &d->msg;

	switch (msg->type) {
	case CONTROL_READY:
		ready(r, d);
		break;
	case CONTROL_FINALIZED:
		finalized(r);
		break;
	case CONTROL_EXITING:
		r->exit_code = (int)(msg->value & 0xff);
		break;
	case CONTROL_REQUEST:
		link_send(r->agent,
			  json_pack("{s:s, s:I}", "type", "request", "rank",
				    (json_int_t)r->world_rank));
		break;
	case CONTROL_RESTORE:
		restore_rank(r->agent, r);
		break;
	case CONTROL_MAPPED:
		/* The descriptor is taken over. */
		if (d->nfds)
			restore_fill(r->agent, r, d->fds[--d->nfds]);
		break;
	case CONTROL_RESUMED:
		/* A rank that was restored says no more than this. */
		if (r->life == RANK_GREETED)
			ready(r, d);
		/* fall through */
	default:
		/* Takes over what it uses of the descriptors. */
		d->nfds = epoch_rank_message(r->agent->epoch, r, msg, d->fds,
					     d->nfds);
		break;
	}
	delivery_close(d);
}

/* All that is there.  The connection may end, the rank stays. */
static void message_all(struct rank *r)
{
	struct delivery d;

	while (r->fd >= 0) {
		switch (receive(r->fd, &d)) {
		case 0:
			dispatch(r, &d);
			break;
		case -EPROTO:
			break; /* garbage: dropped without effect */
		case -EAGAIN:
			return;
		default:
			connection_end(r);
			return;
		}
	}
}

static void message_cb(struct source *source, uint32_t events)
{
	(void)events;
	message_all(source->arg);
}

void ranks_drain_messages(struct agent *agent)
{
	for (struct rank *r = agent->ranks; r; r = r->next)
		message_all(r);
}

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

static int page_make(struct rank *r, uint32_t local)
{
	int fd = memfd_create("cairn-control", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -errno;
	r->page_fd = fd;
	if (ftruncate(fd, sizeof(*r->page)) ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
		return -errno;
	r->page = mmap(NULL, sizeof(*r->page), PROT_READ | PROT_WRITE,
		       MAP_SHARED, fd, 0);
	if (r->page == MAP_FAILED) {
		r->page = NULL;
		return -errno;
	}
	r->page->magic = CONTROL_MAGIC;
	r->page->version = CONTROL_VERSION;
	r->page->world_rank = r->world_rank;
	r->page->world_size = r->world_size;
	r->page->local_rank = local >> 16;
	r->page->local_size = local & 0xffff;
	return 0;
}

static void rank_discard(struct rank *r)
{
	if (r->page)
		munmap(r->page, sizeof(*r->page));
	if (r->page_fd >= 0)
		close(r->page_fd);
	watched_close(r->agent, &r->base);
	free(r);
}

/* The greeting was good: make the rank; its connection stays the caller's. */
static struct rank *rank_make(struct agent *agent, const struct delivery *d)
{
	struct rank *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->agent = agent;
	r->fd = r->page_fd = r->source.fd = -1;
	r->base.source.fd = r->process.source.fd = -1;
	r->exit_code = -1;
	r->world_rank = (uint32_t)d->msg.peer;
	r->world_size = (uint32_t)d->msg.gid;
	if (page_make(r, d->msg.epoch) ||
	    watched_open(r, &r->base, d->pid, base_cb) ||
	    frontier_join(agent->frontier, r->world_rank, r->page)) {
		rank_discard(r);
		return NULL;
	}
	r->next = agent->ranks;
	agent->ranks = r;
	return r;
}

struct rank *rank_find(struct agent *agent, uint32_t world_rank)
{
	for (struct rank *r = agent->ranks; r; r = r->next)
		if (r->world_rank == world_rank)
			return r;
	return NULL;
}

/* An older process with this number makes room if it has ended. */
static bool place_is_free(struct agent *agent, uint32_t world_rank)
{
	struct rank *old = rank_find(agent, world_rank);

	if (old && rank_lives(old) && old->base.pid &&
	    !syscall(SYS_pidfd_send_signal, old->base.source.fd, 0, NULL, 0))
		return false;
	if (old && rank_lives(old))
		base_cb(&old->base.source, EPOLLIN);
	if (old)
		rank_free(old);
	return true;
}

static const char *hello_fault(struct agent *agent, const struct delivery *d)
{
	const struct control_msg *msg = &d->msg;

	if (msg->peer < 0 || msg->gid == 0 || msg->gid > INT32_MAX ||
	    (uint64_t)msg->peer >= msg->gid)
		return "a rank must have a number below the number of ranks";
	if (!place_is_free(agent, (uint32_t)msg->peer))
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
	struct control_msg msg = { .type = CONTROL_WELCOME };
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
	r->fd = fd;
	if (source_open(&agent->loop, &r->source, fd, EPOLLIN, message_cb, r) ||
	    rank_send(r, &msg, r->page_fd)) {
		connection_end(r);
		return;
	}
	epoch_rank_came(agent->epoch, r);
}

static void greeting_cb(struct source *source, uint32_t events)
{
	struct greeting *g = source->arg;
	struct agent *agent = g->agent;
	struct delivery d;
	int fd = g->fd;
	int ret = receive(fd, &d);

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
	while (agent->ranks)
		rank_free(agent->ranks);
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
