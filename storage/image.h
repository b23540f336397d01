/* SPDX-License-Identifier: BSD-3-Clause */
/* image.h - one node's image file of one epoch (FORMAT.md) */
#ifndef CAIRN_STORAGE_IMAGE_H
#define CAIRN_STORAGE_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/base/err.h"
#include "runtime/base/sheet.h"

/*
 * WRITING.  An image is made under a temporary name and holds any number of
 * ranks.  image_pages may be called from several threads at once, also for
 * several ranks; it copies what it needs before it returns, cuts into chunks,
 * drops zero pages, compresses in a pool of threads, checksums (XXH3, 64 bits)
 * and writes large sequential pieces.  Nothing is visible under the final name
 * before image_writer_finish, which writes index, trailer, fsyncs, renames,
 * fsyncs the folder.
 */
struct image_writer;

struct image_options {
	int level;   /* zstd level; 0: choose by probing each chunk */
	int threads; /* compressing threads; 0: one for each idle core, >= 1 */
};

struct image_totals {
	uint64_t bytes;	       /* of the file */
	uint64_t memory_bytes; /* covered: saved regions of all ranks */
	uint64_t chunks;
	uint64_t zero_bytes;   /* of what was given: found to be zero */
	uint64_t index_digest; /* XXH3 of the index: goes into the manifest */
};

int image_writer_create(int dirfd, const char *name,
			const struct image_options *options,
			struct image_writer **w, struct err *err) must_check;
/* image_rank_begin - open a section for a rank with its sheet (copied). */
/* Memory may only be given where the sheet has regions. */
int image_rank_begin(struct image_writer *w, uint32_t rank, const void *sheet,
		     size_t sheet_len, struct err *err) must_check;
/* image_rank_sheet - the same sheet once more, of the same length: flags of
 * regions that have become known meanwhile. */
int image_rank_sheet(struct image_writer *w, uint32_t rank, const void *sheet,
		     size_t sheet_len, struct err *err) must_check;
/* image_pages - whole pages of memory at address addr of the rank. */
int image_pages(struct image_writer *w, uint32_t rank, uint64_t addr,
		const void *data, size_t len, struct err *err) must_check;
/* image_pages_from - the same, but the pool itself reads from fd (another
 * process's /proc/PID/mem) at offset addr: one copy less.  fd must stay open,
 * and the memory as it is, until image_rank_end. */
int image_pages_from(struct image_writer *w, uint32_t rank, uint64_t addr,
		     int fd, size_t len, struct err *err) must_check;
/* image_rank_end - waits until all pages of the rank have been read. */
int image_rank_end(struct image_writer *w, uint32_t rank,
		   struct err *err) must_check;
int image_writer_finish(struct image_writer *w, struct image_totals *totals,
			struct err *err) must_check; /* frees w */
void image_writer_abort(struct image_writer *w); /* removes it; NULL allowed */

/*
 * READING.  Everything is checked: trailer, index digest, each chunk when read.
 * Nothing is allocated on the word of the file beyond its own size.
 */
struct image;

struct image_chunk {
	uint64_t addr;	 /* in the rank's memory */
	uint64_t len;	 /* there, whole pages */
	uint64_t offset; /* in the file */
	uint64_t stored; /* bytes in the file; 0: a run of zero pages */
	uint64_t digest; /* XXH3 of the stored bytes */
	uint32_t rank;
	uint32_t codec;
};

int image_open(int dirfd, const char *name, struct image **im,
	       struct err *err) must_check;
void image_close(struct image *im);
size_t image_nranks(const struct image *im);
uint32_t image_rank(const struct image *im, size_t i);
/* image_sheet - a rank's sheet, checked to be well-formed; owned by im. */
int image_sheet(const struct image *im, uint32_t rank,
		const struct sheet **sheet, size_t *len,
		struct err *err) must_check;
/* image_chunks - a rank's chunks by ascending address; owned by im. */
int image_chunks(const struct image *im, uint32_t rank,
		 const struct image_chunk **chunks, size_t *n,
		 struct err *err) must_check;
/* image_read - one chunk's memory into buf (chunk->len bytes); thread-safe. */
int image_read(const struct image *im, const struct image_chunk *chunk,
	       void *buf, struct err *err) must_check;
/* image_verify - read and check every byte. */
int image_verify(const struct image *im, struct err *err) must_check;
const struct image_totals *image_totals(const struct image *im);

/* sheet_check - is this a well-formed sheet?  (bounds, strings, regions sorted
 * and apart).  For everybody who gets one from a file or another process. */
int sheet_check(const void *sheet, size_t len, struct err *err) must_check;

#endif
