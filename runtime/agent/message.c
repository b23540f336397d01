/* SPDX-License-Identifier: BSD-3-Clause */
/* message.c - one datagram of a local rank, in and out */
#include "runtime/agent/ranks_private.h"

#include "runtime/base/fmt.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The kernel says who wrote each (SCM_CREDENTIALS), so a rank's pid is never
 * taken on its word. */

void delivery_close(struct delivery *d)
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

int delivery_receive(int fd, struct delivery *d)
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
