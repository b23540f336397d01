/* SPDX-License-Identifier: BSD-3-Clause */
/* reader.c - open an image, believe nothing, give its memory back */
#define _GNU_SOURCE
#include "storage/reader_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "runtime/base/fmt.h"
#include "storage/base.h"
#include "storage/catalog.h"
#include "storage/format.h"
#include "storage/owner.h"

int reader_read_at(const struct image *im, void *buf, size_t len,
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

int reader_damaged(const struct image *im, struct err *err, const char *what)
{
	return err_set(err, -EBADMSG,
		       "%s is damaged: %s; restart from another epoch",
		       im->name, what);
}

static int check_version(struct image *im, uint32_t version, struct err *err)
{
	if (version < FORMAT_OLDEST || version > FORMAT_VERSION)
		return err_set(err, -EPROTONOSUPPORT,
			       "%s has format %u, but this Cairn reads %u to "
			       "%u; restart with the Cairn that wrote it",
			       im->name, version, FORMAT_OLDEST,
			       FORMAT_VERSION);
	if (im->version && im->version != version)
		return reader_damaged(im, err,
				      "its parts have different formats");
	im->version = version;
	return 0;
}

static int check_header(struct image *im, struct err *err)
{
	char h[HEADER_LEN];
	int rc = reader_read_at(im, h, sizeof(h), 0, err);

	if (rc)
		return rc;
	if (get_u64(h, 0) != HEADER_MAGIC)
		return reader_damaged(im, err, "it is no image of Cairn");
	if (get_u64(h, 24) != XXH3_64bits(h, 24))
		return reader_damaged(im, err, "the header's checksum differs");
	rc = check_version(im, get_u32(h, 8), err);
	if (rc)
		return rc;
	if (get_u32(h, 12) != HEADER_LEN || get_u32(h, 16) != FORMAT_PAGE)
		return reader_damaged(im, err, "the header is strange");
	for (size_t i = HEADER_FIELDS; i < HEADER_LEN; i++)
		if (h[i])
			return reader_damaged(im, err, "the header is strange");
	return 0;
}

static int check_trailer(struct image *im, uint64_t *index_len,
			 uint64_t *digest, struct err *err)
{
	char t[TRAILER_LEN];
	int rc;

	if (im->len < HEADER_LEN + INDEX_LEN + TRAILER_LEN)
		return reader_damaged(im, err, "it is cut short");
	rc = reader_read_at(im, t, sizeof(t), im->len - TRAILER_LEN, err);
	if (rc)
		return rc;
	if (get_u64(t, 0) != TRAILER_MAGIC)
		return reader_damaged(im, err, "it is cut short (no trailer)");
	if (get_u64(t, 56) != XXH3_64bits(t, 56))
		return reader_damaged(im, err,
				      "the trailer's checksum differs");
	rc = check_version(im, get_u32(t, 8), err);
	if (rc)
		return rc;
	im->data_end = get_u64(t, 16);
	*index_len = get_u64(t, 24);
	*digest = get_u64(t, 32);
	if (get_u32(t, 12) != TRAILER_LEN || get_u64(t, 40) != im->len ||
	    get_u64(t, 48) || im->data_end < HEADER_LEN ||
	    im->data_end > im->len - TRAILER_LEN ||
	    *index_len != im->len - TRAILER_LEN - im->data_end)
		return reader_damaged(im, err,
				      "the trailer does not fit the file");
	return 0;
}

/* Of a later Cairn, perhaps. */
static int check_codecs(const struct image *im, struct err *err)
{
	for (size_t r = 0; r < im->ix.nranks; r++) {
		const struct index_rank *x = &im->ix.ranks[r];

		for (size_t i = 0; i < x->nchunks; i++)
			if (x->chunks[i].codec >= CODEC_COUNT)
				return err_set(err, -EPROTONOSUPPORT,
					       "%s has memory of rank %u in "
					       "codec %u, which this Cairn "
					       "does not know; restart with "
					       "the Cairn that wrote it",
					       im->name, x->rank,
					       x->chunks[i].codec);
	}
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
	rc = reader_read_at(im, buf, len, im->data_end, err);
	if (!rc && XXH3_64bits(buf, len) != digest)
		rc = reader_damaged(im, err, "the index's checksum differs");
	if (!rc && get_u32(buf, 8) != im->version)
		rc = reader_damaged(im, err,
				    "its parts have different formats");
	if (!rc) {
		rc = index_decode(buf, len, im->data_end, &im->ix, err);
		if (rc)
			err_prefix(err, rc, "%s", im->name);
	}
	if (!rc)
		rc = check_codecs(im, err);
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

/* Is it the very image that was referred to?  Its own index tells nothing that
 * is needed; chunks have their checksums. */
static int open_source(struct image *im, int epoch_dirfd,
		       const struct image_source *s, struct err *err)
{
	uint64_t index_len, digest;
	int rc = open_file(im, epoch_dirfd, s->file, err);

	if (!rc)
		rc = check_header(im, err);
	if (!rc)
		rc = check_trailer(im, &index_len, &digest, err);
	if (!rc && (im->len != s->bytes || digest != s->digest))
		rc = err_set(err, -EBADMSG,
			     "%s is not the image that was referred to",
			     s->file);
	return rc;
}

int image_probe(int dirfd, const struct image_source *source, struct err *err)
{
	struct image im = { .fd = -1 };
	int rc;

	fmt_print(im.name, sizeof(im.name), "%s", source->file);
	rc = open_source(&im, dirfd, source, err);
	if (im.fd >= 0)
		close(im.fd);
	return rc;
}

int image_base_probe(const struct image_base *base, int dirfd, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < base->nsources && !rc; i++) {
		int fd;

		if (base->without[i])
			continue;
		rc = catalog_open_epoch(dirfd, base->sources[i].epoch, &fd,
					err);
		if (rc)
			break;
		rc = image_probe(fd, &base->sources[i], err);
		close(fd);
	}
	return rc;
}

static int open_sources(struct image *im, int dirfd, struct err *err)
{
	size_t n = im->ix.nsources;
	int parent, rc = 0;

	if (!n)
		return 0;
	im->sources = calloc(n, sizeof(*im->sources));
	if (!im->sources)
		return err_set(err, -ENOMEM, "no memory to open %s", im->name);
	for (size_t i = 0; i < n; i++)
		im->sources[i].fd = -1;
	parent = openat(dirfd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (parent < 0)
		return err_set(err, -errno,
			       "cannot open the folder of the epochs: %s",
			       fmt_error(errno));
	for (size_t i = 0; i < n && !rc; i++) {
		const struct image_source *s = &im->ix.sources[i];
		char folder[24];
		int fd;

		catalog_name(s->epoch, folder);
		fmt_print(im->sources[i].name, sizeof(im->sources[i].name),
			  "%s/%s", folder, s->file);
		rc = catalog_open_epoch(parent, s->epoch, &fd, err);
		if (!rc) {
			rc = open_source(&im->sources[i], fd, s, err);
			close(fd);
		}
		if (rc)
			err_prefix(err, rc, "%s needs %s", im->name,
				   im->sources[i].name);
		/* What is missing is not this image. */
		rc = rc == -ENOENT ? -EBADMSG : rc;
	}
	close(parent);
	return rc;
}

int image_open(int dirfd, const char *name, struct image **image,
	       struct err *err)
{
	struct image *im = calloc(1, sizeof(*im));
	int rc;

	if (im)
		im->slots = slots_create();
	if (!im || !im->slots) {
		free(im);
		return err_set(err, -ENOMEM, "no memory to open %s", name);
	}
	im->fd = -1;
	fmt_print(im->name, sizeof(im->name), "%s", name);
	rc = open_file(im, dirfd, name, err);
	if (!rc)
		rc = check_header(im, err);
	if (!rc)
		rc = load_index(im, err);
	if (!rc)
		rc = open_sources(im, dirfd, err);
	if (rc) {
		image_close(im);
		return rc;
	}
	*image = im;
	return 0;
}

void image_close(struct image *im)
{
	if (!im)
		return;
	if (im->fd >= 0)
		close(im->fd);
	slots_destroy(im->slots);
	for (size_t i = 0; im->sources && i < im->ix.nsources; i++)
		if (im->sources[i].fd >= 0)
			close(im->sources[i].fd);
	free(im->sources);
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

const struct image_source *image_sources(const struct image *im, size_t *n)
{
	*n = im->ix.nsources;
	return im->ix.sources;
}
