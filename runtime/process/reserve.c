/* SPDX-License-Identifier: BSD-3-Clause */
/* reserve.c - descriptors that are Cairn's, out of the program's reach */
#define _GNU_SOURCE
#include "runtime/process/private.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <string.h>
#include <unistd.h>


/* Numbers from the mark on; one bit each for those we hold.  Those of the lower
 * half lie below SINGLY. */
#define RESERVED_MAX 4096
#define SINGLY	     65536
static _Atomic uint64_t reserved[RESERVED_MAX / 64];
static int mark;

/* Below the soft limit, so that it can be reached, above what a program of
 * ordinary habits opens (TRAPS, Process 17). */
int fd_mark(void)
{
	struct rlimit limit;

	if (mark)
		return mark;
	mark = CONTROL_FD_MIN;
	if (!sys_call(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, &limit) &&
	    limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < 864)
		mark = (int)limit.rlim_cur - 64;
	if (mark < 3)
		mark = 3;
	return mark;
}

static void reserve(int fd, bool on)
{
	uint64_t bit = 1ULL << (fd % 64);

	if (fd < 0 || fd >= RESERVED_MAX)
		return;
	if (on)
		atomic_fetch_or(&reserved[fd / 64], bit);
	else
		atomic_fetch_and(&reserved[fd / 64], ~bit);
}

void fd_unreserve(int fd)
{
	reserve(fd, false);
}

bool fd_is_reserved(int fd)
{
	const struct process_lower *lower;

	if (fd < mark || !mark)
		return false;
	if (fd < RESERVED_MAX && reserved[fd / 64] >> (fd % 64) & 1)
		return true;
	lower = process_lower;
	return lower && lower->owns_fd(fd);
}

bool process_reserved_fd(int fd)
{
	return fd_is_reserved(fd);
}

int process_fd_reserve(int fd)
{
	long moved = fd;

	if (fd < fd_mark()) {
		moved = sys_call(SYS_fcntl, fd, F_DUPFD_CLOEXEC, fd_mark());
		if (sys_is_error(moved))
			return (int)moved;
		sys_call(SYS_close, fd);
	} else {
		sys_call(SYS_fcntl, fd, F_SETFD, FD_CLOEXEC);
	}
	reserve((int)moved, true);
	return (int)moved;
}

/* --- what the program may not do with them -------------------------------- */

REAL_SLOT(close);
REAL_SLOT(dup2);
REAL_SLOT(dup3);
REAL_SLOT(close_range);

EXPORT int close(int fd)
{
	if (__builtin_expect(fd_is_reserved(fd), 0)) {
		errno = EBADF;
		return -1;
	}
	return REAL(close)(fd);
}

EXPORT int dup2(int from, int to)
{
	if (fd_is_reserved(to) || fd_is_reserved(from)) {
		errno = EBADF;
		return -1;
	}
	return REAL(dup2)(from, to);
}

EXPORT int dup3(int from, int to, int flags)
{
	if (fd_is_reserved(to) || fd_is_reserved(from)) {
		errno = EBADF;
		return -1;
	}
	return REAL(dup3)(from, to, flags);
}

/* Closes what lies between our descriptors. */
EXPORT int close_range(unsigned int first, unsigned int last, int flags)
{
	uint64_t at = first, stop;

	if (first > last)
		return REAL(close_range)(first, last, flags);
	while (at <= last) {
		for (stop = at; stop <= last && stop < SINGLY; stop++) {
			if (fd_is_reserved((int)stop))
				break;
		}
		if (stop >= SINGLY)
			stop = (uint64_t)last + 1;
		if (stop > at &&
		    REAL(close_range)((unsigned int)at, (unsigned int)stop - 1,
				      flags))
			return -1;
		for (at = stop; at <= last && at < SINGLY; at++) {
			if (!fd_is_reserved((int)at))
				break;
		}
	}
	return 0;
}

EXPORT void closefrom(int first)
{
	close_range(first < 0 ? 0 : (unsigned int)first, ~0U, 0);
}
