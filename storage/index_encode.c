/* SPDX-License-Identifier: BSD-3-Clause */
/* index_encode.c - lay out the table at the end of an image */
#include "storage/index_private.h"

#include <errno.h>
#include <stdlib.h>
#include <xxhash.h>

#include "storage/format.h"

static int by_rank(const void *a, const void *b)
{
	const struct index_rank *x = a, *y = b;

	return (x->rank > y->rank) - (x->rank < y->rank);
}

static int by_addr(const void *a, const void *b)
{
	const struct image_chunk *x = a, *y = b;

	return (x->addr > y->addr) - (x->addr < y->addr);
}

/* Zeros, or two parts of what is stored as one. */
static int is_continued_by(const struct image_chunk *a,
			   const struct image_chunk *b)
{
	if (a->addr + a->len != b->addr)
		return 0;
	if (!a->stored || !b->stored)
		return !a->stored && !b->stored;
	return is_same_extent(a, b) && a->skip + a->len == b->skip;
}

static int tidy_rank(struct index_rank *r, struct err *err)
{
	struct image_chunk *c = r->chunks;
	size_t n = 0;

	if (!r->nchunks)
		return 0;
	qsort(c, r->nchunks, sizeof(*c), by_addr);
	for (size_t i = 1; i < r->nchunks; i++) {
		if (c[i].addr < c[n].addr + c[n].len)
			return err_set(err, -EINVAL,
				       "rank %u: its memory at %lx was given "
				       "twice",
				       r->rank, (unsigned long)c[i].addr);
		if (is_continued_by(&c[n], &c[i]))
			c[n].len += c[i].len;
		else
			c[++n] = c[i];
	}
	r->nchunks = n + 1;
	return 0;
}

static void encode_chunk(char *at, const struct image_chunk *c)
{
	put_u64(at, 0, c->addr);
	put_u64(at, 8, c->len);
	put_u64(at, 16, c->offset);
	put_u32(at, 24, (uint32_t)c->stored);
	put_u16(at, 28, (uint16_t)c->codec);
	put_u16(at, 30, (uint16_t)c->source);
	put_u64(at, 32, c->digest);
	put_u32(at, 40, c->skip);
	put_u32(at, 44, c->raw);
}

static void encode_source(char *at, const struct image_source *s)
{
	put_u32(at, 0, s->epoch);
	put_u64(at, 8, s->bytes);
	put_u64(at, 16, s->digest);
	memcpy(at + 24, s->file, strnlen(s->file, SOURCE_NAME - 1));
}

static void count_chunk(struct image_totals *totals,
			const struct image_chunk *c)
{
	if (!c->stored)
		totals->zero_bytes += c->len;
	else if (c->source)
		totals->older_bytes += c->len;
}

static int tidy(struct index *ix, size_t *sheets, struct err *err)
{
	*sheets = 0;
	ix->totals = (struct image_totals){ 0 };
	if (ix->nranks)
		qsort(ix->ranks, ix->nranks, sizeof(*ix->ranks), by_rank);
	for (size_t i = 0; i < ix->nranks; i++) {
		struct index_rank *r = &ix->ranks[i];
		int rc = tidy_rank(r, err);

		if (rc)
			return rc;
		*sheets += round_up8(r->sheet_len);
		ix->totals.chunks += r->nchunks;
		ix->totals.memory_bytes += sheet_saved_bytes(r->sheet);
		for (size_t k = 0; k < r->nchunks; k++)
			count_chunk(&ix->totals, &r->chunks[k]);
	}
	return 0;
}

int index_encode(struct index *ix, void **buf, size_t *len, struct err *err)
{
	size_t sheets, rank_at, source_at, chunk_at, sheet_at;
	char *b;
	int rc = tidy(ix, &sheets, err);

	if (rc)
		return rc;
	rank_at = INDEX_LEN;
	source_at = rank_at + ix->nranks * RANK_LEN;
	chunk_at = source_at + ix->nsources * SOURCE_LEN;
	sheet_at = chunk_at + ix->totals.chunks * CHUNK_LEN;
	*len = sheet_at + sheets;
	b = calloc(1, *len);
	if (!b)
		return err_set(err, -ENOMEM, "no memory for the index (%zu)",
			       *len);
	put_u64(b, 0, INDEX_MAGIC);
	put_u32(b, 8, FORMAT_VERSION);
	put_u32(b, 12, (uint32_t)ix->nranks);
	put_u64(b, 16, ix->totals.chunks);
	put_u64(b, 24, ix->totals.memory_bytes);
	put_u64(b, 32, ix->totals.zero_bytes);
	put_u64(b, 40, sheets);
	put_u32(b, 48, (uint32_t)ix->nsources);
	for (size_t i = 0; i < ix->nsources; i++)
		encode_source(b + source_at + i * SOURCE_LEN, &ix->sources[i]);
	for (size_t i = 0; i < ix->nranks; i++) {
		const struct index_rank *r = &ix->ranks[i];

		put_u32(b, rank_at, r->rank);
		put_u64(b, rank_at + 8, sheet_at);
		put_u64(b, rank_at + 16, r->sheet_len);
		put_u64(b, rank_at + 24, r->nchunks);
		rank_at += RANK_LEN;
		for (size_t k = 0; k < r->nchunks; k++, chunk_at += CHUNK_LEN)
			encode_chunk(b + chunk_at, &r->chunks[k]);
		memcpy(b + sheet_at, r->sheet, r->sheet_len);
		sheet_at += round_up8(r->sheet_len);
	}
	ix->totals.index_digest = XXH3_64bits(b, *len);
	*buf = b;
	return 0;
}
