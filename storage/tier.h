/* SPDX-License-Identifier: BSD-3-Clause */
/* tier.h - where an epoch's images lie: burst buffers, checkpoint folder */
#ifndef CAIRN_STORAGE_TIER_H
#define CAIRN_STORAGE_TIER_H

#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/err.h"
#include "storage/image.h"

/*
 * DESIGN
 *
 * Each job has a folder of its own in a node's burst buffer:
 *
 *	BUFFER/cairn-NAME-HASH/        0700; HASH is of the checkpoint folder
 *	  origin                       the checkpoint folder's path
 *	  epoch-000042/node-NODE.img   as in the checkpoint folder
 *
 * No manifest is there.  The one in the checkpoint folder says of each image
 * whether it lies in a buffer ("fast": the job's folder there), so that one
 * rename commits the epoch for all nodes (I1), one folder has all numbers, and
 * `cairn ls` sees everything from anywhere.  A manifest of format 2 is of an
 * epoch whose images with "fast" lie in buffers only.  Once all of them have
 * been copied, it is replaced by one of format 1, again by a rename: that
 * commits the epoch in the checkpoint folder; "fast" then only says where a
 * second copy may be.
 *
 * Rejected: manifests in the buffers.  Each node would know its own part only,
 * and a restart would have to ask all nodes before it knew which epochs are.
 */

/* tier_fast - the job's folder in the buffer of the image's node, or NULL. */
const char *tier_fast(const json_t *image);
/* tier_has_fast - has any of its images a place in a buffer? */
bool tier_has_fast(const json_t *manifest);
/* tier_is_fast - do some of its images lie in burst buffers only? */
bool tier_is_fast(const json_t *manifest);
/* tier_name - "burst-buffer" or "ckpt-dir", as people and JSON see it. */
const char *tier_name(const json_t *manifest);
/* tier_path_ok - can this be the path of such a folder? */
bool tier_path_ok(const char *path);

/* tier_folder - make (or open) the job's folder in a burst buffer; gives its
 * path and a descriptor.  Never follows a link there; refuses one that is not
 * ours alone (I9). */
int tier_folder(const char *buffer, const char *ckpt_dir, char path[PATH_MAX],
		int *dirfd, struct err *err) must_check;
/* tier_folder_name - the path that tier_folder gives; makes nothing. */
int tier_folder_name(const char *buffer, const char *ckpt_dir,
		     char path[PATH_MAX], struct err *err) must_check;
/* tier_open - such a folder by its path, as a manifest has it. */
int tier_open(const char *path, int *dirfd, struct err *err) must_check;

/* tier_image_at - the image in this folder, if it is the one of this entry of
 * a manifest's images. */
int tier_image_at(int epoch_dirfd, const json_t *image, struct image **im,
		  struct err *err) must_check;
/*
 * tier_image_open - an image of an epoch, wherever it can be reached from here
 *
 * image is the manifest's entry; what is opened has its size and digest.
 * fast_first: prefer the buffer's copy.  -EREMOTE: it lies in another node's
 * buffer only.
 */
int tier_image_open(int epoch_dirfd, const json_t *manifest,
		    const json_t *image, bool fast_first, struct image **im,
		    struct err *err) must_check;

/*
 * Copies on other nodes: in the job's folder of a partner's buffer, beside its
 * own image of the epoch, under the image's own name, which names its node: so
 * the older images that it refers to are found beside it.  An image's entry
 * lists them: "copies": [{"node", "fast"}].
 */
/* tier_copies_ok - is this such a list, or NULL? */
bool tier_copies_ok(const json_t *copies);
/* tier_copy_as - the entry as it is of a copy in folder fast.  The caller's
 * reference; NULL: no memory. */
json_t *tier_copy_as(const json_t *image, const char *fast);
/* tier_open_in - the image of this entry, by its name there, in the job's
 * folder fast of a buffer of this node. */
int tier_open_in(const char *fast, uint32_t epoch, const json_t *image,
		 struct image **im, struct err *err) must_check;

/*
 * tier_sweep - remove the epochs of a job's folder that nobody needs
 *
 * All below `before` that are not among `keep`; the folder, too, if nothing is
 * left in it.
 */
int tier_sweep(const char *path, const uint32_t *keep, size_t n,
	       uint32_t before, struct err *err) must_check;
/* tier_orphans - call `named` for each folder in a buffer that is ours and
 * whose checkpoint folder is gone; gives how many there are. */
size_t tier_orphans(const char *buffer,
		    void (*named)(void *arg, const char *path,
				  const char *origin),
		    void *arg);

#endif
