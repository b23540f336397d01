/* SPDX-License-Identifier: BSD-3-Clause */
/* arena.c - the addresses of the lower half, reserved piece by piece */
#include "runtime/lower/arena.h"

#include <errno.h>
#include <sys/mman.h>

#include "runtime/base/fmt.h"
#include "runtime/base/procmaps.h"
#include "runtime/lower/futex.h"
#include "runtime/lower/lower.h"

/*
 * A piece is one reservation: a header with a bitmap of its pages, then the
 * pages.  Free pages are mapped PROT_NONE, so that the program's own mappings
 * never come to lie between the lower half's.  Pieces follow one another
 * upwards from a place in the middle half of the largest gap of the address
 * space: the heap grows into that gap from below and the kernel's own choices
 * from above, and neither comes that far.  One huge reservation instead would
 * break `ulimit -v` and mlockall.
 *
 * Each arena of a process, over its restarts, begins at another place: an
 * address of the last one that was kept by mistake leads to nothing, instead of
 * to something that looks as it did (DESIGN, I5).  Where there is room it
 * begins in the middle of 4 GiB: two small integers side by side are no address
 * in it.
 */
#define PIECE_SIZE (64UL << 20)
#define GAP_ALIGN  (1UL << 30)
#define PLACES	   32 /* in a gap that is wide enough */
#define USER_END   (1UL << 47)
#define NEAR_REACH (3UL << 29) /* of the 2 GiB that a displacement spans */
#define HUGE_PAGE  (2UL << 20)

struct piece {
	_Atomic uintptr_t start; /* 0: unused entry */
	_Atomic uintptr_t end;
	uintptr_t pages; /* the first page behind the header */
	size_t npages;
	size_t used;
	uint64_t *bitmap; /* in the header; 1 = used */
};

/* One arena a process; read without a lock by lower_owns, which signal
 * handlers call. */
static struct piece pieces[ARENA_PIECES];
static _Atomic size_t npieces; /* entries ever used */
static _Atomic uint32_t lock;
static uintptr_t next_piece;
static unsigned int opened; /* arenas so far; saved in the image, never reset */

static long map_reserved(uintptr_t start, size_t size, int fixed)
{
	long got = sys_call(SYS_mmap, start, size, PROT_NONE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | fixed,
			    -1, 0);

	if (sys_is_error(got))
		return got;
	if ((uintptr_t)got != start) { /* a kernel without FIXED_NOREPLACE */
		sys_call(SYS_munmap, got, size);
		return -EEXIST;
	}
	arena_seal(start, size);
	return 0;
}

void arena_seal(uintptr_t start, size_t size)
{
	sys_call(SYS_madvise, start, arena_round(size), MADV_DONTFORK);
}

static struct piece *piece_of(uintptr_t start, size_t size)
{
	for (size_t i = 0; i < npieces; i++) {
		struct piece *p = &pieces[i];

		if (p->start && start >= p->start && start < p->end &&
		    size <= p->end - start)
			return p;
	}
	return NULL;
}

bool arena_holds(uintptr_t start, size_t size)
{
	return piece_of(start, size) != NULL;
}

bool lower_owns(uintptr_t address)
{
	return piece_of(address, 1) != NULL;
}

size_t lower_ranges(struct lower_range *ranges, size_t max)
{
	size_t n = 0;

	futex_lock(&lock);
	for (size_t i = 0; i < npieces && n < max; i++) {
		if (!pieces[i].start)
			continue;
		ranges[n].start = pieces[i].start;
		ranges[n++].end = pieces[i].end;
	}
	futex_unlock(&lock);
	return n;
}

/* --- pieces --------------------------------------------------------------- */

/* Places go round, at least GAP_ALIGN from one another. */
static uintptr_t next_place(uintptr_t start, uintptr_t width)
{
	uintptr_t step = width / 2 / PLACES;

	if (step < GAP_ALIGN)
		step = GAP_ALIGN;
	start += width / 4 + opened++ % (width / 2 / step) * step;
	if (step >= 8 * GAP_ALIGN)
		return (start & ~(4 * GAP_ALIGN - 1)) + 6 * GAP_ALIGN;
	return (start + GAP_ALIGN - 1) & ~(GAP_ALIGN - 1);
}

/* The widest gap. */
static int choose_gap(struct err *err)
{
	static struct procmaps maps; /* too big for a small stack */
	static struct procmap map;
	uintptr_t last_end = GAP_ALIGN, start = 0, width = 0;
	int rc = procmaps_open(&maps, "/proc/self/maps");

	if (rc)
		return err_set(err, rc, "cannot read /proc/self/maps: %s",
			       fmt_error(rc));
	while ((rc = procmaps_next(&maps, &map)) > 0) {
		if (map.start >= USER_END)
			break; /* [vsyscall] */
		if (map.start > last_end && map.start - last_end > width) {
			start = last_end;
			width = map.start - last_end;
		}
		if (map.end > last_end)
			last_end = map.end;
	}
	procmaps_close(&maps);
	if (rc < 0)
		return err_set(err, rc, "cannot read /proc/self/maps: %s",
			       fmt_error(rc));
	if (width < 4 * GAP_ALIGN)
		return err_set(err, -ENOMEM,
			       "the address space of the program has no gap of "
			       "4 GiB for the MPI library");
	next_piece = next_place(start, width);
	return 0;
}

/* Somebody may have mapped where we want to go on: step over it. */
static long reserve_next(size_t size)
{
	long rc = -ENOMEM;

	for (int tries = 0; tries < 64; tries++) {
		rc = map_reserved(next_piece, size, MAP_FIXED_NOREPLACE);
		if (rc != -EEXIST)
			break;
		next_piece += GAP_ALIGN;
	}
	return rc;
}

static struct piece *unused_entry(void)
{
	for (size_t i = 0; i < npieces; i++)
		if (!pieces[i].start)
			return &pieces[i];
	return npieces < ARENA_PIECES ? &pieces[npieces] : NULL;
}

/* The header takes one bit a page; a little too many is no harm. */
static size_t header_size(size_t size)
{
	return arena_round(size / ARENA_PAGE / 8 + 16);
}

static struct piece *add_piece(size_t size, size_t align)
{
	struct piece *p = unused_entry();
	size_t header, whole = size + align;
	long rc;

	whole += header_size(whole) * 2;
	whole = whole < PIECE_SIZE ? PIECE_SIZE :
				     (whole + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
	header = header_size(whole);
	if (!p || reserve_next(whole))
		return NULL;
	rc = sys_call(SYS_mprotect, next_piece, header, PROT_READ | PROT_WRITE);
	if (rc) {
		sys_call(SYS_munmap, next_piece, whole);
		return NULL;
	}
	p->bitmap = (uint64_t *)next_piece;
	p->pages = next_piece + header;
	p->npages = (whole - header) / ARENA_PAGE;
	p->used = 0;
	p->end = next_piece + whole;
	p->start = next_piece; /* from here on lower_owns sees it */
	if (p == &pieces[npieces])
		npieces++;
	next_piece += whole;
	return p;
}

/* --- ranges --------------------------------------------------------------- */

static bool is_used(const struct piece *p, size_t page)
{
	return p->bitmap[page / 64] >> (page % 64) & 1;
}

static void mark(struct piece *p, size_t page, size_t n, bool used)
{
	for (; n; n--, page++) {
		if (is_used(p, page) == used)
			continue;
		p->bitmap[page / 64] ^= 1UL << (page % 64);
		p->used += used ? 1 : -1UL;
	}
}

/* First fit.  Gives the page's index, or npages. */
static size_t find_free(const struct piece *p, size_t n, size_t align)
{
	uintptr_t at = (p->pages + align - 1) & ~(align - 1);
	size_t page = (at - p->pages) / ARENA_PAGE;
	size_t run = 0;

	while (page + n <= p->npages) {
		while (run < n && !is_used(p, page + run))
			run++;
		if (run == n)
			return page;
		/* restart behind the used page that ended this run */
		at = p->pages + (page + run + 1) * ARENA_PAGE;
		at = (at + align - 1) & ~(align - 1);
		page = (at - p->pages) / ARENA_PAGE;
		run = 0;
	}
	return p->npages;
}

static bool in_reach(uintptr_t start, size_t size, uintptr_t near)
{
	if (!near)
		return true;
	if (start >= near)
		return start + size - near < NEAR_REACH;
	return near - start < NEAR_REACH;
}

static uintptr_t alloc_locked(size_t size, size_t align, uintptr_t near)
{
	size_t n = size / ARENA_PAGE;
	struct piece *p;
	size_t page;
	uintptr_t at;

	for (size_t i = 0; i < npieces; i++) {
		p = &pieces[i];
		if (!p->start || p->npages - p->used < n)
			continue;
		page = find_free(p, n, align);
		at = p->pages + page * ARENA_PAGE;
		if (page == p->npages || !in_reach(at, size, near))
			continue;
		mark(p, page, n, true);
		return at;
	}
	p = add_piece(size, align);
	if (!p)
		return 0;
	page = find_free(p, n, align);
	at = p->pages + page * ARENA_PAGE;
	if (page == p->npages || !in_reach(at, size, near))
		return 0;
	mark(p, page, n, true);
	return at;
}

uintptr_t arena_alloc(size_t size, size_t align, uintptr_t near)
{
	uintptr_t at;

	size = arena_round(size);
	if (!size || size > 1UL << 46)
		return 0;
	futex_lock(&lock);
	at = alloc_locked(size, align < ARENA_PAGE ? ARENA_PAGE : align, near);
	futex_unlock(&lock);
	return at;
}

static void set_range(uintptr_t start, size_t size, bool used)
{
	struct piece *p = piece_of(start, size);

	if (!p || start < p->pages)
		return;
	mark(p, (start - p->pages) / ARENA_PAGE, size / ARENA_PAGE, used);
	/* A piece made for one big mapping goes when that goes. */
	if (!p->used && p->end - p->start > PIECE_SIZE) {
		uintptr_t from = p->start, to = p->end;

		p->start = 0;
		sys_call(SYS_munmap, from, to - from);
	}
}

void arena_free(uintptr_t start, size_t size)
{
	size = arena_round(size);
	futex_lock(&lock);
	if (!map_reserved(start, size, MAP_FIXED))
		set_range(start, size, false);
	futex_unlock(&lock);
}

/*
 * The kernel unmapped this range (the old place of an mremap).  If the program
 * was quick enough to get a mapping there, the pages stay marked as used and
 * are never given out again.
 */
void arena_vacate(uintptr_t start, size_t size)
{
	size = arena_round(size);
	futex_lock(&lock);
	if (!map_reserved(start, size, MAP_FIXED_NOREPLACE))
		set_range(start, size, false);
	futex_unlock(&lock);
}

void arena_claim(uintptr_t start, size_t size)
{
	futex_lock(&lock);
	set_range(start, arena_round(size), true);
	futex_unlock(&lock);
}

/* --- the whole ------------------------------------------------------------ */

int arena_open(struct err *err)
{
	int rc;

	arena_reset();
	rc = choose_gap(err);
	if (rc)
		return rc;
	if (!add_piece(ARENA_PAGE, ARENA_PAGE))
		return err_set(err, -ENOMEM,
			       "cannot reserve 64 MiB of addresses for the MPI "
			       "library; raise the limit of `ulimit -v`");
	return 0;
}

void arena_reset(void)
{
	for (size_t i = 0; i < ARENA_PIECES; i++)
		pieces[i] = (struct piece){ 0 };
	npieces = 0;
	next_piece = 0;
	lock = 0;
}

void arena_close(void)
{
	for (size_t i = 0; i < npieces; i++)
		if (pieces[i].start)
			sys_call(SYS_munmap, pieces[i].start,
				 pieces[i].end - pieces[i].start);
	arena_reset();
}
