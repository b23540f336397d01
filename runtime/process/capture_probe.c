/* SPDX-License-Identifier: BSD-3-Clause */
/* capture_probe.c - what must be known of memory before the rank goes on */
#define _GNU_SOURCE
#include "runtime/process/capture_private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "runtime/base/fmt.h"
#include "runtime/base/sheet_flags.h"
#include "runtime/base/sys.h"

/*
 * DESIGN
 *
 * smaps tells all flags of all mappings, but walks all page tables for it, as
 * fork does.  So the agent reads that of the twin, when the rank is on its way
 * again.  Here, with the twin just made, cheap questions find out whether that
 * will do, and settle what the twin's cannot tell:
 *
 *  - a mapping that the twin has not: MADV_DONTFORK, or a driver's;
 *  - one whose pages it has not: MADV_WIPEONFORK;
 *  - whether reserved memory has pages at all;
 *  - whether a shared file could be written;
 *  - which memory is locked: no child inherits that.
 *
 * For the first two the rank's own smaps is read after all: such programs are
 * rare, and what they hide from their children must be read from the rank.
 * Every doubt leads there, too.
 */

/* Pagemap entries that may be looked at one by one, where the kernel has no
 * PAGEMAP_SCAN (before 6.7), in all regions together: 16 GiB. */
#define ENTRIES_MAX (4UL << 20)
#define PAGE	    4096UL
#define PRESENT	    (3ULL << 62) /* in memory, or swapped out */

/* <linux/fs.h> of that kernel; ours may be older. */
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
#define SCAN_PRESENT (1ULL << 3)
#define SCAN_SWAPPED (1ULL << 4)
#define SCAN_ZERO    (1ULL << 5) /* the page of zeros that all share */

struct probe {
	const struct twin *twin, *rank;
	size_t entries; /* still to be looked at */
};

/* capture runs on one thread, and its stack may be small. */
static struct procmaps maps;
static struct procmap map;
static uint64_t entries[1024];

/* --- has a region any page? ------------------------------------------------
 */

static int scan_pages(int pagemap, const struct region *r)
{
	struct scan_found found;
	struct scan scan = { .size = sizeof(scan),
			     .start = r->start,
			     .end = r->start + r->len,
			     .vec = (uintptr_t)&found,
			     .vec_len = 1,
			     .max_pages = 1,
			     .category_inverted = SCAN_ZERO,
			     .category_mask = SCAN_ZERO,
			     .category_anyof_mask = SCAN_PRESENT | SCAN_SWAPPED,
			     .return_mask = SCAN_PRESENT };

	return (int)sys_call(SYS_ioctl, pagemap, SCAN_IOCTL, &scan);
}

static int look_at_entries(struct probe *p, int pagemap, const struct region *r)
{
	uint64_t at = r->start / PAGE, end = (r->start + r->len) / PAGE;

	while (at < end) {
		size_t n = sizeof(entries) / sizeof(*entries);
		long got;

		if (n > end - at)
			n = end - at;
		if (p->entries < n)
			return -E2BIG;
		p->entries -= n;
		got = sys_call(SYS_pread64, pagemap, entries,
			       n * sizeof(*entries), at * sizeof(*entries));
		if (got <= 0)
			return got ? (int)got : -ESRCH;
		n = (size_t)got / sizeof(*entries);
		for (size_t i = 0; i < n; i++)
			if (entries[i] & PRESENT)
				return 1;
		at += n;
	}
	return 0;
}

/* 1 or 0, or -Exxx: not to be known. */
static int has_pages(struct probe *p, int pagemap, const struct region *r)
{
	int rc = scan_pages(pagemap, r);

	return rc >= 0 ? rc : look_at_entries(p, pagemap, r);
}

/* --- each kind of region ----------------------------------------------------
 */

/* May the mapped file be written?  Its entry tells how it was opened; nobody
 * needs any right to look at that, only to follow it. */
static int file_is_writable(const struct region *r)
{
	struct stat st = { .st_mode = 0 };
	char path[64];
	long rc;

	fmt_print(path, sizeof(path), "/proc/self/map_files/%lx-%lx",
		  (unsigned long)r->start, (unsigned long)(r->start + r->len));
	rc = sys_call(SYS_newfstatat, AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW);
	return rc ? (int)rc : !!(st.st_mode & S_IWUSR);
}

static int probe_shared_file(struct region *r)
{
	int rc = r->prot & PROT_WRITE ? 1 : file_is_writable(r);

	if (!rc)
		r->flags &= ~(uint32_t)(REGION_SAVE | REGION_FROM_RANK);
	return rc < 0 ? rc : 0;
}

static int probe_private(struct probe *p, struct region *r)
{
	int twin, rank;

	/* What was only ever read of a file is in no twin's page tables. */
	if (r->kind == REGION_FILE_PRIVATE && r->prot)
		return 0;
	twin = has_pages(p, p->twin->pagemap, r);
	if (twin)
		return twin < 0 ? twin : 0;
	rank = has_pages(p, p->rank->pagemap, r);
	if (rank < 0)
		return rank;
	if (rank && r->kind == REGION_ANON)
		return 1; /* wiped */
	if (!rank && !r->prot) {
		r->kind = REGION_HOLE;
		r->flags &= ~(uint32_t)REGION_SAVE;
	}
	return 0;
}

/* Says whether memory is locked, and does nothing else to it. */
static void probe_lock(struct region *r)
{
	if (sys_call(SYS_msync, r->start, r->len, MS_ASYNC | MS_INVALIDATE) ==
	    -EBUSY)
		r->flags |= REGION_LOCKED;
}

static int probe_region(struct probe *p, struct region *r)
{
	probe_lock(r);
	switch (r->kind) {
	case REGION_FILE_SHARED:
		return probe_shared_file(r);
	case REGION_ANON:
	case REGION_FILE_PRIVATE:
		return probe_private(p, r);
	default:
		return 0;
	}
}

/* --- all of them ------------------------------------------------------------
 */

/* 1: the twin has not all mappings that the sheet lists. */
static int twin_lacks(struct sheet *sheet, struct twin *twin)
{
	struct region *r = sheet_region(sheet), *end = r + sheet->nregions;
	int rc = 1;

	procmaps_begin(&maps, twin->maps);
	while (r < end && (rc = procmaps_next(&maps, &map)) > 0)
		while (r < end && r->start >= map.start &&
		       r->start + r->len <= map.end)
			r++;
	procmaps_close(&maps);
	twin->maps = -1;
	return rc < 0 ? rc : r < end;
}

bool sheet_probe(struct sheet_writer *w, struct twin *twin,
		 const struct twin *rank)
{
	struct sheet *sheet = (struct sheet *)w->base;
	struct region *r = sheet_region(sheet), *end = r + sheet->nregions;
	struct probe p = { twin, rank, ENTRIES_MAX };

	if (twin_lacks(sheet, twin))
		return false;
	for (; r < end; r++)
		if (probe_region(&p, r))
			return false;
	return true;
}
