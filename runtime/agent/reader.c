/* SPDX-License-Identifier: BSD-3-Clause */
/* reader.c - one rank's memory, from outside, into an image */
#include "runtime/agent/reader.h"

#include "runtime/base/fmt.h"
#include "runtime/base/sheet_flags.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Memory is read by pread of /proc/PID/mem: process_vm_readv would pin, and so
 * un-share, every page that the twin has in common with the rank. */
#define PAGE	  4096ull
#define PIECE	  (2ull << 20) /* bytes of one read */
#define SHEET_MAX (256ull << 20)
#define BLOCK	  4096	       /* pagemap entries looked at at once */
#define PRESENT	  (3ull << 62) /* pagemap: in memory, or swapped out */

/* --- the sheet
 * ------------------------------------------------------------------ */

static int sheet_copy(struct reader *r, int fd, uint64_t delta, struct err *err)
{
	struct stat st;
	size_t at = 0;
	int ret;

	/* Behind the sheet may be a list of changes. */
	if (fstat(fd, &st) || st.st_size <= 0 ||
	    (!delta && (uint64_t)st.st_size > SHEET_MAX) || delta > SHEET_MAX)
		return err_set(err, -EPROTO,
			       "rank %u: its capture sheet has no usable size",
			       r->rank);
	ret = changes_read(&r->changes, fd, delta, (uint64_t)st.st_size, err);
	if (ret)
		return err_prefix(err, ret, "rank %u", r->rank);
	r->sheet_len = delta ? (size_t)delta : (size_t)st.st_size;
	r->sheet = malloc(r->sheet_len);
	if (!r->sheet)
		return err_set(err, -ENOMEM, "rank %u: no memory for its sheet",
			       r->rank);
	while (at < r->sheet_len) {
		ssize_t n = pread(fd, (char *)r->sheet + at, r->sheet_len - at,
				  (off_t)at);

		if (n <= 0)
			return err_set(err, -EIO,
				       "rank %u: its capture sheet cannot be "
				       "read: %s",
				       r->rank,
				       n ? fmt_error(errno) : "it is short");
		at += (size_t)n;
	}
	/* The file may be longer than the sheet in it. */
	if (r->sheet_len >= sizeof(*r->sheet) && r->sheet->size < r->sheet_len)
		r->sheet_len = r->sheet->size;
	return sheet_check(r->sheet, r->sheet_len, err);
}

int reader_init(struct reader *r, uint32_t rank, const int *fds,
		unsigned int nfds, uint64_t delta, struct err *err)
{
	struct reader_source first = { -1, -1 };
	int ret;

	r->rank = rank;
	r->twin = r->own = first;
	r->lifeline = r->smaps = -1;
	if (nfds < 3 || nfds > 7) {
		for (unsigned int i = 0; i < nfds; i++)
			close(fds[i]);
		return err_set(err, -EPROTO,
			       "rank %u was captured with %u descriptors; this "
			       "is a bug in Cairn",
			       rank, nfds);
	}
	first = (struct reader_source){ fds[1], fds[2] };
	if (nfds == 3)
		r->own = first;
	else
		r->twin = first;
	if (nfds >= 4)
		r->lifeline = fds[3];
	if (nfds >= 4 && nfds % 2)
		r->smaps = fds[4];
	if (nfds >= 6)
		r->own = (struct reader_source){ fds[nfds - 2], fds[nfds - 1] };
	ret = sheet_copy(r, fds[0], delta, err);
	close(fds[0]);
	return ret;
}

/* --- reading
 * -------------------------------------------------------------------- */

/* What one pass over the sheet carries along. */
struct pass {
	struct reader *r;
	const struct reader_source *source;
	struct image_writer *w;
	char *buf;	   /* PIECE bytes */
	uint64_t *block;   /* BLOCK pagemap entries */
	uint64_t from, to; /* to be read, but what follows may belong to it */
	bool trusted;	   /* what the rank says has changed counts */
	struct err *err;
};

static int cannot_read(struct pass *p, uint64_t addr, ssize_t n)
{
	int code = n < 0 ? -errno : -ESRCH;

	return err_set(p->err, code,
		       "rank %u: its memory at 0x%llx cannot be read: %s",
		       p->r->rank, (unsigned long long)addr,
		       n < 0 ? fmt_error(code) : "the process has ended");
}

/* A page of a file mapping may lie beyond the file's end: nobody can have
 * anything there. */
static int read_pages_one_by_one(struct pass *p, uint64_t addr, uint64_t len)
{
	for (uint64_t at = 0; at < len; at += PAGE) {
		ssize_t n = pread(p->source->mem, p->buf + at, PAGE,
				  (off_t)(addr + at));

		if (n == 0)
			return cannot_read(p, addr + at, n);
		if (n != (ssize_t)PAGE)
			memset(p->buf + at, 0, PAGE);
	}
	return 0;
}

static int read_piece(struct pass *p, const struct region *region,
		      uint64_t addr, uint64_t len)
{
	uint64_t at = 0;

	while (at < len) {
		ssize_t n = pread(p->source->mem, p->buf + at, len - at,
				  (off_t)(addr + at));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EIO && region->kind != REGION_ANON)
			return read_pages_one_by_one(p, addr, len);
		if (n <= 0)
			return cannot_read(p, addr + at, n);
		at += (uint64_t)n;
	}
	return 0;
}

static int save(struct pass *p, const struct region *region, uint64_t addr,
		uint64_t len)
{
	int ret = 0;

	while (len && !ret) {
		uint64_t n = len < PIECE ? len : PIECE;

		if (atomic_load(p->r->cancel))
			return err_set(p->err, -ECANCELED, "canceled");
		ret = read_piece(p, region, addr, n);
		if (!ret)
			ret = image_pages(p->w, p->r->rank, addr, p->buf, n,
					  p->err);
		if (!ret)
			atomic_fetch_add(p->r->bytes, n);
		addr += n;
		len -= n;
	}
	return ret;
}

/* The entries of a block of pages; where they cannot be had every page counts
 * as present, and as changed: it may have been given back. */
static void block_load(struct pass *p, uint64_t addr, uint64_t pages)
{
	size_t want = pages * sizeof(*p->block);

	if (p->source->pagemap >= 0 &&
	    pread(p->source->pagemap, p->block, want,
		  (off_t)(addr / PAGE * sizeof(*p->block))) == (ssize_t)want)
		return;
	memset(p->block, 0xff, want);
	p->trusted = false;
}

/* --- what has changed
 * ------------------------------------------------------------ */

static int save_pending(struct pass *p, const struct region *region)
{
	int ret = save(p, region, p->from, p->to - p->from);

	p->from = p->to = 0;
	return ret;
}

/* Neighbours are read together: fewer and larger chunks. */
static int save_soon(struct pass *p, const struct region *region, uint64_t addr,
		     uint64_t len)
{
	int ret = 0;

	if (p->to != addr)
		ret = save_pending(p, region);
	if (p->from == p->to)
		p->from = addr;
	p->to = addr + len;
	return ret;
}

/* Pages that are there, of which some may be as they were. */
static int save_changed(struct pass *p, const struct region *region,
			uint64_t addr, uint64_t len)
{
	uint64_t last = addr + len, taken, wanted;
	int ret = 0;

	while (addr < last && !ret) {
		uint64_t end = last;

		if (!p->trusted || !changes_clean(&p->r->changes, addr, &end)) {
			ret = save_soon(p, region, addr, end - addr);
			addr = end;
			continue;
		}
		ret = image_unchanged(p->w, p->r->rank, addr, end - addr,
				      &taken, &wanted, p->err);
		addr += taken;
		if (!ret && wanted)
			ret = save_soon(p, region, addr, wanted);
		addr += wanted;
	}
	return ret;
}

/* Private anonymous memory: pages that were never touched, or were given back,
 * are not there, and zero. */
static int save_present(struct pass *p, const struct region *region)
{
	uint64_t addr = region->start, end = region->start + region->len;
	int ret = 0;

	while (addr < end && !ret) {
		uint64_t pages = (end - addr) / PAGE, i = 0;

		if (pages > BLOCK)
			pages = BLOCK;
		block_load(p, addr, pages);
		while (i < pages && !ret) {
			uint64_t from = i;

			while (i < pages && (p->block[i] & PRESENT))
				i++;
			ret = save_changed(p, region, addr + from * PAGE,
					   (i - from) * PAGE);
			while (i < pages && !(p->block[i] & PRESENT))
				i++;
		}
		addr += pages * PAGE;
	}
	return ret ? ret : save_pending(p, region);
}

static bool is_first(const struct reader *r, const struct region *region)
{
	return r->twin.mem < 0 || (region->flags & REGION_FROM_RANK);
}

static int pass(struct reader *r, const struct reader_source *source,
		bool first, struct image_writer *w, struct err *err)
{
	const struct region *regions = (const void *)((const char *)r->sheet +
						      r->sheet->regions);
	struct pass p = { .r = r,
			  .source = source,
			  .w = w,
			  .err = err,
			  .trusted = r->base && r->changes.since == r->base };
	int ret = 0;

	p.block = malloc(BLOCK * sizeof(*p.block));
	p.buf = aligned_alloc(PAGE, PIECE);
	if (!p.block || !p.buf)
		ret = err_set(err, -ENOMEM, "rank %u: no memory to read into",
			      r->rank);
	for (uint32_t i = 0; i < r->sheet->nregions && !ret; i++) {
		const struct region *region = &regions[i];

		if (!(region->flags & REGION_SAVE) ||
		    is_first(r, region) != first)
			continue;
		if (source->mem < 0)
			ret = err_set(err, -EPROTO,
				      "rank %u gave no way to read its memory "
				      "at 0x%llx; this is a bug in Cairn",
				      r->rank,
				      (unsigned long long)region->start);
		else if (region->kind == REGION_ANON)
			ret = save_present(&p, region);
		else
			ret = save(&p, region, region->start, region->len);
	}
	free(p.block);
	free(p.buf);
	return ret;
}

int reader_first(struct reader *r, struct image_writer *w, struct err *err)
{
	return pass(r, &r->own, true, w, err);
}

int reader_rest(struct reader *r, struct image_writer *w, struct err *err)
{
	return pass(r, &r->twin, false, w, err);
}

int reader_flags(struct reader *r, struct err *err)
{
	struct sheet_flags_room *room;
	int fd = r->smaps, ret;

	if (fd < 0)
		return 0;
	room = malloc(sizeof(*room));
	if (!room)
		return err_set(err, -ENOMEM,
			       "rank %u: no memory to read its map", r->rank);
	r->smaps = -1;
	ret = sheet_flags_add(r->sheet, fd, FLAGS_OF_TWIN, room, err);
	free(room);
	return ret ? err_prefix(err, ret, "rank %u", r->rank) : 0;
}

/* --- the end
 * -------------------------------------------------------------------- */

static void source_drop(struct reader_source *s)
{
	if (s->mem >= 0)
		close(s->mem);
	if (s->pagemap >= 0)
		close(s->pagemap);
	s->mem = s->pagemap = -1;
}

void reader_release_rank(struct reader *r)
{
	source_drop(&r->own);
}

void reader_fini(struct reader *r)
{
	source_drop(&r->own);
	source_drop(&r->twin);
	if (r->lifeline >= 0)
		close(r->lifeline);
	if (r->smaps >= 0)
		close(r->smaps);
	r->lifeline = r->smaps = -1;
	changes_fini(&r->changes);
	free(r->sheet);
	r->sheet = NULL;
}
