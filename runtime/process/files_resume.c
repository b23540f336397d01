/* SPDX-License-Identifier: BSD-3-Clause */
/* files_resume.c - give a restarted process its descriptors back */
#define _GNU_SOURCE
#define LOG_PREFIX "restart: "
#include "runtime/process/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/timerfd.h>

#include "runtime/base/fmt.h"
#include "runtime/base/log.h"
#include "runtime/base/sys.h"
#include "runtime/process/capture_private.h"
#include "runtime/process/private.h"
#include "runtime/process/restored.h"

#ifndef TFD_IOC_SET_TICKS
#define TFD_IOC_SET_TICKS _IOW('T', 0, uint64_t)
#endif

/* What open(2) may be told of the flags that F_GETFL gave. */
#define OPEN_FLAGS                                                         \
	(O_ACCMODE | O_APPEND | O_NONBLOCK | O_DIRECT | O_SYNC | O_DSYNC | \
	 O_NOATIME | O_PATH | O_DIRECTORY)
#define SET_FLAGS (O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME)

/* Above every number of the program's. */
static int floor_fd;
/* The new launch's standard streams, until all is open. */
static int std_aside[3];

int file_high(int *fd)
{
	long high;

	if (*fd < 0)
		return *fd;
	if (*fd >= floor_fd)
		return 0;
	high = sys_call(SYS_fcntl, *fd, F_DUPFD_CLOEXEC, floor_fd);
	if (high < 0)
		return (int)high;
	sys_call(SYS_close, *fd);
	*fd = (int)high;
	return 0;
}

bool file_is_recorded(int fd)
{
	for (const struct file_record *r = files; r; r = r->next)
		if (r->fd == fd)
			return true;
	return false;
}

int files_floor(void)
{
	int top = fd_mark();

	for (const struct file_record *r = files; r; r = r->next)
		if (r->fd >= top)
			top = r->fd + 1;
	return top;
}

int file_place(const struct file_record *r, int from, struct err *err)
{
	int cloexec = r->fd_flags & FD_CLOEXEC ? O_CLOEXEC : 0;
	long rc = sys_call(SYS_dup3, from, r->fd, cloexec);

	if (rc < 0)
		return err_set(err, (int)rc,
			       "cannot give %s its descriptor %d again: %s; is "
			       "the limit of open files (ulimit -n) lower now?",
			       r->path, r->fd, fmt_error((int)rc));
	if (!(r->flags & O_PATH) && r->kind != FILE_STD)
		sys_call(SYS_fcntl, r->fd, F_SETFL, r->flags & SET_FLAGS);
	return 0;
}

/* Puts fd (which is closed) at its place. */
static int place(const struct file_record *r, int fd, struct err *err)
{
	int rc = file_high(&fd);

	if (rc)
		return err_set(err, rc,
			       "cannot open descriptor %d (%s) again: %s",
			       r->fd, r->path, fmt_error(rc));
	rc = file_place(r, fd, err);
	sys_call(SYS_close, fd);
	return rc;
}

/* --- files with a name
 * ---------------------------------------------------------- */

static bool cuts_back(void)
{
	for (char **e = restored_environ; e && *e; e++)
		if (!strcmp(*e, "CAIRN_TRUNCATE=0"))
			return false;
	return true;
}

/* What was written after the epoch is written again. */
static int cut_back(const struct file_record *r, int fd, struct err *err)
{
	struct stat st;
	long rc;

	if (!S_ISREG(r->mode) || sys_call(SYS_fstat, fd, &st))
		return 0;
	if (st.st_size < r->size && strncmp(r->path, "/proc/", 6) &&
	    strncmp(r->path, "/sys/", 5))
		return err_set(
			err, -ESTALE,
			"%s (descriptor %d) has %ld bytes and had %ld at "
			"the checkpoint; put it back as it was",
			r->path, r->fd, (long)st.st_size, (long)r->size);
	if ((r->flags & O_ACCMODE) == O_RDONLY || st.st_size <= r->size ||
	    !cuts_back())
		return 0;
	rc = sys_call(SYS_ftruncate, fd, r->size);
	return rc ? err_set(err, (int)rc, "cannot cut %s back to %ld bytes: %s",
			    r->path, (long)r->size, fmt_error((int)rc)) :
		    0;
}

static int open_path(const struct file_record *r, struct err *err)
{
	/* An empty file that is gone is as good as ever. */
	int create = S_ISREG(r->mode) && !r->size &&
				     (r->flags & O_ACCMODE) != O_RDONLY ?
			     O_CREAT :
			     0;
	long fd = sys_call(SYS_openat, AT_FDCWD, r->path,
			   (r->flags & OPEN_FLAGS) | O_CLOEXEC | O_NOCTTY |
				   create,
			   r->mode & 0777);
	int rc;

	if (fd < 0)
		return err_set(err, (int)fd,
			       "cannot open %s (descriptor %d) again: %s; put "
			       "it back as it was at the checkpoint",
			       r->path, r->fd, fmt_error((int)fd));
	rc = r->flags & O_PATH ? 0 : cut_back(r, (int)fd, err);
	if (r->offset > 0)
		sys_call(SYS_lseek, fd, r->offset, SEEK_SET);
	if (!rc)
		return place(r, (int)fd, err);
	sys_call(SYS_close, fd);
	return rc;
}

/* --- files without a name
 * ------------------------------------------------------- */

static int fill(const struct file_record *r, int fd)
{
	size_t done = 0;
	long n = sys_call(SYS_ftruncate, fd, r->size);

	while (n >= 0 && done < r->bytes.len) {
		n = sys_call(SYS_pwrite64, fd, r->bytes.at + done,
			     r->bytes.len - done, done);
		if (n > 0)
			done += (size_t)n;
	}
	return n < 0 ? (int)n : 0;
}

static int make_file(const struct file_record *r)
{
	char name[NAME_MAX];
	const char *base;

	/* Where it was it may be on the wrong node, or read-only by now: memory
	 * is where small scratch files belong anyway. */
	base = r->is_memfd ? r->path + 7 : strrchr(r->path, '/');
	fmt_print(name, 240, "%s", base ? base : "file");
	if (strstr(name, " (deleted)"))
		*strstr(name, " (deleted)") = '\0';
	return (int)sys_call(SYS_memfd_create, name,
			     MFD_CLOEXEC | MFD_ALLOW_SEALING);
}

static int nameless(const struct file_record *r, struct err *err)
{
	int object = shared_object_fd(r->dev, r->ino);
	int made = object < 0 ? make_file(r) : object;
	char link[40];
	long fd = made;
	int rc = made < 0 ? made : fill(r, made);

	/* Its own open file, with its own flags and offset. */
	if (!rc) {
		fmt_print(link, sizeof(link), "/proc/self/fd/%d", made);
		fd = sys_call(SYS_openat, AT_FDCWD, link,
			      (r->flags & OPEN_FLAGS & ~O_DIRECTORY) |
				      O_CLOEXEC);
		if (r->seals)
			sys_call(SYS_fcntl, made, F_ADD_SEALS, r->seals);
		if (made != object)
			sys_call(SYS_close, made);
		rc = fd < 0 ? (int)fd : 0;
	}
	if (rc)
		return err_set(err, rc,
			       "cannot make the file %s (descriptor %d) "
			       "again: %s",
			       r->path, r->fd, fmt_error(rc));
	if (r->offset > 0)
		sys_call(SYS_lseek, fd, r->offset, SEEK_SET);
	return place(r, (int)fd, err);
}

/* --- kernel objects
 * ---------------------------------------------------------------- */

static int open_eventfd(const struct file_record *r, struct err *err)
{
	long fd = sys_call(SYS_eventfd2, 0,
			   EFD_CLOEXEC | (r->semaphore ? EFD_SEMAPHORE : 0));

	if (fd >= 0 && r->count)
		sys_call(SYS_write, fd, &r->count, sizeof(r->count));
	return place(r, (int)fd, err);
}

static int open_timerfd(const struct file_record *r, struct err *err)
{
	struct itimerspec spec = {
		.it_value = { r->value[0], r->value[1] },
		.it_interval = { r->interval[0], r->interval[1] },
	};
	long fd = sys_call(SYS_timerfd_create, r->clock, TFD_CLOEXEC);

	/* What is left until it expires is what counts: deadlines of the
	 * monotonic clock mean nothing on another node. */
	if (fd >= 0 && (r->value[0] || r->value[1]))
		sys_call(SYS_timerfd_settime, fd, 0, &spec, 0);
	if (fd >= 0 && r->count &&
	    sys_call(SYS_ioctl, fd, TFD_IOC_SET_TICKS, &r->count)) {
		/* Kernels without it: expire at once. */
		spec.it_value.tv_sec = 0;
		spec.it_value.tv_nsec = 1;
		sys_call(SYS_timerfd_settime, fd, 0, &spec, 0);
	}
	return place(r, (int)fd, err);
}

static int open_signalfd(const struct file_record *r, struct err *err)
{
	long fd = sys_call(SYS_signalfd4, -1, &r->sigmask, 8, O_CLOEXEC);

	return place(r, (int)fd, err);
}

static int open_epoll(const struct file_record *r, struct err *err)
{
	return place(r, (int)sys_call(SYS_epoll_create1, EPOLL_CLOEXEC), err);
}

/* When all are open: an epoll may watch any of them. */
static int watch_again(const struct file_record *r, struct err *err)
{
	for (const struct epoll_entry *e = r->entries; e; e = e->next) {
		struct epoll_event event = { .events = e->events,
					     .data.u64 = e->data };
		long rc;

		/* Registered, and its number closed since: nobody can ask. */
		if (!file_is_recorded(e->fd))
			continue;
		rc = sys_call(SYS_epoll_ctl, r->fd, EPOLL_CTL_ADD, e->fd,
			      &event);
		if (rc)
			return err_set(err, (int)rc,
				       "epoll descriptor %d: cannot watch "
				       "descriptor %d again: %s",
				       r->fd, e->fd, fmt_error((int)rc));
	}
	return 0;
}

static int lock_again(const struct file_record *r, struct err *err)
{
	for (const struct file_lock *l = r->locks; l; l = l->next) {
		struct flock range = {
			.l_type = l->write ? F_WRLCK : F_RDLCK,
			.l_whence = SEEK_SET,
			.l_start = l->start,
			.l_len = l->len,
		};
		long rc = l->kind == LOCK_IS_FLOCK ?
				  sys_call(SYS_flock, r->fd,
					   (l->write ? LOCK_EX : LOCK_SH) |
						   LOCK_NB) :
				  sys_call(SYS_fcntl, r->fd,
					   l->kind == LOCK_IS_OFD ?
						   F_OFD_SETLK :
						   F_SETLK,
					   &range);

		if (rc)
			return err_set(err, (int)rc,
				       "cannot lock %s (descriptor %d) again: "
				       "%s; does another process hold it?",
				       r->path, r->fd, fmt_error((int)rc));
	}
	return 0;
}

/* --- all of them
 * ---------------------------------------------------------------------- */

static int open_one(struct file_record *r, struct err *err)
{
	switch (r->kind) {
	case FILE_STD:
		return file_place(r, std_aside[r->std], err);
	case FILE_PATH:
		return open_path(r, err);
	case FILE_NAMELESS:
		return nameless(r, err);
	case FILE_PIPE:
		return pipe_resume(r, err);
	case FILE_SOCKET:
		return socket_resume(r, err);
	case FILE_EVENTFD:
		return open_eventfd(r, err);
	case FILE_TIMERFD:
		return open_timerfd(r, err);
	case FILE_SIGNALFD:
		return open_signalfd(r, err);
	case FILE_EPOLL:
		return open_epoll(r, err);
	}
	return 0;
}

/* Their numbers are the program's, which may have others there. */
static int put_std_aside(struct err *err)
{
	for (int i = 0; i < 3; i++) {
		long rc = sys_call(SYS_fcntl, i, F_DUPFD_CLOEXEC, floor_fd);

		if (rc == -EBADF) /* the launcher gave none: nothing there */
			rc = sys_call(SYS_openat, AT_FDCWD, "/dev/null",
				      O_RDWR | O_CLOEXEC);
		std_aside[i] = (int)rc;
		if (rc >= 0)
			rc = file_high(&std_aside[i]);
		if (rc < 0)
			return err_set(err, (int)rc,
				       "cannot keep standard streams: %s; "
				       "raise the limit of open files (ulimit "
				       "-n)",
				       fmt_error((int)rc));
	}
	return 0;
}

/* What came with the new launch and is not Cairn's. */
static void close_low(void)
{
	if (sys_call(SYS_close_range, 0, fd_mark() - 1, 0) == -ENOSYS)
		for (int fd = 0; fd < fd_mark(); fd++)
			sys_call(SYS_close, fd);
}

int files_resume(struct err *err)
{
	int rc;

	floor_fd = files_floor();
	files_std_here();
	rc = put_std_aside(err);
	if (rc)
		return rc;
	log_set_fd(std_aside[2]);
	close_low();
	for (struct file_record *r = files; r && !rc; r = r->next) {
		rc = r->twin ? file_place(r, r->twin->fd, err) :
			       open_one(r, err);
	}
	for (struct file_record *r = files; r && !rc; r = r->next) {
		if (r->twin)
			continue;
		rc = r->kind == FILE_EPOLL ? watch_again(r, err) : 0;
		if (!rc)
			rc = lock_again(r, err);
	}
	if (rc)
		return rc;
	log_set_fd(2);
	for (int i = 0; i < 3; i++)
		sys_call(SYS_close, std_aside[i]);
	return 0;
}
