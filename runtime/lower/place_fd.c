/* SPDX-License-Identifier: BSD-3-Clause */
/* place_fd.c - the guest's descriptors lie above the program's */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

#define LOG_PREFIX "lower half: "
#include "runtime/base/fmt.h"
#include "runtime/base/log.h"
#include "runtime/base/sys.h"
#include "runtime/lower/lower.h"
#include "runtime/lower/place_private.h"

/* Whose a number is; a program with very many files has some above the mark,
 * between the guest's.  Numbers from PLACE_FDS on are nobody's: such a
 * program's checkpoints name the guest's as its own that cannot be restored. */
void place_own_fd(int fd, bool on)
{
	uint64_t bit = 1ULL << (fd % 64);

	if (fd < 0 || fd >= PLACE_FDS || place_in_child())
		return;
	if (on)
		atomic_fetch_or(&place.fds[fd / 64], bit);
	else
		atomic_fetch_and(&place.fds[fd / 64], ~bit);
}

bool lower_owns_fd(int fd)
{
	return fd >= 0 && fd < PLACE_FDS &&
	       (atomic_load(&place.fds[fd / 64]) >> (fd % 64) & 1);
}

/* A descriptor that the guest has just got where it wanted it, or an error. */
static long owned(long fd)
{
	if (fd >= 0)
		place_own_fd((int)fd, true);
	return fd;
}

/* Gives the number the guest sees.  A descriptor that cannot be moved (the
 * limit is reached) stays: better a number that may collide at a restart than
 * none. */
static long above(long fd)
{
	long flags, moved;

	if (fd < 0 || fd >= place.fd_min || place_in_child())
		return owned(fd);
	flags = sys_call(SYS_fcntl, fd, F_GETFD);
	moved = sys_call(SYS_fcntl, fd,
			 flags & FD_CLOEXEC ? F_DUPFD_CLOEXEC : F_DUPFD,
			 place.fd_min);
	if (moved < 0) {
		static _Atomic uint32_t said;

		if (!atomic_exchange(&said, 1))
			log_warn("no descriptors left above %d (%s); raise the "
				 "limit of `ulimit -n`",
				 place.fd_min, fmt_error((int)moved));
		return fd;
	}
	sys_call(SYS_close, fd);
	return owned(moved);
}

int place_fd(struct place_call *c)
{
	return place_done(c, above(place_raw(c)));
}

/* A descriptor that is given is changed, only a new one is moved. */
int place_signalfd(struct place_call *c)
{
	return (int)c->arg[0] == -1 ? place_fd(c) : PLACE_NATIVE;
}

/* The guest may shuffle its own; the program's are not its to replace. */
int place_dup2(struct place_call *c)
{
	if ((int)c->arg[1] < place.fd_min && c->arg[0] != c->arg[1] &&
	    !place_in_child()) {
		log_debug("dup2 onto descriptor %d refused", (int)c->arg[1]);
		return place_done(c, -EBUSY);
	}
	return place_done(c, owned(place_raw(c)));
}

int place_close(struct place_call *c)
{
	place_own_fd((int)c->arg[0], false);
	return PLACE_NATIVE;
}

/* The program's are not the guest's to close. */
int place_close_range(struct place_call *c)
{
	uint64_t last = (uint32_t)c->arg[1];

	if (place_in_child())
		return PLACE_NATIVE;
	for (uint64_t fd = (uint32_t)c->arg[0]; fd <= last && fd < PLACE_FDS;
	     fd++) {
		if (!lower_owns_fd((int)fd))
			continue;
		sys_call(SYS_close_range, fd, fd, c->arg[2]);
		if (!c->arg[2])
			place_own_fd((int)fd, false);
	}
	return place_done(c, 0);
}

int place_fcntl(struct place_call *c)
{
	switch ((int)c->arg[1]) {
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
		if (c->arg[2] < place.fd_min && !place_in_child())
			c->arg[2] = place.fd_min;
		return place_done(c, owned(place_raw(c)));
	case F_SETOWN: /* these would send signals to the program */
	case F_SETOWN_EX:
	case F_SETSIG:
		return place_refuse(c);
	}
	return PLACE_NATIVE;
}

static int move_pair(struct place_call *c, int *fds)
{
	long rc = place_raw(c);

	if (!rc) {
		fds[0] = (int)above(fds[0]);
		fds[1] = (int)above(fds[1]);
	}
	return place_done(c, rc);
}

int place_pipe(struct place_call *c)
{
	return move_pair(c, (int *)c->arg[0]);
}

int place_socketpair(struct place_call *c)
{
	return move_pair(c, (int *)c->arg[3]);
}

/* Descriptors may arrive in a message.  (No CMSG_NXTHDR: it is a call into the
 * program's libc.) */
int place_recvmsg(struct place_call *c)
{
	struct msghdr *msg = (struct msghdr *)c->arg[1];
	long got = place_raw(c);
	size_t at = 0, left, len;
	struct cmsghdr *h;
	int *fds;

	if (got < 0 || !msg->msg_control)
		return place_done(c, got);
	while (msg->msg_controllen - at >= sizeof(*h)) {
		h = (struct cmsghdr *)((char *)msg->msg_control + at);
		left = msg->msg_controllen - at;
		len = h->cmsg_len < left ? h->cmsg_len : left;
		if (len < sizeof(*h))
			break;
		fds = (int *)CMSG_DATA(h);
		if (h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_RIGHTS)
			for (size_t i = 0; i < (len - sizeof(*h)) / 4; i++)
				fds[i] = (int)above(fds[i]);
		if (CMSG_ALIGN(len) >= left)
			break;
		at += CMSG_ALIGN(len);
	}
	return place_done(c, got);
}
