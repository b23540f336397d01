/* SPDX-License-Identifier: BSD-3-Clause */
/* shared.h - memory that ranks of one node had in common, at a restart */
#ifndef CAIRN_AGENT_SHARED_H
#define CAIRN_AGENT_SHARED_H

#include <jansson.h>
#include <stdint.h>

#include "runtime/base/err.h"
#include "storage/image.h"

struct shared_object;

/*
 * shared_open - a descriptor of an object without a path (REGION_SHM)
 *
 * ranks are the numbers of the ranks in the image; (dev, ino) is what the
 * object was called when they were saved.  It is as large as any of them maps
 * it.  Ranks that shared it get the same one, which list keeps for them.  The
 * caller closes *fd.  0 or -Exxx.
 */
int shared_open(struct shared_object **list, const struct image *im,
		const json_t *ranks, uint64_t dev, uint64_t ino, int *fd,
		struct err *err) must_check;
/* shared_forget - all that need it have it.  An empty list (NULL) is left. */
void shared_forget(struct shared_object **list);

/* shared_with - the ranks (this one among them) that have memory of their node
 * in common with this one: an array for the caller, or NULL if there are none.
 */
json_t *shared_with(const struct image *im, const json_t *ranks, uint32_t rank);

#endif
