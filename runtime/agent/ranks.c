/* SPDX-License-Identifier: BSD-3-Clause */
/* ranks.c - local ranks, from greeting to end */
#include "runtime/agent/ranks_private.h"

#include "runtime/agent/epoch.h"
#include "runtime/agent/fault.h"
#include "runtime/agent/restore.h"
#include "runtime/base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

/*
 * OPERATION  Messages (message.c) are dispatched by type.
 * TEARDOWN   A rank has ended when the process that greeted has (mpiexec's
 *            child); a wrapper's child that was the rank may end before it.
 *
 * How it greets: greeting.c.
 */

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
	if (r->agent->restore)
		fault_point(FAULT_REBUILT);
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
	case CONTROL_TERM:
		link_send(r->agent,
			  json_pack("{s:s, s:I}", "type", "term", "rank",
				    (json_int_t)r->world_rank));
		break;
	case CONTROL_RESTORE:
		restore_rank(r->agent, r);
		break;
	case CONTROL_OBJECT:
		restore_object(r->agent, r, msg);
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
		switch (delivery_receive(r->fd, &d)) {
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

/* --- a rank's beginning
 * ---------------------------------------------------------------- */

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
struct rank *rank_make(struct agent *agent, const struct delivery *d)
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
bool rank_place_is_free(struct agent *agent, uint32_t world_rank)
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

int rank_connect(struct rank *r, int fd)
{
	const struct control_msg msg = { .type = CONTROL_WELCOME };

	r->fd = fd;
	if (source_open(&r->agent->loop, &r->source, fd, EPOLLIN, message_cb,
			r) ||
	    rank_send(r, &msg, r->page_fd)) {
		connection_end(r);
		return -ECONNRESET;
	}
	return 0;
}

void ranks_free(struct agent *agent)
{
	while (agent->ranks)
		rank_free(agent->ranks);
}
