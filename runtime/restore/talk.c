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

/* Our own memory, opened by ourselves: nobody else may be allowed to (TRAPS,
 * Process 10). */
void talk_mapped(struct work *w)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} room;
	struct control_msg msg;
	struct iovec iov = { .iov_base = &msg,
			     .iov_len = offsetof(struct control_msg, text) };
	struct msghdr mh;
	struct cmsghdr *c = &room.align;
	long fd, n;
	int mem;

	fd = sys_call(SYS_openat, AT_FDCWD, "/proc/self/mem",
		      O_RDWR | O_CLOEXEC);
	if (fd < 0)
		die("rank %u: cannot open its own memory: %s", w->rank,
		    fmt_error((int)fd));
	mem = (int)fd;
	memset(&msg, 0, sizeof(msg));
	memset(&room, 0, sizeof(room));
	memset(&mh, 0, sizeof(mh));
	msg.type = CONTROL_MAPPED;
	msg.epoch = w->epoch;
	msg.peer = (int32_t)w->rank;
	msg.value = (uint64_t)sys_call(SYS_getpid);
	mh.msg_iov = &iov;
	mh.msg_iovlen = 1;
	mh.msg_control = &room;
	mh.msg_controllen = sizeof(room);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(mem));
	memcpy(CMSG_DATA(c), &mem, sizeof(mem));
	n = sys_call(SYS_sendmsg, w->agent_fd, &mh, MSG_NOSIGNAL);
	if (n < 0)
		die("rank %u: cannot reach this node's agent: %s", w->rank,
		    fmt_error((int)n));
	sys_call(SYS_close, fd);
}

void talk_wait_go(struct work *w)
{
	struct control_msg msg;
	long n;

	do {
		memset(&msg, 0, sizeof(msg));
		n = sys_call(SYS_recvfrom, w->agent_fd, &msg, sizeof(msg), 0, 0,
			     0);
	} while (n == -EINTR);
	if (n <= 0)
		die("rank %u: this node's agent ended during the restart",
		    w->rank);
	msg.text[sizeof(msg.text) - 1] = '\0';
	if (msg.type == CONTROL_DENIED)
		die("rank %u: %s", w->rank, msg.text);
	if (msg.type != CONTROL_GO)
		die("rank %u: this node's agent sent message %u during the "
		    "restart; are all of Cairn's parts of one version?",
		    w->rank, msg.type);
}
