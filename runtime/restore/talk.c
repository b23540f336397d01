/* SPDX-License-Identifier: BSD-3-Clause */
/* talk.c - the restorer and its node's agent */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

#include "runtime/base/control.h"
#include "runtime/base/fmt.h"
#include "runtime/base/sys.h"
#include "runtime/restore/pie.h"

/* Room for one descriptor that goes along with a message. */
union one_fd {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(int))];
};

/* A message, with a descriptor or -1. */
static void say(const struct work *w, struct control_msg *msg, int fd)
{
	union one_fd room;
	struct iovec iov = { .iov_base = msg,
			     .iov_len = offsetof(struct control_msg, text) };
	struct msghdr mh;
	struct cmsghdr *c = &room.align;
	long n;

	memset(&room, 0, sizeof(room));
	memset(&mh, 0, sizeof(mh));
	msg->epoch = w->epoch;
	msg->peer = (int32_t)w->rank;
	mh.msg_iov = &iov;
	mh.msg_iovlen = 1;
	if (fd >= 0) {
		mh.msg_control = &room;
		mh.msg_controllen = sizeof(room);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	}
	n = sys_call(SYS_sendmsg, w->agent_fd, &mh, MSG_NOSIGNAL);
	if (n < 0)
		die("rank %u: cannot reach this node's agent: %s", w->rank,
		    fmt_error((int)n));
}

/* The agent's answer, which must be of this type; gives its descriptor, or -1.
 */
static int hear(const struct work *w, uint32_t type)
{
	struct control_msg msg;
	union one_fd room;
	struct iovec iov = { .iov_base = &msg, .iov_len = sizeof(msg) };
	struct msghdr mh;
	const struct cmsghdr *c = &room.align;
	int fd = -1;
	long n;

	do {
		memset(&msg, 0, sizeof(msg));
		memset(&room, 0, sizeof(room));
		memset(&mh, 0, sizeof(mh));
		mh.msg_iov = &iov;
		mh.msg_iovlen = 1;
		mh.msg_control = &room;
		mh.msg_controllen = sizeof(room);
		n = sys_call(SYS_recvmsg, w->agent_fd, &mh, MSG_CMSG_CLOEXEC);
	} while (n == -EINTR);
	if (n <= 0)
		die("rank %u: this node's agent ended during the restart",
		    w->rank);
	msg.text[sizeof(msg.text) - 1] = '\0';
	if (msg.type == CONTROL_DENIED)
		die("rank %u: %s", w->rank, msg.text);
	if (msg.type != type)
		die("rank %u: this node's agent sent message %u during the "
		    "restart; are all of Cairn's parts of one version?",
		    w->rank, msg.type);
	if (mh.msg_controllen >= CMSG_LEN(sizeof(fd)) &&
	    c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	return fd;
}

int talk_object(const struct work *w, uint64_t dev, uint64_t ino)
{
	struct control_msg msg;
	int fd;

	memset(&msg, 0, sizeof(msg));
	msg.type = CONTROL_OBJECT;
	msg.gid = dev;
	msg.value = ino;
	say(w, &msg, -1);
	fd = hear(w, CONTROL_OBJECT);
	if (fd < 0)
		die("rank %u: has no descriptor left for shared memory; raise "
		    "the limit of open files (ulimit -n)",
		    w->rank);
	return fd;
}

/* Our own memory, opened by ourselves: nobody else may be allowed to (TRAPS,
 * Process 10). */
void talk_mapped(const struct work *w)
{
	struct control_msg msg;
	long fd = sys_call(SYS_openat, AT_FDCWD, "/proc/self/mem",
			   O_RDWR | O_CLOEXEC);

	if (fd < 0)
		die("rank %u: cannot open its own memory: %s", w->rank,
		    fmt_error((int)fd));
	memset(&msg, 0, sizeof(msg));
	msg.type = CONTROL_MAPPED;
	msg.value = (uint64_t)sys_call(SYS_getpid);
	say(w, &msg, (int)fd);
	sys_call(SYS_close, fd);
}

void talk_wait_go(const struct work *w)
{
	hear(w, CONTROL_GO);
}
