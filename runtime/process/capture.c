/* SPDX-License-Identifier: BSD-3-Clause */
/* capture.c - hand this process's memory to the agent */
#define _GNU_SOURCE
#define LOG_PREFIX "capture: "
#include "runtime/process/capture_private.h"

#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "runtime/base/fmt.h"
#include "runtime/base/log.h"
#include "runtime/base/sys.h"
#include "runtime/process/pending.h"
#include "runtime/process/private.h"

/* sheet, mem and pagemap of the twin, life line, its smaps, mem and pagemap of
 * the rank */
#define CAPTURED_FDS 7

/* A timer that runs out becomes a signal that waits: it must be noted as one or
 * the other.  Some rounds at most: one of microseconds never lets us. */
static int record_signals(struct thread *leader, struct err *err)
{
	int rc = 0;

	for (int i = 0; i < 8; i++) {
		pending_take(leader);
		rc = timers_record(err);
		if (rc || !pending_more())
			break;
	}
	return rc;
}

static int record_all(struct thread *leader, struct err *err)
{
	int rc = mutexes_check(err);

	if (!rc)
		rc = files_record(err);
	if (!rc)
		rc = attributes_record(err);
	if (!rc)
		rc = record_signals(leader, err);
	return rc;
}

static int send_captured(const struct control_page *page, int pid,
			 uint64_t delta, const int *fds, size_t nfds,
			 struct err *err)
{
	struct control_msg msg = { .type = CONTROL_CAPTURED };
	struct iovec iov = { .iov_base = &msg,
			     .iov_len = offsetof(struct control_msg, text) };
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(CAPTURED_FDS * sizeof(int))];
	} room;
	struct msghdr mh = { .msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &room,
			     .msg_controllen = CMSG_SPACE(nfds * sizeof(int)) };
	struct cmsghdr *c;
	long n;

	memset(&room, 0, sizeof(room));
	msg.epoch = page->agent.epoch;
	msg.peer = (int32_t)page->world_rank;
	msg.value = (uint64_t)pid;
	msg.gid = delta;
	c = CMSG_FIRSTHDR(&mh);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(nfds * sizeof(int));
	memcpy(CMSG_DATA(c), fds, nfds * sizeof(int));
	do
		n = sys_call(SYS_sendmsg, process_link.agent_fd, &mh,
			     MSG_NOSIGNAL);
	while (n == -EINTR);
	return n < 0 ? err_set(err, (int)n,
			       "cannot pass its memory to this node's agent: "
			       "%s",
			       fmt_error((int)n)) :
		       0;
}

static bool agent_is_gone(void)
{
	struct pollfd p = { .fd = process_link.agent_fd, .events = 0 };
	struct timespec now = { 0, 0 };

	return sys_call(SYS_ppoll, &p, 1, &now, 0, 8) > 0 &&
	       p.revents & (POLLHUP | POLLERR | POLLNVAL);
}

/* While the agent reads this very memory nothing of the program's may change:
 * only this frame and those below it do. */
static void wait_for_release(struct control_page *page)
{
	/* The futex tells of a new command; an agent that dies tells nothing
	 * there, so its socket is looked at now and then. */
	const struct timespec now_and_then = { 0, 200000000 };

	for (;;) {
		uint32_t seq = page->agent.seq;
		uint32_t cmd = page->agent.cmd;

		if (cmd != CMD_CAPTURE || agent_is_gone())
			return;
		sys_call(SYS_futex, &page->agent.seq, FUTEX_WAIT, seq,
			 &now_and_then, 0, 0);
	}
}

/* What the agent gets for a twin; its smaps only if the flags are still to be
 * had. */
static int send_twin(struct control_page *page, const struct sheet_writer *w,
		     const struct twin *twin, const struct twin *self,
		     bool flags_later, struct err *err)
{
	int fds[CAPTURED_FDS];
	size_t n = 0;

	fds[n++] = w->fd;
	fds[n++] = twin->mem;
	fds[n++] = twin->pagemap;
	fds[n++] = twin->lifeline;
	if (flags_later)
		fds[n++] = twin->smaps;
	if (self) {
		fds[n++] = self->mem;
		fds[n++] = self->pagemap;
	}
	return send_captured(page, twin->pid, w->delta, fds, n, err);
}

static int capture_by_twin(struct control_page *page, struct sheet_writer *w,
			   struct twin *twin, struct err *err)
{
	bool flags_later = false, from_rank;
	struct twin self;
	int rc = twin_self(&self, err);

	if (!rc && !w->doubtful) {
		flags_later = sheet_probe(w, twin, &self);
		if (!flags_later)
			rc = sheet_flags(w, err);
	}
	from_rank = sheet_is_from_rank(w);
	track_end(w);
	if (!rc)
		rc = sheet_seal(w, err);
	if (!rc)
		rc = send_twin(page, w, twin, from_rank ? &self : NULL,
			       flags_later, err);
	twin_close(&self);
	return rc;
}

static int capture_in_place(struct control_page *page, struct sheet_writer *w,
			    struct err *err)
{
	struct twin self;
	int fds[3];
	int rc = w->doubtful ? 0 : sheet_flags(w, err);

	track_end(w);
	if (!rc)
		rc = sheet_seal(w, err);
	if (!rc)
		rc = twin_self(&self, err);
	if (rc)
		return rc;
	fds[0] = w->fd;
	fds[1] = self.mem;
	fds[2] = self.pagemap;
	rc = send_captured(page, self.pid, w->delta, fds, 3, err);
	twin_close(&self);
	if (!rc)
		wait_for_release(page);
	return rc;
}

static void nothing(struct thread *t)
{
	(void)t;
}

/* Another process, made by resume_entry(): what needs its threads' numbers. */
static int come_back(struct thread *self)
{
	struct err err;

	park_each(self, nothing);
	if (timers_resume(&err)) {
		log_err("%s", err.text);
		sys_call(SYS_exit_group, 1);
	}
	return 1;
}

static int capture(struct control_page *page, bool stop, struct err *err)
{
	struct thread *self = thread_here();
	struct sheet_writer w;
	struct twin twin = TWIN_NONE;
	int rc;

	twin_reap();
	if (!self)
		return err_set(err, -ESRCH, "the leader is not known");
	rc = record_all(self, err);
	if (rc)
		return rc;
	thread_record(self);
	if (context_save(&self->regs))
		return come_back(self);
	rc = sheet_write(&w, page, err);
	if (rc)
		return rc;
	/* What may have to be refused is looked at before anything is sent. */
	if (w.doubtful)
		rc = sheet_flags(&w, err);
	if (!rc) {
		track_begin(&w, page->agent.epoch, page->agent.track);
		rc = stop ? -ENOMEM : twin_make(&twin, err);
	}
	if (!rc) {
		rc = capture_by_twin(page, &w, &twin, err);
	} else if (rc == -ENOMEM) {
		if (!stop)
			log_info("no memory for a twin: the rank waits while "
				 "its memory is read");
		rc = capture_in_place(page, &w, err);
	}
	twin_close(&twin);
	sheet_close(&w);
	return rc;
}

int capture_rank(struct control_page *page, bool stop, struct err *err)
{
	int rc = capture(page, stop, err);

	pending_give(thread_here(), rc > 0);
	return rc < 0 ? err_prefix(err, rc, "rank %u", page->world_rank) : rc;
}
