/* SPDX-License-Identifier: BSD-3-Clause */
/* track.c - which pages has the program written since the last epoch? */
#define _GNU_SOURCE
#include "runtime/process/capture_private.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <string.h>
#include <sys/ioctl.h>

#include "runtime/base/delta.h"
#include "runtime/base/fmt.h"
#include "runtime/base/sheet_flags.h"
#include "runtime/base/sys.h"
#include "runtime/process/private.h"

/*
 * DESIGN (capture.md, "Changed pages")
 *
 * Private anonymous memory is registered with a userfaultfd for asynchronous
 * write protection (Linux 6.7): the kernel itself takes a page's mark away at
 * its first write, nobody is asked.  At each capture PAGEMAP_SCAN gives the
 * pages without a mark and marks them again, in one step.
 *
 * track_begin does so before the twin is made, track_end looks once more
 * (without marking) when it has been: what this library wrote in between is in
 * the twin and in neither the first list nor, as it may seem, changed.  It
 * counts as changed now and in the next epoch.
 *
 * Nothing is believed that is not asked for each time: a mapping that is new,
 * was moved or was registered by nobody has no marks (EPERM), and all of it may
 * have changed.  `since` names the capture that set the marks; if that epoch
 * came to nothing the agent, which knows the last one that was committed, takes
 * none of it for unchanged.
 *
 * Devices write behind the page tables (RDMA, GPUs); what they could reach is
 * not known, so a process that has one open is not tracked.  Other processes
 * (process_vm_writev, ptrace) and the kernel (read) take the same faults as
 * the program.
 */

/* linux/userfaultfd.h and linux/fs.h may be older than the kernel. */
#define FEATURE_WP	 (1ULL << 0)
#define FEATURE_WP_ASYNC (1ULL << 15)
#define USER_MODE_ONLY	 1

struct scan_found {
	uint64_t start, end, categories;
};
struct scan {
	uint64_t size, flags, start, end, walk_end;
	uint64_t vec, vec_len, max_pages;
	uint64_t category_inverted, category_mask, category_anyof_mask;
	uint64_t return_mask;
};
#define SCAN_IOCTL   _IOWR('f', 16, struct scan)
#define SCAN_MARK    (1ULL << 0) /* PM_SCAN_WP_MATCHING */
#define SCAN_CHECK   (1ULL << 1) /* PM_SCAN_CHECK_WPASYNC */
#define SCAN_WRITTEN (1ULL << 1) /* PAGE_IS_WRITTEN */

/* Less is not worth a mapping of its own: neighbours that are registered and
 * those that are not do not melt into one. */
#define TRACK_MIN (256UL << 10)

/* File-scope: belongs to the process.  Reset in a restarted one. */
static int uffd = -1;
static uint32_t since; /* the capture that set the marks; 0: none is whole */

/* Of one capture; too big for a stack that may be small. */
static struct {
	struct twin self;
	uint32_t since, epoch;
	uint64_t count;
	uint64_t at; /* where the next records go */
	int rc;	     /* of a write */
	size_t n;
	struct delta_record out[512];
	char why[104];
} now;
static struct scan_found found[512];

/* --- the descriptor ------------------------------------------------------- */

void track_forget(void)
{
	if (uffd >= 0)
		fd_unreserve(uffd);
	uffd = -1;
	since = 0;
}

void track_close(void)
{
	int fd = uffd;

	track_forget();
	if (fd >= 0)
		sys_call(SYS_close, fd);
}

static int open_uffd(void)
{
	struct uffdio_api api = { .api = UFFD_API,
				  .features = FEATURE_WP | FEATURE_WP_ASYNC };
	long fd;
	int rc;

	if (uffd >= 0)
		return 0;
	fd = sys_call(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | USER_MODE_ONLY);
	if (fd < 0)
		return (int)fd;
	rc = (int)sys_call(SYS_ioctl, fd, UFFDIO_API, &api);
	if (!rc) {
		rc = process_fd_reserve((int)fd);
		if (rc >= 0) {
			uffd = rc;
			return 0;
		}
	}
	sys_call(SYS_close, fd);
	return rc;
}

/* --- who else may write --------------------------------------------------- */

static bool is_harmless(const char *path)
{
	static const char *const whole[] = { "/dev/null",    "/dev/zero",
					     "/dev/full",    "/dev/random",
					     "/dev/urandom", "/dev/tty",
					     "/dev/ptmx",    "/dev/console" };
	static const char *const begin[] = { "/dev/pts/", "/dev/shm/",
					     "/dev/mqueue/",
					     "/dev/hugepages/" };

	if (!strncmp(path, "anon_inode:[io_uring]", 21) ||
	    !strncmp(path, "/dmabuf:", 8))
		return false;
	if (strncmp(path, "/dev/", 5))
		return true;
	for (size_t i = 0; i < sizeof(begin) / sizeof(*begin); i++)
		if (!strncmp(path, begin[i], strlen(begin[i])))
			return true;
	for (size_t i = 0; i < sizeof(whole) / sizeof(*whole); i++)
		if (!strcmp(path, whole[i]))
			return true;
	return false;
}

struct dirent64 {
	uint64_t ino, off;
	uint16_t len;
	uint8_t type;
	char name[];
};

static bool look_at_fd(int dir, const char *name)
{
	char path[128];
	long n = sys_call(SYS_readlinkat, dir, name, path, sizeof(path) - 1);

	if (n < 0)
		return true;
	path[n] = '\0';
	if (is_harmless(path))
		return true;
	fmt_print(now.why, sizeof(now.why),
		  "%.40s is open, which may write to its memory unseen", path);
	return false;
}

static bool has_no_device(void)
{
	static char buf[4096] __attribute__((aligned(8)));
	long dir = sys_call(SYS_openat, AT_FDCWD, "/proc/self/fd",
			    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool good = dir >= 0;
	long n = 0;

	while (good &&
	       (n = sys_call(SYS_getdents64, dir, buf, sizeof(buf))) > 0)
		for (long at = 0; at < n && good;) {
			const void *p = buf + at;
			const struct dirent64 *d = p;

			good = look_at_fd((int)dir, d->name);
			at += d->len;
		}
	if (dir >= 0)
		sys_call(SYS_close, dir);
	if ((dir < 0 || n < 0) && !now.why[0])
		fmt_print(now.why, sizeof(now.why),
			  "/proc/self/fd cannot be read");
	return good && !n;
}

/* --- the list ------------------------------------------------------------- */

static void flush(const struct sheet_writer *w)
{
	size_t len = now.n * sizeof(*now.out);

	if (len && !now.rc &&
	    sys_call(SYS_pwrite64, w->fd, now.out, len, now.at) != (long)len)
		now.rc = -ENOSPC;
	now.at += len;
	now.count += now.n;
	now.n = 0;
}

static void put(const struct sheet_writer *w, uint64_t start, uint64_t end)
{
	if (now.n == sizeof(now.out) / sizeof(*now.out))
		flush(w);
	now.out[now.n++] = (struct delta_record){ start, end };
}

/* --- scanning ------------------------------------------------------------- */

/* All written pages of the region; with SCAN_MARK they are marked, too. */
static int scan_region(const struct sheet_writer *w, const struct region *r,
		       uint64_t flags, bool note)
{
	uint64_t at = r->start, end = r->start + r->len;

	while (at < end) {
		struct scan scan = { .size = sizeof(scan),
				     .flags = flags | SCAN_CHECK,
				     .start = at,
				     .end = end,
				     .vec = (uintptr_t)found,
				     .vec_len = sizeof(found) / sizeof(*found),
				     .category_mask = SCAN_WRITTEN,
				     .return_mask = SCAN_WRITTEN };
		long n = sys_call(SYS_ioctl, now.self.pagemap, SCAN_IOCTL,
				  &scan);

		if (n < 0)
			return (int)n;
		for (long i = 0; i < n && note; i++)
			put(w, found[i].start, found[i].end);
		if (scan.walk_end <= at)
			return -EIO;
		at = scan.walk_end;
	}
	return 0;
}

static bool is_trackable(const struct region *r)
{
	return r->kind == REGION_ANON && (r->flags & REGION_SAVE) &&
	       r->len >= TRACK_MIN;
}

/* Marks that nobody has set yet: from the next epoch on they tell something. */
static int mark_new(const struct sheet_writer *w, const struct region *r)
{
	struct uffdio_register reg = { .range = { r->start, r->len },
				       .mode = UFFDIO_REGISTER_MODE_WP };
	int rc = (int)sys_call(SYS_ioctl, uffd, UFFDIO_REGISTER, &reg);

	return rc ? rc : scan_region(w, r, SCAN_MARK, false);
}

static void mark_region(const struct sheet_writer *w, const struct region *r)
{
	int rc = scan_region(w, r, SCAN_MARK, true);

	if (!rc)
		put(w, r->start | DELTA_TRACKED, r->start + r->len);
	else if (rc == -EPERM)
		rc = mark_new(w, r);
	/* Without marks it counts as changed; the next region may be better. */
	if (rc && !now.why[0])
		fmt_print(now.why, sizeof(now.why),
			  "memory at 0x%lx cannot be marked: %s",
			  (unsigned long)r->start, fmt_error(rc));
}

static void each_region(const struct sheet_writer *w,
			void (*visit)(const struct sheet_writer *w,
				      const struct region *r))
{
	struct sheet *sheet = (struct sheet *)w->base;
	const struct region *r = sheet_region(sheet);

	for (uint32_t i = 0; i < sheet->nregions; i++)
		if (is_trackable(&r[i]))
			visit(w, &r[i]);
}

/* What cannot be looked at again has changed as far as we know. */
static void look_again(const struct sheet_writer *w, const struct region *r)
{
	if (scan_region(w, r, 0, true))
		put(w, r->start, r->start + r->len);
}

/* --- what capture calls --------------------------------------------------- */

static bool can_track(void)
{
	struct err err;
	int rc = open_uffd();

	if (rc) {
		fmt_print(now.why, sizeof(now.why),
			  "the kernel does not offer it (userfaultfd: %s)",
			  fmt_error(rc));
		return false;
	}
	return has_no_device() && !twin_self(&now.self, &err);
}

void track_begin(struct sheet_writer *w, uint32_t epoch, bool wanted)
{
	now.self = TWIN_NONE;
	now.since = since;
	now.epoch = epoch;
	now.count = now.n = 0;
	now.rc = 0;
	now.why[0] = '\0';
	since = 0;
	w->delta = 0;
	if (!wanted)
		return;
	w->delta = (w->size + 4095) & ~4095UL;
	now.at = w->delta + sizeof(struct delta);
	if (can_track())
		each_region(w, mark_region);
	else
		now.since = 0;
}

void track_end(struct sheet_writer *w)
{
	struct delta head = { .magic = DELTA_MAGIC };

	if (!w->delta)
		return;
	if (now.self.pagemap >= 0)
		each_region(w, look_again);
	flush(w);
	twin_close(&now.self);
	head.since = now.rc ? 0 : now.since;
	head.count = now.rc ? 0 : now.count;
	memcpy(head.why, now.why, sizeof(head.why));
	if (sys_call(SYS_pwrite64, w->fd, &head, sizeof(head), w->delta) !=
	    (long)sizeof(head))
		w->delta = 0;
	else if (!now.rc)
		since = now.epoch;
}
