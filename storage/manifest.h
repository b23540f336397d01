/* SPDX-License-Identifier: BSD-3-Clause */
/* manifest.h - the commit record of an epoch, and the catalog of a folder */
#ifndef CAIRN_STORAGE_MANIFEST_H
#define CAIRN_STORAGE_MANIFEST_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/err.h"
#include "storage/image.h"

/*
 * A checkpoint folder holds
 *   epoch-000042/            one folder an epoch
 *     node-<name>.img        one image a node (image.h)
 *     manifest.json          the commit: exists = committed
 *   job.json                 of a running job: address and secret (0600)
 * Folders are 0700 and files 0600; whatever belongs to another user is refused
 * (I9).  The manifest is a JSON object; its last member "checksum" is the XXH3
 * (16 hex digits) of the text before it.  Members: see FORMAT.md; at least
 * "format", "epoch", "ranks", "time" (ISO 8601, UTC), "bytes", "memory_bytes",
 * "pause_ms", "seconds", "program" (array of argv), "mpi", "cpu", "kernel",
 * "images": [{"file", "node", "bytes", "index_digest", "ranks": [..]}], where
 * index_digest is a text of 16 hex digits (manifest_digest); and, where ranks
 * had ended before, "exited": [{"rank", "code"}].  Images may have "fast", and
 * then the format may be that of tiers: see tier.h; and "sources": [{"epoch",
 * "file", "bytes", "index_digest"}], the older images that they need.
 */
#define MANIFEST_NAME "manifest.json"
/* One more than the sum of: */
#define MANIFEST_FORMAT 1
#define MANIFEST_BIT_FAST                                                      \
	1		       /* images with "fast" are in burst buffers, not \
				  in the folder */
#define MANIFEST_BIT_SOURCES 2 /* images need older ones: "sources" */
#define MANIFEST_FORMAT_LAST 4

/* manifest_digest - 16 hex digits of a 64-bit digest, as JSON and people see
 * it (JSON's own numbers do not hold 64 bits). */
void manifest_digest(uint64_t digest, char text[17]);

/* manifest_check - are all members there and sane?  Says which is not. */
int manifest_check(const json_t *manifest, struct err *err) must_check;

/* manifest_format - what an epoch with these images has. */
int manifest_format(const json_t *manifest, bool fast);
/* manifest_source - one of an image's "sources"; what is checked is given. */
struct image_source manifest_source(const json_t *source);
/* manifest_sources - "sources" for these; a new reference, NULL: no memory. */
json_t *manifest_sources(const struct image_source *sources, size_t n);

/* manifest_exited - had this rank ended before the epoch?  Gives its exit code,
 * or -1: it is in an image. */
int manifest_exited(const json_t *manifest, uint32_t rank);

/* manifest_commit - write, fsync, rename, fsync the folder: the commit.
 * Fills "format", and "time" if it is not there; refuses what manifest_load
 * would refuse, an image that is missing or has another size, and an epoch
 * that is committed already.  manifest itself is not changed. */
int manifest_commit(int epoch_dirfd, json_t *manifest,
		    struct err *err) must_check;
/* manifest_flushed - all images of an epoch that was committed in burst buffers
 * are in its folder now, too: replaces its manifest, by a rename.  Adds
 * "flushed", the time.  -ENOENT if it has no manifest any more. */
int manifest_flushed(int epoch_dirfd, json_t *manifest,
		     struct err *err) must_check;
/* manifest_parse - the text of a manifest, checked; what manifest_load does
 * once it has read the file.  Need not end with a NUL. */
int manifest_parse(const char *text, size_t len, json_t **manifest,
		   struct err *err) must_check;
/* manifest_load - read and check a committed epoch's manifest. */
int manifest_load(int dirfd, uint32_t epoch, json_t **manifest,
		  struct err *err) must_check;

struct epoch_entry {
	uint32_t epoch;
	json_t *manifest; /* owned by the catalog */
};
struct catalog {
	struct epoch_entry *epochs; /* committed ones, oldest first */
	size_t n;
};
/* catalog_load - all committed epochs of a folder.  Damaged manifests are not
 * among them: each is named in a warning through log. */
int catalog_load(const char *dir, struct catalog *catalog,
		 struct err *err) must_check;
void catalog_fini(struct catalog *catalog);

/* epoch_folder - make (or open) epoch-NNNNNN under dir; gives a descriptor.
 * create makes dir, too, and gives -EEXIST if the epoch is committed. */
int epoch_folder(const char *dir, uint32_t epoch, int create, int *dirfd,
		 struct err *err) must_check;
/* epoch_verify - manifest, every image, every byte (I1). */
int epoch_verify(const char *dir, uint32_t epoch, struct err *err) must_check;
/* epoch_newest - the newest committed epoch that verifies (deep: every byte;
 * else manifest, sizes and index digests), as far as can be seen from here.
 * Each that does not is named in a warning. -ENOENT if there is none. */
int epoch_newest(const char *dir, int deep, uint32_t *epoch,
		 struct err *err) must_check;
/* epoch_check - as epoch_verify with a choice: deep, every byte; else manifest,
 * sizes and index digests.  *manifest, if wanted, is the caller's.  -EREMOTE
 * (with the manifest): nothing is wrong, but images in other nodes' burst
 * buffers were not looked at. */
int epoch_check(const char *dir, uint32_t epoch, int deep, json_t **manifest,
		struct err *err) must_check;
/* prune - remove uncommitted leftovers older than the newest commit, and
 * committed epochs that are neither among the newest `keep`, nor among the
 * newest `keep` of those in the folder itself (I2: never the newest of either).
 * The manifest is removed first; of the images those stay that kept ones need.
 * busy: one that is being flushed, which stays (0: none). */
int prune(const char *dir, unsigned int keep, uint32_t busy,
	  struct err *err) must_check;

#endif
