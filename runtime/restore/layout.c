/* SPDX-License-Identifier: BSD-3-Clause */
/* layout.c - lay the saved mappings back */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/prctl.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "runtime/base/fmt.h"
#include "runtime/base/sys.h"
#include "runtime/restore/pie.h"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif
#define TASK_END 0x7ffffffff000UL

void layout_clear(struct work *w)
{
	uint64_t end = w->area + w->area_len;

	sys_call(SYS_munmap, 0, w->area);
	sys_call(SYS_munmap, end, TASK_END - end);
}

static void map_at(const struct work *w, const struct region *r, uint64_t start,
		   int prot, int flags, int fd, uint64_t offset)
{
	uint64_t len = r->start + r->len - start;
	long p = sys_call(SYS_mmap, start, len, prot,
			  flags | MAP_FIXED_NOREPLACE, fd, offset);

	if (p == (long)start)
		return;
	die("rank %u: cannot map %lu bytes at 0x%lx (%s) again: %s; is there "
	    "enough memory, or a limit (ulimit -v)?",
	    w->rank, (unsigned long)len, (unsigned long)start,
	    region_name(w, r), fmt_error(sys_is_error(p) ? (int)p : -EEXIST));
}

static void advise(const struct region *r, uint32_t flag, int advice)
{
	if (r->flags & flag)
		sys_call(SYS_madvise, r->start, r->len, advice);
}

/* Writable until it is filled; with huge pages from the start. */
static void map_private(const struct work *w, const struct region *r)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS;

	if (r->flags & REGION_NORESERVE)
		flags |= MAP_NORESERVE;
	if (r->flags & REGION_GROWSDOWN)
		flags |= MAP_GROWSDOWN | MAP_STACK;
	map_at(w, r, region_low(w, r), PROT_READ | PROT_WRITE, flags, -1, 0);
	advise(r, REGION_HUGEPAGE, MADV_HUGEPAGE);
	advise(r, REGION_NOHUGEPAGE, MADV_NOHUGEPAGE);
}

/* A file that was saved is made again if it is gone, and gets its length. */
static void map_file(const struct work *w, const struct region *r)
{
	bool saved = r->flags & REGION_SAVE;
	const char *path = region_name(w, r);
	struct stat st = { .st_size = 0 };
	long fd = sys_call(SYS_openat, AT_FDCWD, path,
			   (saved ? O_RDWR | O_CREAT : O_RDONLY) | O_CLOEXEC,
			   0600);

	if (fd < 0)
		die("rank %u: cannot open %s, which was mapped at the "
		    "checkpoint: %s; put it back",
		    w->rank, path, fmt_error((int)fd));
	sys_call(SYS_fstat, fd, &st);
	if (saved && (uint64_t)st.st_size < r->object_len)
		sys_call(SYS_ftruncate, fd, r->object_len);
	map_at(w, r, r->start, saved ? PROT_READ | PROT_WRITE : (int)r->prot,
	       MAP_SHARED, (int)fd, r->file_offset);
	sys_call(SYS_close, fd);
}

static int object_of(struct work *w, const struct region *r)
{
	struct resume_object *o = w->objects;
	long fd, high;

	for (size_t i = 0; i < w->nobjects; i++, o++)
		if (o->dev == r->dev && o->ino == r->ino)
			return (int)o->fd;
	if (w->nobjects == OBJECTS_MAX)
		die("rank %u: more than %d shared memory objects", w->rank,
		    OBJECTS_MAX);
	fd = talk_object(w, r->dev, r->ino);
	/* Out of the way of the program's numbers, as the agent's is. */
	high = sys_call(SYS_fcntl, fd, F_DUPFD_CLOEXEC, w->agent_fd);
	if (high < 0)
		die("rank %u: no descriptor is left for shared memory: %s; "
		    "raise the limit of open files (ulimit -n)",
		    w->rank, fmt_error((int)high));
	sys_call(SYS_close, fd);
	*o = (struct resume_object){ r->dev, r->ino, (uint64_t)high };
	w->nobjects++;
	return (int)high;
}

static void map_vdso(const struct work *w, const struct region *r, size_t i)
{
	const struct piece *p = &w->vdso[i];
	long rc;

	if (i >= w->nvdso || p->len != r->len)
		die("rank %u: the kernel's vdso is not as it was at the "
		    "checkpoint; restart on nodes with the same kernel",
		    w->rank);
	rc = sys_call(SYS_mremap, p->start, p->len, p->len,
		      MREMAP_MAYMOVE | MREMAP_FIXED, r->start);
	if (sys_is_error(rc))
		die("rank %u: cannot move the kernel's vdso to 0x%lx: %s",
		    w->rank, (unsigned long)r->start, fmt_error((int)rc));
}

void layout_map(struct work *w)
{
	const struct region *r = sheet_regions(w);
	size_t vdso = 0;

	for (uint32_t i = 0; i < w->sheet->nregions; i++, r++) {
		switch (r->kind) {
		case REGION_VDSO:
			map_vdso(w, r, vdso++);
			break;
		case REGION_HOLE:
			map_at(w, r, r->start, PROT_NONE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
			       0);
			break;
		case REGION_FILE_SHARED:
			map_file(w, r);
			break;
		case REGION_SHM:
			map_at(w, r, r->start, PROT_READ | PROT_WRITE,
			       MAP_SHARED, object_of(w, r), r->file_offset);
			break;
		case REGION_ANON:
		case REGION_FILE_PRIVATE:
			map_private(w, r);
			break;
		default:
			die("rank %u: a mapping of unknown kind %u; restart "
			    "with the version of Cairn that wrote it",
			    w->rank, r->kind);
		}
	}
}

/* brk, and what /proc shows of arguments and environment.  Without it only
 * these are wrong: malloc copes with a brk that fails. */
static void set_mm(const struct work *w)
{
	const struct sheet *s = w->sheet;
	struct prctl_mm_map map = {
		.start_code = s->start_code,
		.end_code = s->end_code,
		.start_data = s->start_data,
		.end_data = s->end_data,
		.start_brk = s->start_brk,
		.brk = s->brk,
		.start_stack = s->start_stack,
		.arg_start = s->arg_start,
		.arg_end = s->arg_end,
		.env_start = s->env_start,
		.env_end = s->env_end,
		.auxv = (void *)((uintptr_t)s + s->auxv),
		.auxv_size = s->auxv_len,
		.exe_fd = (uint32_t)-1,
	};

	sys_call(SYS_prctl, PR_SET_MM, PR_SET_MM_MAP, &map, sizeof(map), 0);
}

void layout_finish(struct work *w)
{
	const struct region *r = sheet_regions(w);

	for (uint32_t i = 0; i < w->sheet->nregions; i++, r++) {
		if (r->kind == REGION_VDSO)
			continue;
		if (r->kind != REGION_HOLE &&
		    r->prot != (PROT_READ | PROT_WRITE))
			sys_call(SYS_mprotect, r->start, r->len, r->prot);
		advise(r, REGION_DONTDUMP, MADV_DONTDUMP);
		advise(r, REGION_DONTFORK, MADV_DONTFORK);
		advise(r, REGION_WIPEONFORK, MADV_WIPEONFORK);
		if (r->flags & REGION_LOCKED)
			sys_call(SYS_mlock, r->start, r->len);
	}
	set_mm(w);
}
