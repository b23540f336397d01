/* SPDX-License-Identifier: BSD-3-Clause */
/* twin.c - a copy-on-write copy of this process for the agent to read */
#define _GNU_SOURCE
#include "runtime/process/capture_private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "runtime/base/fmt.h"
#include "runtime/base/sys.h"
#include "runtime/process/private.h"

/*
 * DESIGN
 *
 * The twin is made by a raw clone without an exit signal: the program's wait
 * calls never see it, no atfork handler runs.  Every signal is blocked before,
 * so a signal to the process group runs no handler of the program in it.  It
 * opens its own /proc/self/mem and its maps (also where another process of this
 * user might not: Yama, non-dumpable), passes them to the rank, closes
 * everything but its end of the life line, and waits there for EOF: the agent
 * holds the other end, so when the agent is done, or dies, the twin exits.  It
 * would be the first to go if memory ran out.  (TRAPS, Process 10 and 11.)
 */

/* Twins that were not collected yet. */
#define TWINS_MAX 16
static int twins[TWINS_MAX];

void twin_reap(void)
{
	for (size_t i = 0; i < TWINS_MAX; i++) {
		if (twins[i] &&
		    sys_call(SYS_wait4, twins[i], 0, __WCLONE | WNOHANG, 0))
			twins[i] = 0; /* collected, or not ours any more */
	}
}

bool twin_is(int pid)
{
	for (size_t i = 0; i < TWINS_MAX; i++)
		if (twins[i] == pid)
			return true;
	return false;
}

static void remember(int pid)
{
	twin_reap();
	for (size_t i = 0; i < TWINS_MAX; i++) {
		if (!twins[i]) {
			twins[i] = pid;
			return;
		}
	}
}

/* A process that is not dumpable owns not even its own files in /proc. */
static int open_proc(const char *name)
{
	char path[32];

	fmt_print(path, sizeof(path), "/proc/self/%s", name);
	return (int)sys_call(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
}

static int open_own(struct twin *twin)
{
	long dumpable = sys_call(SYS_prctl, PR_GET_DUMPABLE);

	if (dumpable != 1)
		sys_call(SYS_prctl, PR_SET_DUMPABLE, 1);
	twin->mem = open_proc("mem");
	twin->pagemap = open_proc("pagemap");
	if (dumpable == 0)
		sys_call(SYS_prctl, PR_SET_DUMPABLE, 0);
	return twin->mem < 0	 ? twin->mem :
	       twin->pagemap < 0 ? twin->pagemap :
				   0;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		sys_call(SYS_close, *fd);
	*fd = -1;
}

void twin_close(struct twin *twin)
{
	close_fd(&twin->mem);
	close_fd(&twin->pagemap);
	close_fd(&twin->maps);
	close_fd(&twin->smaps);
	close_fd(&twin->lifeline);
}

/* Four descriptors and a result over the life line. */
#define TWIN_FDS 4
union rights {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(TWIN_FDS * sizeof(int))];
};

static void send_own(int sock, int rc, const struct twin *twin)
{
	const int fds[TWIN_FDS] = { twin->mem, twin->pagemap, twin->maps,
				    twin->smaps };
	struct iovec iov = { .iov_base = &rc, .iov_len = sizeof(rc) };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
	union rights room;
	struct cmsghdr *c;

	memset(&room, 0, sizeof(room));
	if (!rc) {
		mh.msg_control = &room;
		mh.msg_controllen = sizeof(room);
		c = CMSG_FIRSTHDR(&mh);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(fds));
		memcpy(CMSG_DATA(c), fds, sizeof(fds));
	}
	sys_call(SYS_sendmsg, sock, &mh, MSG_NOSIGNAL);
}

static int receive_own(int sock, struct twin *twin)
{
	union rights room;
	int rc = 0;
	struct iovec iov = { .iov_base = &rc, .iov_len = sizeof(rc) };
	struct msghdr mh = { .msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &room,
			     .msg_controllen = sizeof(room) };
	struct cmsghdr *c;
	int fds[TWIN_FDS];
	long n;

	do
		n = sys_call(SYS_recvmsg, sock, &mh, MSG_CMSG_CLOEXEC);
	while (n == -EINTR);
	if (n != sizeof(rc))
		return n < 0 ? (int)n : -ECHILD;
	c = CMSG_FIRSTHDR(&mh);
	if (rc || !c || c->cmsg_len != CMSG_LEN(sizeof(fds)))
		return rc ? rc : -EMFILE;
	memcpy(fds, CMSG_DATA(c), sizeof(fds));
	twin->mem = fds[0];
	twin->pagemap = fds[1];
	twin->maps = fds[2];
	twin->smaps = fds[3];
	return 0;
}

/* Older kernels have no close_range. */
static void close_all_but(int keep)
{
	unsigned int k = (unsigned int)keep;

	if (k && sys_call(SYS_close_range, 0, k - 1, 0) == -ENOSYS) {
		for (int fd = 0; fd < 65536; fd++)
			if (fd != keep)
				sys_call(SYS_close, fd);
		return;
	}
	sys_call(SYS_close_range, k + 1, ~0U, 0);
}

static void oom_first(void)
{
	long fd = sys_call(SYS_openat, AT_FDCWD, "/proc/self/oom_score_adj",
			   O_WRONLY | O_CLOEXEC);

	if (fd >= 0)
		sys_call(SYS_write, fd, "1000", 4);
}

/* All that ever runs in the twin: system calls only. */
static void twin_life(int sock)
{
	struct twin self = TWIN_NONE;
	char byte;
	int rc;

	sys_call(SYS_prctl, PR_SET_NAME, "cairn-twin");
	/* Its memory is a copy: the rank stays as it was. */
	sys_call(SYS_prctl, PR_SET_DUMPABLE, 1);
	rc = open_own(&self);
	self.maps = open_proc("maps");
	self.smaps = open_proc("smaps");
	if (!rc && (self.maps < 0 || self.smaps < 0))
		rc = self.maps < 0 ? self.maps : self.smaps;
	send_own(sock, rc, &self);
	oom_first();
	close_all_but(sock);
	while (sys_call(SYS_read, sock, &byte, 1) == -EINTR)
		;
	sys_call(SYS_exit_group, 0);
}

static long clone_twin(int ends[2])
{
	uint64_t old = mask_all();
	long pid = sys_call(SYS_clone, 0, 0, 0, 0, 0);

	if (!pid) {
		sys_call(SYS_close, ends[0]);
		twin_life(ends[1]);
	}
	mask_restore(old);
	return pid;
}

int twin_make(struct twin *twin, struct err *err)
{
	int ends[2];
	long pid;
	int rc;

	*twin = TWIN_NONE;
	rc = (int)sys_call(SYS_socketpair, AF_UNIX,
			   SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends);
	if (rc)
		return err_set(err, rc, "cannot make the twin's life line: %s",
			       fmt_error(rc));
	pid = clone_twin(ends);
	sys_call(SYS_close, ends[1]);
	twin->lifeline = ends[0];
	if (pid > 0) {
		twin->pid = (int)pid;
		remember(twin->pid);
	}
	rc = pid < 0 ? (int)pid : receive_own(twin->lifeline, twin);
	if (!rc)
		return 0;
	twin_close(twin);
	return err_set(err, rc, "cannot make a twin of this process: %s",
		       fmt_error(rc));
}

int twin_self(struct twin *twin, struct err *err)
{
	int rc;

	*twin = TWIN_NONE;
	twin->pid = (int)sys_call(SYS_getpid);
	rc = open_own(twin);
	if (rc) {
		twin_close(twin);
		return err_set(err, rc,
			       "cannot open this process's own memory: %s",
			       fmt_error(rc));
	}
	return 0;
}
