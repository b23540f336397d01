/* SPDX-License-Identifier: BSD-3-Clause */
/* files_pipe.c - pipes whose ends are all in this process */
#define _GNU_SOURCE
#include "runtime/process/files.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>

#include "runtime/base/fmt.h"
#include "runtime/base/sys.h"
#include "runtime/process/process.h"

static bool is_mate(const struct file_record *r, const struct file_record *o)
{
	return o->kind == FILE_PIPE && o->dev == r->dev && o->ino == r->ino;
}

/* A FIFO, or a pipe by way of /proc, that was opened for reading and writing.
 */
static bool is_both(const struct file_record *r)
{
	return (r->flags & O_ACCMODE) == O_RDWR;
}

static short poll_now(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };
	struct timespec zero = { 0, 0 };

	sys_call(SYS_ppoll, &p, 1, &zero, 0, 8);
	return p.revents;
}

/* What waits in the pipe, without taking it: tee copies into another pipe. */
static int copy_contents(struct file_record *r, int waiting, struct err *err)
{
	int ends[2], moved = 0;
	long n = sys_call(SYS_pipe2, ends, O_CLOEXEC);

	if (n)
		return err_set(err, (int)n, "cannot make a pipe: %s",
			       fmt_error((int)n));
	sys_call(SYS_fcntl, ends[1], F_SETPIPE_SZ, r->capacity);
	r->bytes.at = upper_alloc((size_t)waiting);
	n = r->bytes.at ? sys_call(SYS_tee, r->fd, ends[1], waiting,
				   SPLICE_F_NONBLOCK) :
			  -ENOMEM;
	sys_call(SYS_close, ends[1]);
	while (n > 0 && moved < n) {
		long got = sys_call(SYS_read, ends[0], r->bytes.at + moved,
				    n - moved);

		if (got <= 0)
			break;
		moved += (int)got;
	}
	sys_call(SYS_close, ends[0]);
	r->bytes.len = (size_t)moved;
	return moved == waiting ? 0 :
				  err_set(err, -EIO,
					  "descriptor %d: cannot read what "
					  "waits in the pipe (%d of %d bytes)",
					  r->fd, moved, waiting);
}

/* Called after all records are made: its mates are known. */
int pipe_record(struct file_record *r, struct err *err)
{
	bool other_end = false;
	int waiting = 0;

	for (struct file_record *o = files; o; o = o->next)
		other_end |= is_mate(r, o) &&
			     (o->reads != r->reads || is_both(o));
	r->alone = !other_end;
	if (r->alone && !(poll_now(r->fd) & (POLLHUP | POLLERR)))
		return err_set(err, -EOPNOTSUPP,
			       "descriptor %d is a pipe (%s) whose other end "
			       "another process holds; close it, or use a file",
			       r->fd, r->path);
	r->capacity = (int)sys_call(SYS_fcntl, r->fd, F_GETPIPE_SZ);
	if (!r->reads || r->twin)
		return 0;
	/* One read end of several keeps the contents. */
	for (struct file_record *o = files; o != r; o = o->next)
		if (is_mate(r, o) && o->reads)
			return 0;
	sys_call(SYS_ioctl, r->fd, FIONREAD, &waiting);
	return waiting ? copy_contents(r, waiting, err) : 0;
}

static const struct file_record *contents_of(const struct file_record *r)
{
	for (struct file_record *o = files; o; o = o->next)
		if (is_mate(r, o) && o->bytes.len)
			return o;
	return NULL;
}

static int fill(const struct file_record *r, int write_end, struct err *err)
{
	const struct file_record *o = contents_of(r);
	long n;

	if (!o)
		return 0;
	n = sys_call(SYS_write, write_end, o->bytes.at, o->bytes.len);
	return n == (long)o->bytes.len ?
		       0 :
		       err_set(err, -EIO,
			       "descriptor %d: cannot put %zu bytes back into "
			       "the pipe",
			       r->fd, o->bytes.len);
}

enum { READ_END, WRITE_END, BOTH_ENDS, ENDS };

static int open_both(const char *path)
{
	return (int)sys_call(SYS_openat, AT_FDCWD, path,
			     O_RDWR | O_NONBLOCK | O_CLOEXEC);
}

/* A new pair of ends, or a FIFO's, opened so that neither waits. */
static int make_ends(const struct file_record *r, int ends[ENDS],
		     struct err *err)
{
	char link[40];
	long rc;

	if (r->path[0] != '/') {
		rc = sys_call(SYS_pipe2, ends, O_CLOEXEC | O_NONBLOCK);
		fmt_print(link, sizeof(link), "/proc/self/fd/%d",
			  rc ? -1 : ends[READ_END]);
		ends[BOTH_ENDS] = rc ? -1 : open_both(link);
	} else {
		ends[BOTH_ENDS] = open_both(r->path);
		ends[0] = (int)sys_call(SYS_openat, AT_FDCWD, r->path,
					O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		ends[1] = (int)sys_call(SYS_openat, AT_FDCWD, r->path,
					O_WRONLY | O_NONBLOCK | O_CLOEXEC);
		rc = 0;
	}
	/* Gives the error of an end that was not opened, too. */
	for (int i = 0; i < ENDS && !rc; i++)
		rc = file_high(&ends[i]);
	if (rc)
		return err_set(err, (int)rc,
			       "cannot make the pipe %s again: %s", r->path,
			       fmt_error((int)rc));
	sys_call(SYS_fcntl, ends[WRITE_END], F_SETPIPE_SZ, r->capacity);
	return 0;
}

/* The first record of a pipe makes it and places all its ends. */
int pipe_resume(struct file_record *r, struct err *err)
{
	int ends[ENDS];
	int rc;

	for (struct file_record *o = files; o != r; o = o->next)
		if (is_mate(r, o))
			return 0;
	rc = make_ends(r, ends, err);
	if (!rc)
		rc = fill(r, ends[WRITE_END], err);
	for (struct file_record *o = r; o && !rc; o = o->next) {
		if (is_mate(r, o) && !o->twin)
			rc = file_place(o,
					ends[is_both(o) ? BOTH_ENDS :
					     o->reads	? READ_END :
							  WRITE_END],
					err);
	}
	for (int i = 0; i < ENDS; i++)
		sys_call(SYS_close, ends[i]);
	return rc;
}
