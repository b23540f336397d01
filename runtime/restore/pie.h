/* SPDX-License-Identifier: BSD-3-Clause */
/* pie.h - what there is in place of libc in the restorer */
#ifndef CAIRN_RESTORE_PIE_H
#define CAIRN_RESTORE_PIE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h> /* mem.c has what is used of it */

#include "runtime/base/sheet.h"

/*
 * The restorer is freestanding, position-independent code without relocations
 * and without writable data of its own: it copies itself elsewhere while it
 * runs.  Everything it knows is in a struct work, in the memory it moves to.
 */

#define VDSO_PIECES 8

/* What a restore is about; lives at the start of the safe area. */
struct work {
	int agent_fd, control_fd, sheet_fd, environ_fd;
	uint32_t epoch, restarts, rank;
	const struct sheet *sheet; /* mapped in the safe area */
	size_t sheet_len;

	/* The safe area: clear of every region of the sheet.
	 *   struct work | stack | objects | copy of this program | sheet
	 *   | staging place of the vdso */
	uint64_t area, area_len;
	uint64_t stack_top, image, vdso_at;
	struct resume_object *objects;
	size_t nobjects;

	struct piece {
		uint64_t start, len;
	} vdso[VDSO_PIECES]; /* by ascending address */
	size_t nvdso;
	struct resume_info info;
};

#define OBJECTS_MAX 256 /* shared memory objects of one process */

/* die - one sentence to the terminal, and the end of this rank. */
void die(const char *format, ...)
	__attribute__((format(printf, 1, 2), noreturn));

/* area.c: find, fill and enter the safe area. */
struct work *area_make(const struct work *first);
uint64_t area_image(void); /* where this program lies now */
/* layout.c: the saved mappings. */
void layout_clear(struct work *w); /* unmap all but the safe area */
void layout_map(struct work *w);
void layout_finish(struct work *w); /* protections, advice, PR_SET_MM_MAP */
/* talk.c: the agent. */
/* talk_object - a descriptor of the shared memory that was called so: the same
 * for all ranks of the node that had it in common. */
int talk_object(const struct work *w, uint64_t dev, uint64_t ino);
void talk_mapped(const struct work *w);
void talk_wait_go(const struct work *w);

static inline const struct region *sheet_regions(const struct work *w)
{
	return (const struct region *)((const char *)w->sheet +
				       w->sheet->regions);
}

/* The main stack gets the room below it that it could have grown into. */
uint64_t region_low(const struct work *w, const struct region *r);

static inline const char *region_name(const struct work *w,
				      const struct region *r)
{
	return (const char *)w->sheet + w->sheet->strings + r->name;
}

#endif
