/* SPDX-License-Identifier: BSD-3-Clause */
/* files.c - write down the program's descriptors, or name what stands in the
 * way */
#define _GNU_SOURCE
#include "runtime/process/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/kcmp.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "runtime/base/fmt.h"
#include "runtime/base/procmaps.h"
#include "runtime/base/sys.h"
#include "runtime/process/capture_private.h"
#include "runtime/process/private.h"
#include "runtime/process/restored.h"

#ifndef MQUEUE_MAGIC
#define MQUEUE_MAGIC 0x19800202
#endif

/*
 * DESIGN
 *
 * files_record() walks /proc/self/fd at QUIET, when nothing of the program
 * runs. Cairn's own descriptors and the lower half's are left out.  Each of the
 * others becomes a record in upper memory, so it travels inside the image; what
 * cannot be made again is refused here, with its number and what to do (I8).
 * files_resume() (files_resume.c) works the list off in a restarted process.
 *
 * The launcher's standard streams are known by what 0, 1 and 2 were when
 * cairn-rank started (CAIRN_STDIO): a program that redirects them later has an
 * ordinary file there.
 */
struct file_record *files;

/* The launcher's standard streams; kept over restarts, and renewed. */
static struct {
	uint64_t dev, ino;
} std_streams[3];

/* --- what the launcher gave us ----------------------------------------------
 */

void files_std_here(void)
{
	for (int i = 0; i < 3; i++) {
		struct stat st = { .st_ino = 0 };

		sys_call(SYS_fstat, i, &st);
		std_streams[i].dev = st.st_dev;
		std_streams[i].ino = st.st_ino;
	}
}

/* "dev:ino,dev:ino,dev:ino", of cairn-rank; a program that was started without
 * it has what it has. */
void files_start(void)
{
	const char *text = getenv("CAIRN_STDIO");
	char *end;

	files_std_here();
	for (int i = 0; text && i < 3; i++) {
		uint64_t dev = strtoull(text, &end, 10);

		if (*end != ':')
			return;
		std_streams[i].dev = dev;
		std_streams[i].ino = strtoull(end + 1, &end, 10);
		if (*end != ',')
			return;
		text = end + 1;
	}
}

static bool is_std(const struct file_record *r, int i)
{
	return r->dev == std_streams[i].dev && r->ino == std_streams[i].ino &&
	       r->ino;
}

/* A stream that is a file or /dev/null may also have been opened by the program
 * on its own, under another number. */
static bool take_std(struct file_record *r)
{
	bool unique = S_ISFIFO(r->mode) || S_ISSOCK(r->mode) ||
		      (S_ISCHR(r->mode) && major(r->dev) != 1 &&
		       strncmp(r->path, "/dev/null", 9));

	/* The same pipe may serve for several: the one of its number first. */
	if (r->fd <= 2 && is_std(r, r->fd)) {
		r->std = r->fd;
		return true;
	}
	for (int i = 0; i < 3; i++) {
		if (is_std(r, i) && (r->fd <= 2 || unique)) {
			r->std = i;
			return true;
		}
	}
	return false;
}

/* --- one descriptor
 * ----------------------------------------------------------- */

static void read_path(int fd, char *path, size_t size)
{
	char link[40];
	long n;

	fmt_print(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = sys_call(SYS_readlinkat, AT_FDCWD, link, path, size - 1);
	path[n > 0 ? n : 0] = '\0';
}

static char *copy_text(const char *s)
{
	char *p = upper_alloc(strlen(s) + 1);

	return p ? strcpy(p, s) : NULL;
}

static bool kcmp_same(int a, int b, bool *known)
{
	long pid = sys_call(SYS_getpid);
	long rc = sys_call(SYS_kcmp, pid, pid, KCMP_FILE, a, b);

	*known = rc >= 0;
	return rc == 0;
}

/* Do two descriptors share one open file?  Without kcmp: does moving one's
 * offset move the other's? */
static bool is_same_open_file(const struct file_record *a,
			      const struct file_record *b)
{
	bool known, same;

	if (a->dev != b->dev || a->ino != b->ino || a->flags != b->flags)
		return false;
	if (S_ISSOCK(a->mode))
		return true; /* cannot be opened twice */
	if (a->offset != b->offset)
		return false; /* one open file has one */
	same = kcmp_same(a->fd, b->fd, &known);
	if (known)
		return same;
	if (a->offset < 0)
		return S_ISFIFO(a->mode);
	sys_call(SYS_lseek, a->fd, a->offset + 1, SEEK_SET);
	same = sys_call(SYS_lseek, b->fd, 0, SEEK_CUR) == a->offset + 1;
	sys_call(SYS_lseek, a->fd, a->offset, SEEK_SET);
	return same;
}

static int refuse(const struct file_record *r, struct err *err,
		  const char *what, const char *remedy)
{
	return err_set(err, -EOPNOTSUPP,
		       "descriptor %d is %s (%s), which cannot be "
		       "checkpointed; %s",
		       r->fd, what, r->path, remedy);
}

static int anonymous(struct file_record *r, struct err *err)
{
	/* clang-format off */
	static const struct {
		const char *path;
		enum file_kind kind;
	} known[] = {
		{ "anon_inode:[eventfd]", FILE_EVENTFD },
		{ "anon_inode:[timerfd]", FILE_TIMERFD },
		{ "anon_inode:[signalfd]", FILE_SIGNALFD },
		{ "anon_inode:[eventpoll]", FILE_EPOLL },
	};
	/* clang-format on */

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (!strcmp(r->path, known[i].path)) {
			r->kind = known[i].kind;
			return 0;
		}
	}
	return refuse(r, err, "a kernel object",
		      "close it before the checkpoint");
}

/* Is all of a shared object mapped, so that the image has its pages? */
static bool is_mapped(const struct file_record *r)
{
	static struct procmaps maps;
	static struct procmap map;
	uint64_t covered = 0;

	if (procmaps_open(&maps, "/proc/self/maps"))
		return false;
	while (procmaps_next(&maps, &map) > 0)
		if (map.shared && map.dev == r->dev && map.ino == r->ino &&
		    map.offset <= covered &&
		    map.offset + (map.end - map.start) > covered)
			covered = map.offset + (map.end - map.start);
	procmaps_close(&maps);
	return covered >= (uint64_t)r->size;
}

/* Through a description of our own: the program's may be write-only. */
int file_bytes_read(struct file_record *r, struct err *err)
{
	char link[40];
	long fd, n = 0;

	fmt_print(link, sizeof(link), "/proc/self/fd/%d", r->fd);
	fd = sys_call(SYS_openat, AT_FDCWD, link, O_RDONLY | O_CLOEXEC);
	r->bytes.at = upper_alloc((size_t)r->size + 1);
	r->bytes.len = 0;
	while (fd >= 0 && r->bytes.at && r->bytes.len < (size_t)r->size) {
		n = sys_call(SYS_pread64, fd, r->bytes.at + r->bytes.len,
			     (size_t)r->size - r->bytes.len, r->bytes.len);
		if (n <= 0)
			break;
		r->bytes.len += (size_t)n;
	}
	if (fd >= 0)
		sys_call(SYS_close, fd);
	if (fd >= 0 && r->bytes.at && n >= 0)
		return 0;
	return err_set(err, -EIO,
		       "descriptor %d: cannot read the contents of %s, which "
		       "has no name any more",
		       r->fd, r->path);
}

static int nameless(struct file_record *r, struct err *err)
{
	r->kind = FILE_NAMELESS;
	r->is_memfd = !strncmp(r->path, "/memfd:", 7);
	if (r->is_memfd) {
		long seals = sys_call(SYS_fcntl, r->fd, F_GET_SEALS);

		r->seals = seals > 0 ? (unsigned int)seals : 0;
	}
	r->is_mapped = is_mapped(r);
	if (r->is_mapped)
		return 0;
	if (r->size > FILE_BYTES_MAX)
		return err_set(err, -EFBIG,
			       "descriptor %d is a file of %ld bytes that was "
			       "removed (%s); more than %ld bytes of those are "
			       "not saved: keep its name until it is closed",
			       r->fd, (long)r->size, r->path, FILE_BYTES_MAX);
	return file_bytes_read(r, err);
}

/* Names in /proc of this process are for whoever it will be then. */
static int own_proc_path(struct file_record *r)
{
	char path[PATH_MAX], prefix[32];
	int n = fmt_print(prefix, sizeof(prefix), "/proc/%d/",
			  (int)sys_call(SYS_getpid));

	if (strncmp(r->path, prefix, (size_t)n))
		return 0;
	fmt_print(path, sizeof(path), "/proc/self/%s", r->path + n);
	upper_free(r->path);
	r->path = copy_text(path);
	return r->path ? 0 : -ENOMEM;
}

static int named(struct file_record *r, const struct stat *st, struct err *err)
{
	struct stat there;
	struct statfs fs;

	if (!sys_call(SYS_fstatfs, r->fd, &fs) && fs.f_type == MQUEUE_MAGIC)
		return refuse(r, err, "a POSIX message queue", "close it");
	if (!st->st_nlink ||
	    sys_call(SYS_newfstatat, AT_FDCWD, r->path, &there, 0) ||
	    there.st_dev != st->st_dev || there.st_ino != st->st_ino) {
		if (S_ISREG(st->st_mode))
			return nameless(r, err);
		return refuse(r, err, "a folder that was removed", "close it");
	}
	r->kind = FILE_PATH;
	if (own_proc_path(r))
		return err_set(err, -ENOMEM, "no memory for a name");
	return 0;
}

static int device(struct file_record *r, struct err *err)
{
	/* null, zero, full, random, urandom, kmsg excepted */
	if (major(r->dev) == 1 && minor(r->dev) != 11 && minor(r->dev) >= 3) {
		r->kind = FILE_PATH;
		return 0;
	}
	return refuse(r, err, "a terminal or device",
		      "close it before the checkpoint");
}

static int classify(struct file_record *r, const struct stat *st,
		    struct err *err)
{
	if (take_std(r)) {
		r->kind = FILE_STD;
		return 0;
	}
	switch (st->st_mode & S_IFMT) {
	case S_IFREG:
	case S_IFDIR:
		return named(r, st, err);
	case S_IFIFO:
		r->kind = FILE_PIPE;
		r->reads = (r->flags & O_ACCMODE) != O_WRONLY;
		return 0;
	case S_IFCHR:
		r->dev = st->st_rdev;
		return device(r, err);
	case S_IFSOCK:
		r->kind = FILE_SOCKET;
		return 0;
	case 0:
		return anonymous(r, err);
	default:
		return refuse(r, err, "a device",
			      "close it before the checkpoint");
	}
}

static struct file_record *find_twin(const struct file_record *r)
{
	for (struct file_record *o = files; o; o = o->next)
		if (!o->twin && is_same_open_file(o, r))
			return o;
	return NULL;
}

static int record(int fd, struct file_record **tail, struct err *err)
{
	struct file_record *r = upper_alloc(sizeof(*r));
	char path[PATH_MAX];
	struct stat st;
	int rc;

	if (!r || sys_call(SYS_fstat, fd, &st))
		return err_set(err, -ENOMEM, "no memory for descriptor %d", fd);
	read_path(fd, path, sizeof(path));
	r->fd = fd;
	r->fd_flags = (int)sys_call(SYS_fcntl, fd, F_GETFD);
	r->flags = (int)sys_call(SYS_fcntl, fd, F_GETFL);
	r->dev = st.st_dev;
	r->ino = st.st_ino;
	r->mode = st.st_mode;
	r->size = st.st_size;
	r->offset = sys_call(SYS_lseek, fd, 0, SEEK_CUR);
	r->path = copy_text(path);
	if (!r->path)
		return err_set(err, -ENOMEM, "no memory for descriptor %d", fd);
	r->twin = find_twin(r);
	if (*tail)
		(*tail)->next = r;
	else
		files = r;
	*tail = r;
	if (r->twin) {
		r->kind = r->twin->kind;
		r->reads = r->twin->reads;
		return 0;
	}
	rc = classify(r, &st, err);
	return rc ? rc : file_info(r, err);
}

/* --- all of them -------------------------------------------------------------
 */

static void forget(void)
{
	while (files) {
		struct file_record *r = files;

		files = r->next;
		while (r->locks) {
			struct file_lock *l = r->locks;

			r->locks = l->next;
			upper_free(l);
		}
		while (r->entries) {
			struct epoll_entry *e = r->entries;

			r->entries = e->next;
			upper_free(e);
		}
		upper_free(r->bytes.at);
		upper_free(r->path);
		upper_free(r);
	}
}

/* The process manager's socket, which lies above the mark. */
static int pmi_fd(void)
{
	char **e = restored_environ ? restored_environ : environ;

	for (; e && *e; e++)
		if (!strncmp(*e, "PMI_FD=", 7))
			return atoi(*e + 7);
	return -1;
}

static bool is_programs(int fd)
{
	return !fd_is_reserved(fd) && (fd < fd_mark() || fd != pmi_fd());
}

struct dirent64_raw {
	uint64_t ino, off;
	uint16_t reclen;
	uint8_t type;
	char name[];
};

static int each_fd(int dir, struct err *err)
{
	static char buf[8192] __attribute__((aligned(8)));
	struct file_record *tail = NULL;
	long n;
	int rc = 0;

	while (!rc && (n = sys_call(SYS_getdents64, dir, buf, sizeof(buf))) > 0)
		for (long at = 0; at < n && !rc;) {
			struct dirent64_raw *e = (void *)(buf + at);
			int fd = 0;

			at += e->reclen;
			if (e->name[0] < '0' || e->name[0] > '9')
				continue;
			for (const char *s = e->name; *s; s++)
				fd = fd * 10 + (*s - '0');
			if (fd != dir && is_programs(fd))
				rc = record(fd, &tail, err);
		}
	return rc;
}

int files_record(struct err *err)
{
	long dir;
	int rc;

	forget();
	dir = sys_call(SYS_openat, AT_FDCWD, "/proc/self/fd",
		       O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return err_set(err, (int)dir, "cannot list open files: %s",
			       fmt_error((int)dir));
	rc = each_fd((int)dir, err);
	sys_call(SYS_close, dir);
	/* Now that all are known each finds its other end. */
	for (struct file_record *r = files; r && !rc; r = r->next) {
		if (r->twin)
			continue;
		if (r->kind == FILE_PIPE)
			rc = pipe_record(r, err);
		else if (r->kind == FILE_SOCKET)
			rc = socket_record(r, err);
	}
	return rc;
}
