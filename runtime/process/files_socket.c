/* SPDX-License-Identifier: BSD-3-Clause */
/* files_socket.c - socket pairs whose ends are all in this process */
#define _GNU_SOURCE
#include "runtime/process/files.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "runtime/base/fmt.h"
#include "runtime/base/sys.h"
#include "runtime/process/process.h"

/*
 * DESIGN
 *
 * What pipes are to a shell, socketpair() is to an event loop: it wakes itself
 * through one.  Which socket is the other end only sock_diag tells (for ss), by
 * inode, together with what was shut down.  What waits in a socket is peeked
 * at, so the process that goes on finds it there; it is kept as messages, each
 * with its length before it.  A restart makes a new pair, sends the messages
 * again from the other end, and shuts down or closes what was.
 *
 * Anything that has a name, an end in another process, or descriptors under way
 * is refused.
 */

/* The kernel's RCV_SHUTDOWN and SEND_SHUTDOWN, as sock_diag gives them. */
enum { SHUT_IN = 1, SHUT_OUT = 2 };

static int refuse(const struct file_record *r, struct err *err,
		  const char *what)
{
	return err_set(err, -EOPNOTSUPP,
		       "descriptor %d is a socket %s, which cannot be "
		       "checkpointed; close it before the checkpoint",
		       r->fd, what);
}

/* --- who is the other end? --------------------------------------------------
 */

struct facts {
	bool has_peer;
	uint64_t peer; /* its inode; 0: it is closed */
	int shut;
};

static void read_attributes(const char *at, size_t left, struct facts *f)
{
	while (left >= sizeof(struct rtattr)) {
		const struct rtattr *a = (const void *)at;
		size_t len = a->rta_len;

		if (len < sizeof(*a) || len > left)
			return;
		if (a->rta_type == UNIX_DIAG_PEER) {
			f->has_peer = true;
			f->peer = *(const uint32_t *)RTA_DATA(a);
		} else if (a->rta_type == UNIX_DIAG_SHUTDOWN) {
			f->shut = *(const uint8_t *)RTA_DATA(a);
		}
		len = RTA_ALIGN(len);
		if (len >= left)
			return;
		at += len;
		left -= len;
	}
}

static int ask(uint64_t ino, struct facts *f)
{
	struct {
		struct nlmsghdr head;
		struct unix_diag_req req;
	} question = {
		.head = { .nlmsg_len = sizeof(question),
			  .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			  .nlmsg_flags = NLM_F_REQUEST },
		.req = { .sdiag_family = AF_UNIX,
			 .udiag_states = ~0U,
			 .udiag_ino = (uint32_t)ino,
			 .udiag_show = UDIAG_SHOW_PEER,
			 .udiag_cookie = { ~0U, ~0U } },
	};
	char answer[1024] __attribute__((aligned(8)));
	const struct nlmsghdr *head = (const void *)answer;
	size_t fixed = NLMSG_LENGTH(sizeof(struct unix_diag_msg));
	long fd = sys_call(SYS_socket, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC,
			   NETLINK_SOCK_DIAG);
	long n;

	if (fd < 0)
		return (int)fd;
	n = sys_call(SYS_sendto, fd, &question, sizeof(question), 0, 0, 0);
	if (n >= 0)
		n = sys_call(SYS_recvfrom, fd, answer, sizeof(answer), 0, 0, 0);
	sys_call(SYS_close, fd);
	if (n < 0)
		return (int)n;
	if ((size_t)n < fixed || head->nlmsg_type != SOCK_DIAG_BY_FAMILY)
		return -ENOENT;
	memset(f, 0, sizeof(*f));
	read_attributes(answer + NLMSG_ALIGN(fixed),
			(size_t)n - NLMSG_ALIGN(fixed), f);
	return 0;
}

/* --- what is in it ----------------------------------------------------------
 */

static int option(int fd, int name)
{
	int value = 0;
	unsigned int len = sizeof(value);

	sys_call(SYS_getsockopt, fd, SOL_SOCKET, name, &value, &len);
	return value;
}

static void option_set(int fd, int name, int value)
{
	sys_call(SYS_setsockopt, fd, SOL_SOCKET, name, &value, sizeof(value));
}

static int append(struct file_bytes *b, const void *data, uint32_t len)
{
	char *more = upper_realloc(b->at, b->len + sizeof(len) + len);

	if (!more)
		return -ENOMEM;
	b->at = more;
	memcpy(b->at + b->len, &len, sizeof(len));
	memcpy(b->at + b->len + sizeof(len), data, len);
	b->len += sizeof(len) + len;
	return 0;
}

/* The next message that waits (of a stream: a piece).  Gives its length;
 * -EAGAIN after the last; -EBADMSG: it brings descriptors along.  With
 * SO_PASSCRED each message, even an empty one, has credentials; the end of the
 * stream has none. */
static long receive(const struct file_record *r, char *buf, size_t size,
		    int flags)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(253 * sizeof(int)) + 256];
	} room;
	struct iovec iov = { buf, size };
	struct msghdr mh = { .msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &room,
			     .msg_controllen = sizeof(room) };
	struct cmsghdr *c;
	bool brings = false;
	long n = sys_call(SYS_recvmsg, r->fd, &mh,
			  flags | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n < 0)
		return n;
	for (c = CMSG_FIRSTHDR(&mh); c; c = CMSG_NXTHDR(&mh, c)) {
		const int *fds = (const int *)CMSG_DATA(c);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		brings = true; /* peeking has made copies of them */
		for (size_t i = 0; i < (c->cmsg_len - CMSG_LEN(0)) / 4; i++)
			sys_call(SYS_close, fds[i]);
	}
	if (brings || mh.msg_flags & MSG_CTRUNC)
		return -EBADMSG;
	return !n && (r->socket_type == SOCK_STREAM || !mh.msg_controllen) ?
		       -EAGAIN :
		       n;
}

/* Sends r's messages from the other end. */
static int send_all(const struct file_record *r, int from)
{
	size_t at = 0;

	while (at < r->bytes.len) {
		uint32_t len;
		long n;

		memcpy(&len, r->bytes.at + at, sizeof(len));
		at += sizeof(len);
		n = sys_call(SYS_sendto, from, r->bytes.at + at, len,
			     MSG_DONTWAIT | MSG_NOSIGNAL, 0, 0);
		if (n != (long)len)
			return n < 0 ? (int)n : -EIO;
		at += len;
	}
	return 0;
}

/* Room for a message beside what the receive buffer holds. */
#define PIECE (256 << 10)

struct queue {
	char *buf;
	size_t size;
	unsigned int n, empty;
};

static int peek_all(struct file_record *r, struct queue *q)
{
	for (;;) {
		long n = receive(r, q->buf, q->size, MSG_PEEK);

		if (n < 0)
			return n == -EAGAIN ? 0 : (int)n;
		if (n == (long)q->size)
			return -EMSGSIZE;
		q->n++;
		q->empty += !n;
		n = append(&r->bytes, q->buf, (uint32_t)n);
		if (n)
			return (int)n;
	}
}

/* Peeking passes by an empty message that was peeked at before: the next epoch
 * would miss it.  So the queue is made anew. */
static int renew(const struct file_record *r, const struct file_record *mate,
		 struct queue *q)
{
	while (q->n--) {
		long n = receive(r, q->buf, q->size, 0);

		if (n < 0)
			return (int)n;
	}
	return send_all(r, mate->fd);
}

/* MSG_PEEK with an offset walks over all that waits. */
static int copy_contents(struct file_record *r, const struct file_record *mate)
{
	struct queue q = { .size = (size_t)r->receive_room + PIECE };
	int rc;

	q.buf = upper_alloc(q.size);
	if (!q.buf)
		return -ENOMEM;
	option_set(r->fd, SO_PASSCRED, 1);
	option_set(r->fd, SO_PEEK_OFF, 0);
	rc = peek_all(r, &q);
	option_set(r->fd, SO_PEEK_OFF, r->peek_offset);
	if (!rc && q.empty && mate && !(r->shut & SHUT_IN))
		rc = renew(r, mate, &q);
	option_set(r->fd, SO_PASSCRED, r->takes_credentials);
	upper_free(q.buf);
	return rc;
}

/* --- record ----------------------------------------------------------------
 */

static bool is_plain_pair(const struct file_record *r)
{
	struct sockaddr_un name;
	unsigned int len = sizeof(name);

	return option(r->fd, SO_DOMAIN) == AF_UNIX &&
	       !option(r->fd, SO_ACCEPTCONN) &&
	       !sys_call(SYS_getsockname, r->fd, &name, &len) &&
	       len <= sizeof(name.sun_family);
}

static struct file_record *mate_of(const struct file_record *r)
{
	for (struct file_record *o = files; o; o = o->next)
		if (o->kind == FILE_SOCKET && !o->twin && o->dev == r->dev &&
		    o->ino == r->peer && r->peer)
			return o;
	return NULL;
}

int socket_record(struct file_record *r, struct err *err)
{
	struct facts f = { .has_peer = false };
	int rc;

	if (!is_plain_pair(r) || ask(r->ino, &f) || !f.has_peer)
		return refuse(r, err, "to elsewhere");
	r->peer = f.peer;
	r->shut = f.shut;
	r->socket_type = option(r->fd, SO_TYPE);
	if (f.peer && !mate_of(r))
		return refuse(r, err, "whose other end another process holds");
	r->send_room = option(r->fd, SO_SNDBUF);
	r->receive_room = option(r->fd, SO_RCVBUF);
	r->peek_offset = option(r->fd, SO_PEEK_OFF);
	r->takes_credentials = option(r->fd, SO_PASSCRED);
	rc = copy_contents(r, mate_of(r));
	if (rc == -EBADMSG)
		return refuse(r, err, "that has descriptors under way in it");
	return rc ? err_set(err, rc,
			    "descriptor %d: cannot read what waits in the "
			    "socket: %s",
			    r->fd, fmt_error(rc)) :
		    0;
}

/* --- resume ----------------------------------------------------------------
 */

static int fill(const struct file_record *r, int from, struct err *err)
{
	int rc = send_all(r, from);

	return rc ? err_set(err, rc,
			    "descriptor %d: cannot put what waited back into "
			    "the socket: %s",
			    r->fd, fmt_error(rc)) :
		    0;
}

/* o: the other end, NULL if it is closed. */
static int make_ends(const struct file_record *r, const struct file_record *o,
		     int ends[2], struct err *err)
{
	int rc = (int)sys_call(SYS_socketpair, AF_UNIX,
			       r->socket_type | SOCK_CLOEXEC, 0, ends);

	if (!rc)
		rc = file_high(&ends[0]);
	if (!rc)
		rc = file_high(&ends[1]);
	if (rc)
		return err_set(err, rc,
			       "cannot make the socket pair of descriptor %d "
			       "again: %s",
			       r->fd, fmt_error(rc));
	/* The kernel doubles what it is told. */
	option_set(ends[0], SO_SNDBUF, r->send_room / 2);
	option_set(ends[0], SO_RCVBUF, r->receive_room / 2);
	option_set(ends[1], SO_SNDBUF, (o ? o->send_room : PIECE) / 2);
	option_set(ends[1], SO_RCVBUF, (o ? o->receive_room : PIECE) / 2);
	return 0;
}

static int finish(const struct file_record *r, int end, struct err *err)
{
	if (r->takes_credentials)
		option_set(end, SO_PASSCRED, 1);
	if (r->peek_offset >= 0)
		option_set(end, SO_PEEK_OFF, r->peek_offset);
	if (r->peer && r->shut)
		sys_call(SYS_shutdown, end,
			 r->shut == (SHUT_IN | SHUT_OUT) ? SHUT_RDWR :
			 r->shut == SHUT_IN		 ? SHUT_RD :
							   SHUT_WR);
	return file_place(r, end, err);
}

/* The first record of a pair makes it and places both ends. */
int socket_resume(struct file_record *r, struct err *err)
{
	const struct file_record *o = mate_of(r);
	int ends[2];
	int rc;

	if (o && o->fd < r->fd)
		return 0;
	rc = make_ends(r, o, ends, err);
	if (rc)
		return rc;
	rc = fill(r, ends[1], err);
	if (!rc && o)
		rc = fill(o, ends[0], err);
	if (!rc)
		rc = finish(r, ends[0], err);
	if (!rc && o)
		rc = finish(o, ends[1], err);
	sys_call(SYS_close, ends[0]);
	sys_call(SYS_close, ends[1]);
	return rc;
}
