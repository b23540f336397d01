/* SPDX-License-Identifier: BSD-3-Clause */
/* capture_sheet.c - write down this process's memory map and the way back */
#define _GNU_SOURCE
#include "runtime/process/capture_private.h"

#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "runtime/base/cpu.h"
#include "runtime/base/fmt.h"
#include "runtime/base/sheet_flags.h"
#include "runtime/base/sys.h"
#include "runtime/lower/lower.h"
#include "runtime/process/private.h"

/* Ranges that no image may hold (I5): the arena, the control page, the sheet
 * itself. */
#define EXCLUDED_MAX 1024
static struct lower_range excluded[EXCLUDED_MAX];
static size_t nexcluded;

/* Too big for a stack that may be small; capture runs on one thread. */
static struct sheet_flags_room room;
static struct procmap *const map = &room.map;
static char text[8192];

static bool exclude(uintptr_t start, size_t len)
{
	if (nexcluded == EXCLUDED_MAX)
		return false;
	excluded[nexcluded++] = (struct lower_range){ start, start + len };
	return true;
}

static int exclude_all(const struct sheet_writer *w,
		       const struct control_page *page, struct err *err)
{
	const struct process_lower *lower = process_lower;

	nexcluded = 0;
	if (lower && lower->ranges)
		nexcluded = lower->ranges(excluded, EXCLUDED_MAX);
	/* A full table may have left out some. */
	if (nexcluded + 2 > EXCLUDED_MAX)
		return err_set(err, -E2BIG,
			       "the MPI library's memory is in more than %d "
			       "pieces, which Cairn cannot tell from the "
			       "program's",
			       EXCLUDED_MAX);
	exclude((uintptr_t)page, (sizeof(*page) + 4095) & ~4095UL);
	exclude((uintptr_t)w->base, w->size);
	return 0;
}

/* They are addresses of the lower half themselves: the image has none. */
static void exclude_none(void)
{
	memset(excluded, 0, nexcluded * sizeof(*excluded));
	nexcluded = 0;
}

/* Takes excluded ranges off the map's start; false if nothing is left of its
 * beginning.  end is where the first piece ends. */
static bool next_piece(uint64_t *start, uint64_t end, uint64_t *stop)
{
	bool again;

	do {
		again = false;
		*stop = end;
		for (size_t i = 0; i < nexcluded; i++) {
			if (excluded[i].start <= *start &&
			    excluded[i].end > *start) {
				*start = excluded[i].end;
				again = true;
			} else if (excluded[i].start > *start &&
				   excluded[i].start < *stop) {
				*stop = excluded[i].start;
			}
		}
	} while (again && *start < end);
	return *start < end;
}

size_t sheet_append(struct sheet_writer *w, const void *data, size_t len)
{
	size_t at = w->len;

	if (at + len > w->size) {
		w->full = true;
		return 0;
	}
	if (data)
		memcpy(w->base + at, data, len);
	w->len += len;
	return at;
}

static bool is_vdso(const char *name)
{
	return !strcmp(name, "[vdso]") || !strcmp(name, "[vvar]") ||
	       !strcmp(name, "[vvar_vclock]");
}

/* Names of what may be a device's or the kernel's; its flags tell. */
static bool is_doubtful(const char *name)
{
	static const char *const known[] = { "/dev/zero",	"/dev/shm/",
					     "/dev/hugepages/", "[heap]",
					     "[stack]",		"[anon" };
	static const char *const odd[] = { "/dev/", "/sys/", "/proc/",
					   "/dmabuf:" };

	if (!*name)
		return false;
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (!strncmp(name, known[i], strlen(known[i])))
			return false;
	for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++)
		if (!strncmp(name, odd[i], strlen(odd[i])))
			return true;
	return *name != '/';
}

/* A shared mapping has its contents saved: the twin sees later values (TRAPS,
 * Process 2), so they are read from the rank.  A file's are not, if it turns
 * out that the program could not write it. */
static void classify_shared(struct region *r)
{
	bool has_path = map->name[0] == '/' && !map->deleted &&
			strncmp(map->name, "/memfd:", 7) &&
			strncmp(map->name, "/dev/zero", 9);

	/* Whole: pages that only the MPI library has written are in no page
	 * table of the program's. */
	if (private_memory_has(map->start, map->end)) {
		r->kind = REGION_FILE_PRIVATE;
		r->flags |= REGION_SAVE | REGION_FROM_RANK;
		return;
	}
	r->kind = has_path ? REGION_FILE_SHARED : REGION_SHM;
	r->flags |= REGION_SAVE | REGION_FROM_RANK;
}

static int classify(struct sheet_writer *w, struct region *r, struct err *err)
{
	*r = (struct region){ .prot = map->prot,
			      .file_offset = map->offset,
			      .dev = map->dev,
			      .ino = map->ino };
	if (is_vdso(map->name)) {
		r->kind = REGION_VDSO;
		if (!strcmp(map->name, "[vdso]"))
			((struct sheet *)w->base)
				->vdso_digest = sheet_vdso_digest(map->start);
		return 0;
	}
	if (!strncmp(map->name, "/SYSV", 5))
		return err_set(err, -EOPNOTSUPP,
			       "memory at 0x%lx is a System V segment, which "
			       "cannot be checkpointed yet; detach it (shmdt), "
			       "or use mmap",
			       (unsigned long)map->start);
	if (!strncmp(map->name, "anon_inode:", 11))
		return sheet_flags_refuse(map->start, map->name, err);
	if (is_doubtful(map->name))
		w->doubtful = true;
	if (!strcmp(map->name, "[heap]"))
		r->flags |= REGION_HEAP;
	if (map->shared) {
		classify_shared(r);
	} else {
		r->kind = map->ino ? REGION_FILE_PRIVATE : REGION_ANON;
		r->flags |= REGION_SAVE;
	}
	return 0;
}

/* What this mapping adds to the sheet; its name comes later, when it is known
 * how many regions there are. */
static int add_map(struct sheet_writer *w, struct err *err)
{
	struct sheet *sheet = (struct sheet *)w->base;
	uint64_t start = map->start, stop;
	struct region r;
	int rc;

	if (!strcmp(map->name, "[vsyscall]"))
		return 0;
	for (; next_piece(&start, map->end, &stop); start = stop) {
		rc = classify(w, &r, err);
		if (rc)
			return rc;
		r.start = start;
		r.len = stop - start;
		r.file_offset += map->ino ? start - map->start : 0;
		sheet_append(w, &r, sizeof(r));
		sheet->nregions++;
	}
	return 0;
}

static int each_map(struct sheet_writer *w,
		    int (*visit)(struct sheet_writer *, struct err *),
		    struct err *err)
{
	int rc = procmaps_open(&room.maps, "/proc/self/maps");

	if (rc)
		return err_set(err, rc, "cannot open /proc/self/maps: %s",
			       fmt_error(rc));
	while ((rc = procmaps_next(&room.maps, &room.map)) > 0) {
		rc = visit(w, err);
		if (rc)
			break;
	}
	procmaps_close(&room.maps);
	return rc;
}

/* Second pass: the names, in the order of the regions. */
static struct region *named;

static int add_name(struct sheet_writer *w, struct err *err)
{
	struct sheet *sheet = (struct sheet *)w->base;
	struct region *end = sheet_region((struct sheet *)w->base) +
			     sheet->nregions;
	size_t at;

	(void)err;
	if (named == end || named->start < map->start ||
	    named->start >= map->end || !map->name[0])
		goto skip;
	at = sheet_append(w, map->name, strlen(map->name) + 1);
	for (; named < end && named->start < map->end; named++)
		named->name = (uint32_t)(at - sheet->strings);
	return 0;
skip:
	while (named < end && named->start < map->end)
		named++;
	return 0;
}

/* The size of a shared object is not told: as far as it is mapped must do, and
 * the descriptors' record knows better where there is one. */
static void object_sizes(const struct sheet_writer *w)
{
	struct sheet *sheet = (struct sheet *)w->base;
	struct region *first = sheet_region(sheet);
	struct region *end = first + sheet->nregions;

	for (struct region *r = first; r < end; r++) {
		if (r->kind != REGION_SHM && r->kind != REGION_FILE_SHARED)
			continue;
		for (struct region *o = first; o < end; o++)
			if (o->kind == r->kind && o->dev == r->dev &&
			    o->ino == r->ino &&
			    o->file_offset + o->len > r->object_len)
				r->object_len = o->file_offset + o->len;
	}
}

/* --- the kernel's idea of the layout (prctl(PR_SET_MM_MAP)) -----------------
 */

static long read_file(const char *path, char *buf, size_t size)
{
	long fd = sys_call(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	long n;

	if (fd < 0)
		return fd;
	while (len < size &&
	       (n = sys_call(SYS_read, fd, buf + len, size - len)) > 0)
		len += (size_t)n;
	sys_call(SYS_close, fd);
	return (long)len;
}

/* The number in field n (as proc(5) counts) of /proc/self/stat. */
static uint64_t stat_field(const char *stat, int n)
{
	const char *s = strrchr(stat, ')');
	uint64_t value = 0;

	if (!s)
		return 0;
	for (int i = 2; i < n && s; i++)
		s = strchr(s + 1, ' ');
	if (!s)
		return 0;
	for (s++; *s >= '0' && *s <= '9'; s++)
		value = value * 10 + (uint64_t)(*s - '0');
	return value;
}

static void add_layout(struct sheet_writer *w)
{
	struct sheet *sheet = (struct sheet *)w->base;
	long n = read_file("/proc/self/stat", text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	sheet->start_code = stat_field(text, 26);
	sheet->end_code = stat_field(text, 27);
	sheet->start_stack = stat_field(text, 28);
	sheet->start_data = stat_field(text, 45);
	sheet->end_data = stat_field(text, 46);
	sheet->start_brk = stat_field(text, 47);
	sheet->arg_start = stat_field(text, 48);
	sheet->arg_end = stat_field(text, 49);
	sheet->env_start = stat_field(text, 50);
	sheet->env_end = stat_field(text, 51);
	sheet->brk = (uint64_t)sys_call(SYS_brk, 0);
	n = read_file("/proc/self/auxv", text, sizeof(text));
	if (n > 0) {
		sheet->auxv = (uint32_t)sheet_append(w, text, (size_t)n);
		sheet->auxv_len = (uint32_t)n;
	}
}

static void add_cpu(struct sheet *sheet)
{
	unsigned int a, b, c, d;

	cpu_features(sheet->cpu_features);
	sheet->cpu_xcr0 = cpu_xcr0();
	sheet->cpu_layout = cpu_layout(sheet->cpu_xcr0);
	if (sheet->cpu_xcr0 && __get_cpuid_count(0xd, 0, &a, &b, &c, &d))
		sheet->cpu_xsave_size = b;
}

static void add_way_back(struct sheet *sheet)
{
	struct rlimit stack = { 0, 0 };
	const struct thread *first = NULL;

	thread_each(t)
	{
		if (t->is_main)
			first = t;
	}
	sheet->entry = (uintptr_t)resume_entry;
	sheet->entry_sp = (uintptr_t)resume_stack_top();
	sheet->entry_arg = (uintptr_t)first;
	/* The first thread's registers, also where another is the leader. */
	sheet->fs_base = first ? first->ctx.upper_fs : fs_get();
	sheet->gs_base = (uintptr_t)first;
	sheet->app_pid = (uint32_t)getpid();
	sys_call(SYS_prlimit64, 0, RLIMIT_STACK, 0, &stack);
	sheet->stack_limit = stack.rlim_cur;
}

/* --- the whole
 * ---------------------------------------------------------------- */

static int count_map(struct sheet_writer *w, struct err *err)
{
	(void)err;
	w->size += sizeof(struct region) * 2 + strlen(map->name) + 1;
	return 0;
}

/* Makes the memory file, as large as the sheet can get, and maps it: shared, so
 * that it never melts into a neighbour of the program's. */
static int begin(struct sheet_writer *w, struct err *err)
{
	long p;
	int rc;

	*w = (struct sheet_writer){ .fd = -1 };
	rc = each_map(w, count_map, err);
	if (rc)
		return rc;
	w->size = (w->size + 262144 + sizeof(struct sheet) * 2) & ~4095UL;
	w->fd = (int)sys_call(SYS_memfd_create, "cairn-sheet", MFD_CLOEXEC);
	if (w->fd >= 0) {
		rc = (int)sys_call(SYS_ftruncate, w->fd, w->size);
		p = sys_call(SYS_mmap, 0, w->size, PROT_READ | PROT_WRITE,
			     MAP_SHARED, w->fd, 0);
		if (!rc && !sys_is_error(p)) {
			w->base = (char *)p;
			return 0;
		}
		rc = rc ? rc : (int)p;
		sys_call(SYS_close, w->fd);
	} else {
		rc = w->fd;
	}
	return err_set(err, rc, "cannot make the memory file of the sheet: %s",
		       fmt_error(rc));
}

static int fill(struct sheet_writer *w, const struct control_page *page,
		struct err *err)
{
	struct sheet *sheet = (struct sheet *)w->base;
	int rc = exclude_all(w, page, err);

	if (rc)
		return rc;
	sheet_append(w, NULL, sizeof(*sheet));
	sheet->magic = SHEET_MAGIC;
	sheet->version = SHEET_VERSION;
	sheet->regions = (uint32_t)w->len;
	rc = each_map(w, add_map, err);
	if (rc)
		return rc;
	sheet->strings = (uint32_t)sheet_append(w, "", 1);
	named = sheet_region(sheet);
	rc = each_map(w, add_name, err);
	if (rc)
		return rc;
	sheet->strings_len = (uint32_t)w->len - sheet->strings;
	sheet_append(w, NULL, -w->len & 7);
	object_sizes(w);
	add_layout(w);
	add_cpu(sheet);
	add_way_back(sheet);
	sheet_explain(w);
	sheet->size = (uint32_t)w->len;
	if (w->full)
		return err_set(err, -E2BIG,
			       "the description of this process does not fit "
			       "into %zu bytes",
			       w->size);
	return 0;
}

int sheet_write(struct sheet_writer *w, const struct control_page *page,
		struct err *err)
{
	int rc = begin(w, err);

	if (rc)
		return rc;
	rc = fill(w, page, err);
	exclude_none();
	if (rc)
		sheet_close(w);
	return rc;
}

int sheet_flags(struct sheet_writer *w, struct err *err)
{
	long fd = sys_call(SYS_openat, AT_FDCWD, "/proc/self/smaps",
			   O_RDONLY | O_CLOEXEC);

	return fd < 0 ?
		       err_set(err, (int)fd, "cannot open /proc/self/smaps: %s",
			       fmt_error((int)fd)) :
		       sheet_flags_add((struct sheet *)w->base, (int)fd,
				       FLAGS_OF_RANK, &room, err);
}

bool sheet_is_from_rank(const struct sheet_writer *w)
{
	struct sheet *sheet = (struct sheet *)w->base;
	const struct region *r = sheet_region(sheet);

	for (uint32_t i = 0; i < sheet->nregions; i++)
		if (r[i].flags & REGION_FROM_RANK)
			return true;
	return false;
}

static void unmap(struct sheet_writer *w)
{
	if (w->base)
		sys_call(SYS_munmap, w->base, w->size);
	w->base = NULL;
}

int sheet_seal(struct sheet_writer *w, struct err *err)
{
	int rc;

	unmap(w);
	if (w->delta)
		return 0; /* which lies behind; in between is a hole */
	rc = (int)sys_call(SYS_ftruncate, w->fd, w->len);
	return rc ? err_set(err, rc, "cannot cut the sheet's memory file: %s",
			    fmt_error(rc)) :
		    0;
}

void sheet_close(struct sheet_writer *w)
{
	unmap(w);
	if (w->fd >= 0)
		sys_call(SYS_close, w->fd);
	w->fd = -1;
}
