/* SPDX-License-Identifier: BSD-3-Clause */
/* image.h - one node's image file of one epoch (FORMAT.md) */
#ifndef CAIRN_STORAGE_IMAGE_H
#define CAIRN_STORAGE_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/base/err.h"
#include "runtime/base/sheet.h"
#include "storage/codec.h"

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

struct image_base;
void image_base_destroy(struct image_base *base); /* NULL allowed */
uint32_t image_base_epoch(const struct image_base *base);
struct image_source;
/* image_base_sources - what its image refers to, itself not among them. */
const struct image_source *image_base_sources(const struct image_base *base,
					      size_t *n);

struct image_options {
	struct codec_wish compress; /* zeros: what takes the least time */
	int threads; /* compressing threads; 0: one for each idle core, >= 1 */
	/* What the image before holds (base.h): what is the same is not written
	 * again.  Must outlive the writer; NULL: nothing is known. */
	const struct image_base *base;
};

struct image_totals {
	uint64_t bytes;	       /* of the file */
	uint64_t memory_bytes; /* covered: saved regions of all ranks */
	uint64_t chunks;
	uint64_t zero_bytes;   /* of what was given: found to be zero */
	uint64_t older_bytes;  /* of memory whose bytes lie in older images */
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
/*
 * image_unchanged - memory of the rank that is as it was in the base
 *
 * From addr on takes over what the base has: *taken bytes.  The *wanted bytes
 * behind them must be given by image_pages after all, though they have not
 * changed: they lie in an image that is to be done without, or in too many
 * bits.  Call again for the rest, until taken + wanted is len.  Where the base
 * has nothing there is nothing now.  Without a base for this rank all is
 * wanted.
 */
int image_unchanged(struct image_writer *w, uint32_t rank, uint64_t addr,
		    uint64_t len, uint64_t *taken, uint64_t *wanted,
		    struct err *err) must_check;
/* image_rank_end - waits until all pages of the rank have been read. */
int image_rank_end(struct image_writer *w, uint32_t rank,
		   struct err *err) must_check;
int image_writer_finish(struct image_writer *w, struct image_totals *totals,
			struct err *err) must_check; /* frees w */
/* image_writer_finish_base - likewise, and gives what the next image of this
 * node can be based on: this is epoch `epoch`'s.  The caller's to destroy. */
int image_writer_finish_base(struct image_writer *w, uint32_t epoch,
			     struct image_totals *totals,
			     struct image_base **base,
			     struct err *err) must_check;
void image_writer_abort(struct image_writer *w); /* removes it; NULL allowed */

/*
 * READING.  Everything is checked: trailer, index digest, each chunk when read.
 * Nothing is allocated on the word of the file beyond its own size.
 */
struct image;
struct image_source;

struct image_chunk {
	uint64_t addr;	 /* in the rank's memory */
	uint64_t len;	 /* there, whole pages */
	uint64_t offset; /* in the file */
	uint64_t stored; /* bytes in the file; 0: a run of zero pages */
	uint64_t digest; /* XXH3 of the stored bytes */
	uint32_t rank;
	uint32_t codec;
	uint32_t raw;	  /* what the stored bytes decode to, of which */
	uint32_t skip;	  /* so many come before this memory */
	uint32_t source;  /* 0: this file; else the number of an older image */
	uint64_t hash[2]; /* XXH3, 128 bits, of what is decoded; known to the
			     writer only */
};

/* An older image that some of the memory lies in. */
struct image_source {
	uint32_t epoch;
	uint64_t bytes;	 /* of the file */
	uint64_t digest; /* of its index */
	char file[200];
};

/* image_open - with the older images that it needs, which are looked for beside
 * dirfd, in epoch-NNNNNN of the same folder, and must be those that it was made
 * with. */
int image_open(int dirfd, const char *name, struct image **im,
	       struct err *err) must_check;
void image_close(struct image *im);
/* image_probe - is this file the image that is referred to?  Its memory is not
 * looked at, nor what it needs itself. */
int image_probe(int dirfd, const struct image_source *source,
		struct err *err) must_check;
/* image_base_probe - are all images there that the next one may refer to?
 * dirfd is the folder of the epochs. */
int image_base_probe(const struct image_base *base, int dirfd,
		     struct err *err) must_check;
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
/* image_sources - the older images that it needs, by ascending epoch: chunk's
 * source 1 is the first; owned by im. */
const struct image_source *image_sources(const struct image *im, size_t *n);
/* image_read - one chunk's memory into buf (chunk->len bytes); thread-safe.
 * Best called for neighbours one after the other: what several chunks have in
 * common is then decoded once. */
int image_read(const struct image *im, const struct image_chunk *chunk,
	       void *buf, struct err *err) must_check;
/* image_verify - read and check every byte, also of what is used of older
 * images. */
int image_verify(const struct image *im, struct err *err) must_check;
const struct image_totals *image_totals(const struct image *im);

/* sheet_check - is this a well-formed sheet?  (bounds, strings, regions sorted
 * and apart).  For everybody who gets one from a file or another process. */
int sheet_check(const void *sheet, size_t len, struct err *err) must_check;

#endif
