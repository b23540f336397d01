/* SPDX-License-Identifier: BSD-3-Clause */
/* lineage.h - which image of this node the next one can be based on */
#ifndef CAIRN_AGENT_LINEAGE_H
#define CAIRN_AGENT_LINEAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/image.h"

/* --incremental */
enum incremental {
	INCREMENTAL_AUTO, /* ranks track their pages; hashes for the rest */
	INCREMENTAL_SCAN, /* the same, and it is said where they cannot */
	INCREMENTAL_HASH, /* hashes alone */
	INCREMENTAL_OFF,  /* every image is whole */
};

struct lineage;

/* lineage_create - option as in the coordinator's welcome; NULL or unknown:
 * auto.  NULL: out of memory. */
struct lineage *lineage_create(const char *option);
void lineage_destroy(struct lineage *l); /* NULL allowed */

/*
 * lineage_begin - what the next image, in the folder of epochs dirfd, can be
 * based on; NULL: it must be whole
 *
 * An image and those that it needs lie in the same tier, so the base is dropped
 * when path (the job's folder in the burst buffer, or NULL) is another than the
 * base's; also when one of its images is not there any more.  What is given is
 * valid until lineage_committed.
 */
const struct image_base *lineage_begin(struct lineage *l, int dirfd,
				       const char *path);
/* lineage_committed - the image that was begun is committed, and this the base
 * that it left, which is taken over (NULL: it left none). */
void lineage_committed(struct lineage *l, struct image_base *base);
/* lineage_tracks - shall ranks track their pages? */
bool lineage_tracks(const struct lineage *l);
/* lineage_untracked - a rank cannot, and says why: tell people, once, if they
 * asked for it. */
void lineage_untracked(struct lineage *l, uint32_t rank, const char *why);

#endif
