/* SPDX-License-Identifier: BSD-3-Clause */
/* area.c - the restorer gets out of the way of what it restores */
#define _GNU_SOURCE
#include <elf.h>
#include <stdbool.h>
#include <sys/mman.h>

#include "runtime/base/fmt.h"
#include "runtime/base/procmaps.h"
#include "runtime/base/sys.h"
#include "runtime/restore/pie.h"

#define PAGE	  4096UL
#define STACK_LEN (256UL << 10)
#define LOWEST	  0x10000000UL	   /* well above mmap_min_addr */
#define HIGHEST	  0x7ffffffff000UL /* end of user space, 4-level tables */
#define MAPS_MAX  64 /* mappings of a program like this: about a dozen */

extern const char __ehdr_start[] __attribute__((visibility("hidden")));
extern const char _end[] __attribute__((visibility("hidden")));

/* What is mapped now, before anything is moved. */
struct present {
	struct piece at[MAPS_MAX];
	size_t n;
};

static uint64_t pages(uint64_t len)
{
	return (len + PAGE - 1) & ~(PAGE - 1);
}

uint64_t area_image(void)
{
	return (uintptr_t)__ehdr_start;
}

uint64_t region_low(const struct work *w, const struct region *r)
{
	const struct region *first = sheet_regions(w);
	uint64_t end = r->start + r->len, low, floor;

	if (!(r->flags & REGION_GROWSDOWN))
		return r->start;
	/* Unlimited stacks get what a usual limit would give them; they still
	 * grow beyond, as far as there is room. */
	low = w->sheet->stack_limit;
	low = low > (64UL << 20) ? 64UL << 20 : low & ~(PAGE - 1);
	low = end - low < r->start ? end - low : r->start;
	/* Not into a neighbour, nor into the guard gap above it. */
	floor = r > first ? r[-1].start + r[-1].len + (1UL << 20) : LOWEST;
	return low > floor ? low : floor < r->start ? floor : r->start;
}

static bool is_vdso(const char *name)
{
	return !strcmp(name, "[vdso]") || !strcmp(name, "[vvar]") ||
	       !strcmp(name, "[vvar_vclock]");
}

static void look_around(struct work *w, struct present *present)
{
	struct procmaps maps;
	struct procmap map;
	int rc = procmaps_open(&maps, "/proc/self/maps");

	if (rc)
		die("rank %u: cannot open /proc/self/maps: %s", w->rank,
		    fmt_error(rc));
	while ((rc = procmaps_next(&maps, &map)) > 0) {
		if (!strcmp(map.name, "[vsyscall]"))
			continue;
		if (present->n == MAPS_MAX)
			die("rank %u: the restorer has more mappings than it "
			    "understands",
			    w->rank);
		present->at[present->n++] = (struct piece){
			map.start, map.end - map.start
		};
		if (!strcmp(map.name, "[vdso]") &&
		    sheet_vdso_digest(map.start) != w->sheet->vdso_digest)
			die("rank %u: this node's kernel is not the one of the "
			    "checkpoint (their vdso differ); restart on nodes "
			    "with the same kernel",
			    w->rank);
		if (is_vdso(map.name) && w->nvdso < VDSO_PIECES)
			w->vdso[w->nvdso++] = present->at[present->n - 1];
	}
	procmaps_close(&maps);
}

static bool overlaps(uint64_t at, uint64_t len, uint64_t start, uint64_t end)
{
	return at < end && start < at + len;
}

/* The end of something that lies in [at, at + len), or 0. */
static uint64_t in_the_way(const struct work *w, const struct present *present,
			   uint64_t at, uint64_t len)
{
	const struct region *r = sheet_regions(w);

	for (uint32_t i = 0; i < w->sheet->nregions; i++)
		if (overlaps(at, len, region_low(w, &r[i]),
			     r[i].start + r[i].len))
			return r[i].start + r[i].len;
	for (size_t i = 0; i < present->n; i++)
		if (overlaps(at, len, present->at[i].start,
			     present->at[i].start + present->at[i].len))
			return present->at[i].start + present->at[i].len;
	return 0;
}

static uint64_t find_gap(const struct work *w, const struct present *present,
			 uint64_t len)
{
	uint64_t at = LOWEST, next;

	while ((next = in_the_way(w, present, at, len)))
		at = next;
	if (at + len > HIGHEST)
		die("rank %u: no room for the restorer among the saved "
		    "mappings",
		    w->rank);
	return at;
}

/* Segment by segment: there may be holes between them. */
static void copy_image(uint64_t to)
{
	const Elf64_Ehdr *eh = (const void *)__ehdr_start;
	const Elf64_Phdr *ph = (const void *)(__ehdr_start + eh->e_phoff);

	for (unsigned int i = 0; i < eh->e_phnum; i++)
		if (ph[i].p_type == PT_LOAD)
			memcpy((void *)(to + ph[i].p_vaddr),
			       __ehdr_start + ph[i].p_vaddr, ph[i].p_memsz);
}

static void move_vdso(struct work *w)
{
	uint64_t at = w->vdso_at;

	for (size_t i = 0; i < w->nvdso; i++) {
		struct piece *p = &w->vdso[i];
		long rc = sys_call(SYS_mremap, p->start, p->len, p->len,
				   MREMAP_MAYMOVE | MREMAP_FIXED, at);

		if (sys_is_error(rc))
			die("rank %u: cannot move the kernel's vdso: %s",
			    w->rank, fmt_error((int)rc));
		p->start = at;
		at += p->len;
	}
}

static uint64_t vdso_len(const struct work *w)
{
	uint64_t len = 0;

	for (size_t i = 0; i < w->nvdso; i++)
		len += w->vdso[i].len;
	return len;
}

struct work *area_make(const struct work *first)
{
	uint64_t image_len = pages((uintptr_t)_end - (uintptr_t)__ehdr_start);
	uint64_t head = pages(sizeof(struct work) +
			      OBJECTS_MAX * sizeof(struct resume_object));
	struct present present = { .n = 0 };
	struct work work = *first, *w;
	uint64_t sheet_at;
	long rc;

	look_around(&work, &present);
	work.area_len = head + STACK_LEN + image_len + pages(work.sheet_len) +
			vdso_len(&work);
	work.area = find_gap(&work, &present, work.area_len);
	rc = sys_call(SYS_mmap, work.area, work.area_len,
		      PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	if (sys_is_error(rc))
		die("rank %u: no memory for the restorer: %s", work.rank,
		    fmt_error((int)rc));
	work.objects = (void *)(work.area + sizeof(struct work));
	work.stack_top = work.area + head + STACK_LEN;
	work.image = work.stack_top;
	sheet_at = work.image + image_len;
	work.vdso_at = sheet_at + pages(work.sheet_len);
	copy_image(work.image);
	sys_call(SYS_mprotect, work.image, image_len, PROT_READ | PROT_EXEC);
	memcpy((void *)sheet_at, work.sheet, work.sheet_len);
	work.sheet = (const void *)sheet_at;
	move_vdso(&work);
	w = (void *)work.area;
	*w = work;
	return w;
}
