/* SPDX-License-Identifier: BSD-3-Clause */
/* writer_finish.c - index, trailer and header; then the image gets its name */
#define _GNU_SOURCE
#include "storage/writer_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "runtime/base/fmt.h"
#include "storage/format.h"

static int gather(struct image_writer *w, struct index *ix, struct err *err)
{
	ix->ranks = calloc(w->nsections + 1, sizeof(*ix->ranks));
	if (!ix->ranks)
		return err_set(err, -ENOMEM, "no memory for the index of %s",
			       w->commit.name);
	for (; ix->nranks < w->nsections; ix->nranks++) {
		struct section *s = w->sections[ix->nranks];

		if (!s->ended)
			return err_set(err, -EINVAL,
				       "rank %u was begun but not ended",
				       s->ix.rank);
		/* The index owns sheet and chunks from here. */
		ix->ranks[ix->nranks] = s->ix;
		s->ix.sheet = NULL;
		s->ix.chunks = NULL;
	}
	return 0;
}

static int write_header(struct image_writer *w, struct err *err)
{
	char header[HEADER_LEN] = { 0 };

	put_u64(header, 0, HEADER_MAGIC);
	put_u32(header, 8, FORMAT_VERSION);
	put_u32(header, 12, HEADER_LEN);
	put_u32(header, 16, FORMAT_PAGE);
	put_u64(header, 24, XXH3_64bits(header, 24));
	return commit_pwrite(w->commit.fd, header, sizeof(header), 0,
			     w->commit.name, err);
}

static int write_trailer(struct image_writer *w, uint64_t at, size_t index_len,
			 uint64_t digest, struct err *err)
{
	char t[TRAILER_LEN] = { 0 };

	put_u64(t, 0, TRAILER_MAGIC);
	put_u32(t, 8, FORMAT_VERSION);
	put_u32(t, 12, TRAILER_LEN);
	put_u64(t, 16, at);
	put_u64(t, 24, index_len);
	put_u64(t, 32, digest);
	put_u64(t, 40, at + index_len + TRAILER_LEN);
	put_u64(t, 56, XXH3_64bits(t, 56));
	return commit_pwrite(w->commit.fd, t, sizeof(t), at + index_len,
			     w->commit.name, err);
}

static int write_index(struct image_writer *w, uint64_t at, struct index *ix,
		       struct image_totals *totals, struct err *err)
{
	struct index again = { 0 };
	void *buf = NULL;
	size_t len = 0;
	int rc = gather(w, ix, err);

	if (!rc)
		rc = writer_settle(w, ix, err);
	if (!rc)
		rc = index_encode(ix, &buf, &len, err);
	/* What our own reader would refuse is never committed. */
	if (!rc)
		rc = index_decode(buf, len, at, &again, err);
	if (!rc)
		rc = commit_pwrite(w->commit.fd, buf, len, at, w->commit.name,
				   err);
	if (!rc)
		rc = write_trailer(w, at, len, ix->totals.index_digest, err);
	if (!rc) {
		*totals = ix->totals;
		totals->bytes = at + len + TRAILER_LEN;
	}
	free(buf);
	index_fini(&again);
	return rc;
}

/* Before the commit: an image of which the next one cannot know is no use. */
static int make_base(struct image_writer *w, uint32_t epoch, struct index *ix,
		     const struct image_totals *totals,
		     struct image_base **base, struct err *err)
{
	struct image_source self = { .epoch = epoch,
				     .bytes = totals->bytes,
				     .digest = totals->index_digest };

	memcpy(self.file, w->commit.name,
	       strnlen(w->commit.name, sizeof(self.file) - 1));
	return base_create(ix, &self, base, err);
}

int image_writer_finish(struct image_writer *w, struct image_totals *totals,
			struct err *err)
{
	return image_writer_finish_base(w, 0, totals, NULL, err);
}

int image_writer_finish_base(struct image_writer *w, uint32_t epoch,
			     struct image_totals *totals,
			     struct image_base **base, struct err *err)
{
	struct image_totals mine = { 0 };
	struct image_base *made = NULL;
	struct index ix = { 0 };
	uint64_t end = 0;
	int rc, sink_rc;

	workers_stop(w); /* each flushes its last piece */
	sink_rc = sink_finish(w->sink, &end, err);
	pthread_mutex_lock(&w->lock);
	rc = writer_failure(w, err);
	pthread_mutex_unlock(&w->lock);
	if (!rc)
		rc = sink_rc;
	if (!rc)
		rc = write_header(w, err);
	if (!rc)
		rc = write_index(w, end, &ix, &mine, err);
	if (!rc && base)
		rc = make_base(w, epoch, &ix, &mine, &made, err);
	if (!rc)
		rc = commit_end(&w->commit, err);
	if (!rc && totals)
		*totals = mine;
	if (!rc && base)
		*base = made;
	else
		image_base_destroy(made);
	index_fini(&ix);
	writer_destroy(w);
	return rc;
}
