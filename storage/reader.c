/* SPDX-License-Identifier: BSD-3-Clause */
/* reader.c - open an image, believe nothing, give its memory back */
#define _GNU_SOURCE
#include "storage/image.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "runtime/base/fmt.h"
#include "storage/codec.h"
#include "storage/format.h"
#include "storage/index.h"
#include "storage/owner.h"

/* Decompressing needs working memory; readers are many, so it is kept. */
struct codec_slot {
	struct codec_ctx *codec;
	char *stored; /* FORMAT_CHUNK_MAX bytes */
	struct codec_slot *next;
};

struct slots {
	pthread_mutex_t lock;
	struct codec_slot *free;
};

struct image {
	int fd;
	uint64_t len;
	char name[200];
	struct index ix;
	uint64_t data_end;
	struct slots *slots;
};

static int read_at(const struct image *im, void *buf, size_t len,
		   uint64_t offset, struct err *err)
{
	char *p = buf;

	while (len) {
		ssize_t n = pread(im->fd, p, len, (off_t)offset);
		int error = n < 0 ? errno : EIO;

		if (n > 0) {
			p += n;
			len -= (size_t)n;
			offset += (uint64_t)n;
		} else if (n == 0) {
			return err_set(err, -EBADMSG, "%s is cut short at %lu",
				       im->name, (unsigned long)offset);
		} else if (error != EINTR) {
			return err_set(err, -error, "cannot read %s: %s",
				       im->name, fmt_error(error));
		}
	}
	return 0;
}

static int damaged(const struct image *im, struct err *err, const char *what)
{
	return err_set(err, -EBADMSG,
		       "%s is damaged: %s; restart from another epoch",
		       im->name, what);
}

static int wrong_version(const struct image *im, uint32_t version,
			 struct err *err)
{
	return err_set(err, -EPROTONOSUPPORT,
		       "%s has format %u, but this Cairn reads %u; restart "
		       "with the Cairn that wrote it",
		       im->name, version, FORMAT_VERSION);
}

static int check_header(const struct image *im, struct err *err)
{
	char h[HEADER_LEN];
	int rc = read_at(im, h, sizeof(h), 0, err);

	if (rc)
		return rc;
	if (get_u64(h, 0) != HEADER_MAGIC)
		return damaged(im, err, "it is no image of Cairn");
	if (get_u64(h, 24) != XXH3_64bits(h, 24))
		return damaged(im, err, "the header's checksum differs");
	if (get_u32(h, 8) != FORMAT_VERSION)
		return wrong_version(im, get_u32(h, 8), err);
	if (get_u32(h, 12) != HEADER_LEN || get_u32(h, 16) != FORMAT_PAGE)
		return damaged(im, err, "the header is strange");
	for (size_t i = HEADER_FIELDS; i < HEADER_LEN; i++)
		if (h[i])
			return damaged(im, err, "the header is strange");
	return 0;
}

static int check_trailer(struct image *im, uint64_t *index_len,
			 uint64_t *digest, struct err *err)
{
	char t[TRAILER_LEN];
	int rc;

	if (im->len < HEADER_LEN + INDEX_LEN + TRAILER_LEN)
		return damaged(im, err, "it is cut short");
	rc = read_at(im, t, sizeof(t), im->len - TRAILER_LEN, err);
	if (rc)
		return rc;
	if (get_u64(t, 0) != TRAILER_MAGIC)
		return damaged(im, err, "it is cut short (no trailer)");
	if (get_u64(t, 56) != XXH3_64bits(t, 56))
		return damaged(im, err, "the trailer's checksum differs");
	if (get_u32(t, 8) != FORMAT_VERSION)
		return wrong_version(im, get_u32(t, 8), err);
	im->data_end = get_u64(t, 16);
	*index_len = get_u64(t, 24);
	*digest = get_u64(t, 32);
	if (get_u32(t, 12) != TRAILER_LEN || get_u64(t, 40) != im->len ||
	    get_u64(t, 48) || im->data_end < HEADER_LEN ||
	    im->data_end > im->len - TRAILER_LEN ||
	    *index_len != im->len - TRAILER_LEN - im->data_end)
		return damaged(im, err, "the trailer does not fit the file");
	return 0;
}

static int load_index(struct image *im, struct err *err)
{
	uint64_t len = 0, digest = 0;
	void *buf;
	int rc = check_trailer(im, &len, &digest, err);

	if (rc)
		return rc;
	buf = malloc(len);
	if (!buf)
		return err_set(err, -ENOMEM, "no memory for the index of %s",
			       im->name);
	rc = read_at(im, buf, len, im->data_end, err);
	if (!rc && XXH3_64bits(buf, len) != digest)
		rc = damaged(im, err, "the index's checksum differs");
	if (!rc) {
		rc = index_decode(buf, len, im->data_end, &im->ix, err);
		if (rc)
			err_prefix(err, rc, "%s", im->name);
	}
	im->ix.totals.bytes = im->len;
	free(buf);
	return rc;
}

static int open_file(struct image *im, int dirfd, const char *name,
		     struct err *err)
{
	struct stat st;
	int rc = owner_check_dir(dirfd, "the epoch's folder", err);

	if (rc)
		return rc;
	/* O_NONBLOCK: a planted FIFO must not hold us up. */
	im->fd = openat(dirfd, name,
			O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (im->fd < 0) {
		rc = -errno;
		return err_set(err, rc, "cannot open %s: %s", name,
			       fmt_error(rc));
	}
	rc = owner_check_file(im->fd, name, err);
	if (rc)
		return rc;
	if (fstat(im->fd, &st)) {
		rc = -errno;
		return err_set(err, rc, "cannot look at %s: %s", name,
			       fmt_error(rc));
	}
	im->len = (uint64_t)st.st_size;
	return 0;
}

int image_open(int dirfd, const char *name, struct image **image,
	       struct err *err)
{
	struct image *im = calloc(1, sizeof(*im));
	int rc;

	if (im)
		im->slots = calloc(1, sizeof(*im->slots));
	if (!im || !im->slots) {
		free(im);
		return err_set(err, -ENOMEM, "no memory to open %s", name);
	}
	pthread_mutex_init(&im->slots->lock, NULL);
	im->fd = -1;
	fmt_print(im->name, sizeof(im->name), "%s", name);
	rc = open_file(im, dirfd, name, err);
	if (!rc)
		rc = check_header(im, err);
	if (!rc)
		rc = load_index(im, err);
	if (rc) {
		image_close(im);
		return rc;
	}
	*image = im;
	return 0;
}

static void slot_destroy(struct codec_slot *slot)
{
	if (!slot)
		return;
	codec_destroy(slot->codec);
	free(slot->stored);
	free(slot);
}

void image_close(struct image *im)
{
	if (!im)
		return;
	if (im->fd >= 0)
		close(im->fd);
	while (im->slots->free) {
		struct codec_slot *slot = im->slots->free;

		im->slots->free = slot->next;
		slot_destroy(slot);
	}
	pthread_mutex_destroy(&im->slots->lock);
	free(im->slots);
	index_fini(&im->ix);
	free(im);
}

size_t image_nranks(const struct image *im)
{
	return im->ix.nranks;
}

uint32_t image_rank(const struct image *im, size_t i)
{
	return im->ix.ranks[i].rank;
}

const struct image_totals *image_totals(const struct image *im)
{
	return &im->ix.totals;
}

static int by_rank(const void *key, const void *entry)
{
	uint32_t rank = *(const uint32_t *)key;
	const struct index_rank *r = entry;

	return (rank > r->rank) - (rank < r->rank);
}

static int find_rank(const struct image *im, uint32_t rank,
		     const struct index_rank **r, struct err *err)
{
	*r = im->ix.nranks ? bsearch(&rank, im->ix.ranks, im->ix.nranks,
				     sizeof(**r), by_rank) :
			     NULL;
	if (!*r)
		return err_set(err, -ENOENT, "rank %u is not in %s", rank,
			       im->name);
	return 0;
}

int image_sheet(const struct image *im, uint32_t rank,
		const struct sheet **sheet, size_t *len, struct err *err)
{
	const struct index_rank *r;
	int rc = find_rank(im, rank, &r, err);

	if (rc)
		return rc;
	*sheet = r->sheet;
	*len = r->sheet_len;
	return 0;
}

int image_chunks(const struct image *im, uint32_t rank,
		 const struct image_chunk **chunks, size_t *n, struct err *err)
{
	const struct index_rank *r;
	int rc = find_rank(im, rank, &r, err);

	if (rc)
		return rc;
	*chunks = r->chunks;
	*n = r->nchunks;
	return 0;
}

static struct codec_slot *get_slot(struct slots *slots)
{
	struct codec_slot *slot;

	pthread_mutex_lock(&slots->lock);
	slot = slots->free;
	if (slot)
		slots->free = slot->next;
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

static int damaged_chunk(const struct image *im,
			 const struct image_chunk *chunk, const char *what,
			 struct err *err)
{
	return err_set(err, -EBADMSG,
		       "%s is damaged at byte %lu: memory of rank %u at %lx "
		       "%s; restart from another epoch",
		       im->name, (unsigned long)chunk->offset, chunk->rank,
		       (unsigned long)chunk->addr, what);
}

/* Stored bytes into dst, checked. */
static int read_stored(const struct image *im, const struct image_chunk *chunk,
		       void *dst, struct err *err)
{
	int rc = read_at(im, dst, chunk->stored, chunk->offset, err);

	if (rc)
		return rc;
	if (XXH3_64bits(dst, chunk->stored) != chunk->digest)
		return damaged_chunk(im, chunk, "has another checksum", err);
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
	slot = get_slot(im->slots);
	if (!slot)
		return err_set(err, -ENOMEM, "no memory to read %s", im->name);
	rc = read_stored(im, chunk, slot->stored, err);
	if (!rc && codec_decode(slot->codec, (enum codec)chunk->codec,
				slot->stored, chunk->stored, buf, chunk->len))
		rc = damaged_chunk(im, chunk, "does not decompress", err);
	put_slot(im->slots, slot);
	return rc;
}

/* --- every byte ----------------------------------------------------------- */

static int check_gap(const struct image *im, uint64_t from, uint64_t to,
		     struct err *err)
{
	char gap[FORMAT_PAGE];
	int rc = read_at(im, gap, to - from, from, err);

	for (size_t i = 0; !rc && i < to - from; i++)
		if (gap[i])
			rc = damaged(im, err, "padding is in use");
	return rc;
}

int image_verify(const struct image *im, struct err *err)
{
	const struct image_chunk **e = NULL;
	uint64_t at = HEADER_LEN;
	size_t n = 0;
	void *buf = malloc(FORMAT_CHUNK_MAX);
	int rc;

	if (!buf)
		return err_set(err, -ENOMEM, "no memory to check %s", im->name);
	/* In the order of the file; index and gaps' lengths were checked when
	 * it was opened. */
	rc = index_extents(&im->ix, &e, &n, err);
	for (size_t i = 0; i < n && !rc; i++) {
		rc = check_gap(im, at, e[i]->offset, err);
		if (!rc)
			rc = image_read(im, e[i], buf, err);
		at = e[i]->offset + e[i]->stored;
	}
	if (!rc)
		rc = check_gap(im, at, im->data_end, err);
	free(e);
	free(buf);
	return rc;
}
