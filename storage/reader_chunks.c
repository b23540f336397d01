/* SPDX-License-Identifier: BSD-3-Clause */
/* reader_chunks.c - an image's memory, and every byte of it checked */
#include "storage/reader_private.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "storage/codec.h"
#include "storage/format.h"

/* Decompressing needs working memory; readers are many, so it is kept. */
struct codec_slot {
	struct codec_ctx *codec;
	char *stored; /* FORMAT_CHUNK_MAX bytes */
	/* What was decoded last, of which only a part was wanted. */
	char *whole;	 /* FORMAT_CHUNK_MAX bytes, or NULL */
	uint32_t source; /* what it is; offset 0: nothing */
	uint64_t offset;
	struct codec_slot *next;
};

struct slots {
	pthread_mutex_t lock;
	struct codec_slot *free;
};

static void slot_destroy(struct codec_slot *slot)
{
	if (!slot)
		return;
	codec_destroy(slot->codec);
	free(slot->stored);
	free(slot->whole);
	free(slot);
}

struct slots *slots_create(void)
{
	struct slots *slots = calloc(1, sizeof(*slots));

	if (slots)
		pthread_mutex_init(&slots->lock, NULL);
	return slots;
}

void slots_destroy(struct slots *slots)
{
	if (!slots)
		return;
	while (slots->free) {
		struct codec_slot *slot = slots->free;

		slots->free = slot->next;
		slot_destroy(slot);
	}
	pthread_mutex_destroy(&slots->lock);
	free(slots);
}

static int has_whole(const struct codec_slot *slot,
		     const struct image_chunk *chunk)
{
	return slot->offset == chunk->offset && slot->source == chunk->source;
}

/* One that has the chunk already, if there is one. */
static struct codec_slot *get_slot(struct slots *slots,
				   const struct image_chunk *chunk)
{
	struct codec_slot **at, *slot;

	pthread_mutex_lock(&slots->lock);
	for (at = &slots->free; *at && !has_whole(*at, chunk);)
		at = &(*at)->next;
	if (!*at)
		at = &slots->free;
	slot = *at;
	if (slot)
		*at = slot->next;
	pthread_mutex_unlock(&slots->lock);
	if (slot)
		return slot;
	slot = calloc(1, sizeof(*slot));
	if (!slot)
		return NULL;
	slot->codec = codec_create();
	slot->stored = malloc(FORMAT_CHUNK_MAX);
	if (slot->codec && slot->stored)
		return slot;
	slot_destroy(slot);
	return NULL;
}

static void put_slot(struct slots *slots, struct codec_slot *slot)
{
	pthread_mutex_lock(&slots->lock);
	slot->next = slots->free;
	slots->free = slot;
	pthread_mutex_unlock(&slots->lock);
}

static const struct image *file_of(const struct image *im,
				   const struct image_chunk *chunk)
{
	return chunk->source ? &im->sources[chunk->source - 1] : im;
}

static int damaged_chunk(const struct image *im,
			 const struct image_chunk *chunk, const char *what,
			 struct err *err)
{
	return err_set(err, -EBADMSG,
		       "%s is damaged at byte %lu: memory of rank %u at %lx "
		       "%s; restart from another epoch",
		       file_of(im, chunk)->name, (unsigned long)chunk->offset,
		       chunk->rank, (unsigned long)chunk->addr, what);
}

/* Stored bytes into dst, checked. */
static int read_stored(const struct image *im, const struct image_chunk *chunk,
		       void *dst, struct err *err)
{
	int rc = reader_read_at(file_of(im, chunk), dst, chunk->stored,
				chunk->offset, err);

	if (rc)
		return rc;
	if (XXH3_64bits(dst, chunk->stored) != chunk->digest)
		return damaged_chunk(im, chunk, "has another checksum", err);
	return 0;
}

/* All that is stored there, chunk->raw bytes. */
static int read_whole(const struct image *im, const struct image_chunk *chunk,
		      struct codec_slot *slot, void *buf, struct err *err)
{
	int rc = read_stored(im, chunk, slot->stored, err);

	if (!rc && codec_decode(slot->codec, (enum codec)chunk->codec,
				slot->stored, chunk->stored, buf, chunk->raw))
		rc = damaged_chunk(im, chunk, "does not decompress", err);
	return rc;
}

static int read_part(const struct image *im, const struct image_chunk *chunk,
		     struct codec_slot *slot, void *buf, struct err *err)
{
	int rc = 0;

	if (!has_whole(slot, chunk)) {
		slot->offset = 0;
		if (!slot->whole)
			slot->whole = malloc(FORMAT_CHUNK_MAX);
		if (!slot->whole)
			return err_set(err, -ENOMEM, "no memory to read %s",
				       im->name);
		rc = read_whole(im, chunk, slot, slot->whole, err);
	}
	if (rc)
		return rc;
	slot->source = chunk->source;
	slot->offset = chunk->offset;
	memcpy(buf, slot->whole + chunk->skip, chunk->len);
	return 0;
}

int image_read(const struct image *im, const struct image_chunk *chunk,
	       void *buf, struct err *err)
{
	struct codec_slot *slot;
	int rc;

	if (chunk->codec == CODEC_ZERO) {
		memset(buf, 0, chunk->len);
		return 0;
	}
	if (chunk->codec == CODEC_RAW && chunk->stored == chunk->len)
		return read_stored(im, chunk, buf, err);
	slot = get_slot(im->slots, chunk);
	if (!slot)
		return err_set(err, -ENOMEM, "no memory to read %s", im->name);
	if (chunk->len == chunk->raw)
		rc = read_whole(im, chunk, slot, buf, err);
	else
		rc = read_part(im, chunk, slot, buf, err);
	put_slot(im->slots, slot);
	return rc;
}

/* --- every byte ----------------------------------------------------------- */

static int check_gap(const struct image *im, uint64_t from, uint64_t to,
		     struct err *err)
{
	char gap[FORMAT_PAGE];
	int rc = reader_read_at(im, gap, to - from, from, err);

	for (size_t i = 0; !rc && i < to - from; i++)
		if (gap[i])
			rc = reader_damaged(im, err, "padding is in use");
	return rc;
}

int image_verify(const struct image *im, struct err *err)
{
	const struct image_chunk **e = NULL;
	uint64_t at = HEADER_LEN;
	size_t n = 0, i;
	void *buf = malloc(FORMAT_CHUNK_MAX);
	int rc;

	if (!buf)
		return err_set(err, -ENOMEM, "no memory to check %s", im->name);
	/* In the order of the file; index and gaps' lengths were checked when
	 * it was opened.  What others have follows. */
	rc = index_extents(&im->ix, &e, &n, err);
	for (i = 0; i < n && !rc && !e[i]->source; i++) {
		rc = check_gap(im, at, e[i]->offset, err);
		if (!rc)
			rc = image_read(im, e[i], buf, err);
		at = e[i]->offset + e[i]->stored;
	}
	if (!rc)
		rc = check_gap(im, at, im->data_end, err);
	for (; i < n && !rc; i++)
		rc = image_read(im, e[i], buf, err);
	free(e);
	free(buf);
	return rc;
}
