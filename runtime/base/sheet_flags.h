/* SPDX-License-Identifier: BSD-3-Clause */
/* sheet_flags.h - what only smaps tells of the regions of a capture sheet */
#ifndef CAIRN_BASE_SHEET_FLAGS_H
#define CAIRN_BASE_SHEET_FLAGS_H

#include "runtime/base/err.h"
#include "runtime/base/procmaps.h"
#include "runtime/base/sheet.h"

/* Whose smaps is read. */
enum sheet_flags_of {
	FLAGS_OF_RANK, /* of the very process that the sheet describes */
	FLAGS_OF_TWIN, /* of a copy that fork made of it, and that has all its
			  mappings and all their pages */
};

/* About 24 KiB of scratch memory. */
struct sheet_flags_room {
	struct procmaps maps;
	struct procmap map;
};

/*
 * sheet_flags_add - put the flags of each region (enum region_flags) into it
 *
 * smaps_fd, at its beginning, is closed.  The rank's own smaps settles also
 * what the rank may have to be kept waiting for: which regions are read from
 * it, and which hold nothing at all.  A twin's says nothing of that, nor of
 * locked memory; these stay as the rank has set them.  -EOPNOTSUPP: a region is
 * no ordinary memory; -ESRCH: the process has it no longer; other -Exxx: smaps
 * cannot be read.  Async-signal-safe, needs no TLS.
 */
int sheet_flags_add(struct sheet *sheet, int smaps_fd, enum sheet_flags_of of,
		    struct sheet_flags_room *room, struct err *err) must_check;

/* sheet_flags_refuse - the sentence for memory that nobody can make again. */
int sheet_flags_refuse(uint64_t start, const char *name,
		       struct err *err) must_check;

/* sheet_region - the first of sheet->nregions */
static inline struct region *sheet_region(struct sheet *sheet)
{
	return (struct region *)(void *)((char *)sheet + sheet->regions);
}

#endif
