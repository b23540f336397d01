/* SPDX-License-Identifier: BSD-3-Clause */
/* sheet_flags.c - what only smaps tells of the regions of a capture sheet */
#include "runtime/base/sheet_flags.h"

#include <errno.h>

#include "runtime/base/fmt.h"

static uint32_t flags_of(const struct procmap *map)
{
	/* clang-format off */
	static const struct {
		uint32_t from, to;
	} table[] = {
		{ PROCMAP_GROWSDOWN, REGION_GROWSDOWN | REGION_STACK },
		{ PROCMAP_NORESERVE, REGION_NORESERVE },
		{ PROCMAP_LOCKED, REGION_LOCKED },
		{ PROCMAP_HUGEPAGE, REGION_HUGEPAGE },
		{ PROCMAP_NOHUGEPAGE, REGION_NOHUGEPAGE },
		{ PROCMAP_DONTDUMP, REGION_DONTDUMP },
		{ PROCMAP_DONTFORK, REGION_DONTFORK },
		{ PROCMAP_WIPEONFORK, REGION_WIPEONFORK },
	};
	/* clang-format on */
	uint32_t flags = 0;

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		if (map->flags & table[i].from)
			flags |= table[i].to;
	return flags;
}

/* Where its contents are, if anywhere: told by the rank's own smaps. */
static void settle_contents(struct region *r, const struct procmap *map)
{
	const uint32_t both = REGION_SAVE | REGION_FROM_RANK;

	if (r->kind == REGION_VDSO)
		return;
	if (map->shared) {
		/* A file that the program could not write stays as it is. */
		if (r->kind == REGION_FILE_SHARED &&
		    !(map->flags & PROCMAP_MAY_WRITE))
			r->flags &= ~both;
	} else if (!map->prot && !map->rss && !map->swap) {
		r->kind = REGION_HOLE;
		r->flags &= ~both;
	} else if (r->flags & (REGION_DONTFORK | REGION_WIPEONFORK)) {
		r->flags |= REGION_FROM_RANK;
	}
}

static int add(struct region *r, const struct procmap *map,
	       enum sheet_flags_of of, struct err *err)
{
	if (map->flags & PROCMAP_DEVICE && r->kind != REGION_VDSO)
		return sheet_flags_refuse(map->start, map->name, err);
	r->flags |= flags_of(map);
	if (of == FLAGS_OF_RANK)
		settle_contents(r, map);
	return 0;
}

int sheet_flags_refuse(uint64_t start, const char *name, struct err *err)
{
	return err_set(err, -EOPNOTSUPP,
		       "memory at 0x%lx belongs to a device or the kernel "
		       "(%s), which cannot be checkpointed; close it first",
		       (unsigned long)start, name);
}

int sheet_flags_add(struct sheet *sheet, int smaps_fd, enum sheet_flags_of of,
		    struct sheet_flags_room *room, struct err *err)
{
	struct region *r = sheet_region(sheet), *end = r + sheet->nregions;
	const struct procmap *map = &room->map;
	int rc = 1;

	procmaps_begin(&room->maps, smaps_fd);
	/* Both ascend.  A mapping may hold several regions, where some of it
	 * is left out, or none. */
	while (r < end && (rc = procmaps_next(&room->maps, &room->map)) > 0) {
		for (; r < end && r->start < map->end; r++) {
			if (r->start < map->start ||
			    r->start + r->len > map->end)
				break;
			rc = add(r, map, of, err);
			if (rc)
				goto out;
		}
	}
	if (rc < 0)
		err_set(err, rc, "cannot read the map of its memory: %s",
			fmt_error(rc));
	else if (r < end)
		rc = err_set(err, -ESRCH,
			     "its memory at 0x%lx is not mapped any more; it "
			     "may have ended",
			     (unsigned long)r->start);
	else
		rc = 0;
out:
	procmaps_close(&room->maps);
	return rc;
}
