/* SPDX-License-Identifier: BSD-3-Clause */
/* index.c - the table at the end of an image: what lies where */
#include "storage/index.h"

#include <errno.h>
#include <stdlib.h>
#include <xxhash.h>

#include "storage/format.h"

static size_t round_up8(size_t n)
{
	return (n + 7) & ~(size_t)7;
}

static uint64_t sheet_saved_bytes(const struct sheet *s)
{
	const void *at = (const char *)s + s->regions;
	const struct region *r = at;
	uint64_t sum = 0;

	for (uint32_t i = 0; i < s->nregions; i++)
		if (r[i].flags & REGION_SAVE)
			sum += r[i].len;
	return sum;
}

/* --- writing ------------------------------------------------------------- */

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

static int is_continued_by(const struct image_chunk *a,
			   const struct image_chunk *b)
{
	return !a->stored && !b->stored && a->addr + a->len == b->addr;
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
	put_u64(at, 32, c->digest);
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
			if (!r->chunks[k].stored)
				ix->totals.zero_bytes += r->chunks[k].len;
	}
	return 0;
}

int index_encode(struct index *ix, void **buf, size_t *len, struct err *err)
{
	size_t sheets, rank_at, chunk_at, sheet_at;
	char *b;
	int rc = tidy(ix, &sheets, err);

	if (rc)
		return rc;
	rank_at = INDEX_LEN;
	chunk_at = rank_at + ix->nranks * RANK_LEN;
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

/* --- reading ------------------------------------------------------------- */

struct cursor {
	const char *b;
	size_t len;
	size_t rank_at, chunk_at, sheet_at; /* what comes next */
	size_t chunk_begin, chunk_end;
	uint64_t data_end;
};

static int is_zeros(const char *p, size_t len)
{
	while (len--)
		if (*p++)
			return 0;
	return 1;
}

static int damaged(struct err *err, const char *what, uint64_t value)
{
	return err_set(err, -EBADMSG, "index: %s (%lu)", what,
		       (unsigned long)value);
}

/* Do the counts add up to exactly len bytes?  (Each is at most len, so no
 * product below can overflow.) */
static int decode_header(struct cursor *c, struct index *ix, struct err *err)
{
	uint64_t nranks, nchunks, sheets;

	if (c->len < INDEX_LEN || get_u64(c->b, 0) != INDEX_MAGIC)
		return damaged(err, "wrong magic", c->len);
	if (get_u32(c->b, 8) != FORMAT_VERSION)
		return err_set(err, -EPROTONOSUPPORT,
			       "index: version %u, but this Cairn knows %u",
			       get_u32(c->b, 8), FORMAT_VERSION);
	nranks = get_u32(c->b, 12);
	nchunks = get_u64(c->b, 16);
	sheets = get_u64(c->b, 40);
	if (nranks > c->len / RANK_LEN || nranks > FORMAT_RANKS_MAX)
		return damaged(err, "more ranks than it can hold", nranks);
	if (nchunks > c->len / CHUNK_LEN)
		return damaged(err, "more chunks than it can hold", nchunks);
	if (sheets > c->len ||
	    INDEX_LEN + nranks * RANK_LEN + nchunks * CHUNK_LEN + sheets !=
		    c->len)
		return damaged(err, "its parts do not add up", c->len);
	if (!is_zeros(c->b + 48, INDEX_LEN - 48))
		return damaged(err, "reserved fields are in use", 48);
	c->rank_at = INDEX_LEN;
	c->chunk_at = c->chunk_begin = c->rank_at + nranks * RANK_LEN;
	c->sheet_at = c->chunk_end = c->chunk_at + nchunks * CHUNK_LEN;
	ix->totals.chunks = nchunks;
	ix->totals.memory_bytes = get_u64(c->b, 24);
	ix->totals.zero_bytes = get_u64(c->b, 32);
	ix->ranks = calloc(nranks ? nranks : 1, sizeof(*ix->ranks));
	ix->all = calloc(nchunks ? nchunks : 1, sizeof(*ix->all));
	if (!ix->ranks || !ix->all)
		return err_set(err, -ENOMEM, "no memory for an index");
	return 0;
}

static int decode_sheet(struct cursor *c, struct index_rank *r, struct err *err)
{
	const char *entry = c->b + c->rank_at;
	uint64_t at = get_u64(entry, 8), len = get_u64(entry, 16);
	size_t room = c->len - c->sheet_at;
	int rc;

	if (at != c->sheet_at || len > room || round_up8(len) > room)
		return damaged(err, "a sheet lies outside", at);
	r->sheet = malloc(len + 1);
	if (!r->sheet)
		return err_set(err, -ENOMEM, "no memory for a sheet");
	memcpy(r->sheet, c->b + at, len);
	r->sheet_len = len;
	if (!is_zeros(c->b + at + len, round_up8(len) - len))
		return damaged(err, "padding is in use", at);
	c->sheet_at += round_up8(len);
	rc = sheet_check(r->sheet, len, err);
	return rc ? err_prefix(err, rc, "rank %u", r->rank) : 0;
}

static int check_chunk(const struct cursor *c, const struct image_chunk *k,
		       struct err *err)
{
	if (k->addr % FORMAT_PAGE || k->len % FORMAT_PAGE || !k->len ||
	    k->addr >= FORMAT_ADDR_END || k->len > FORMAT_ADDR_END - k->addr)
		return damaged(err, "a chunk of impossible memory", k->addr);
	if (!k->stored)
		return k->codec || k->offset || k->digest ?
			       damaged(err, "a strange run of zeros", k->addr) :
			       0;
	if (!k->codec || k->len > FORMAT_CHUNK_MAX || k->stored > k->len)
		return damaged(err, "a chunk of impossible size", k->addr);
	if (k->offset < HEADER_LEN || k->offset > c->data_end ||
	    k->stored > c->data_end - k->offset)
		return damaged(err, "a chunk outside of the data", k->offset);
	return 0;
}

static int decode_chunks(struct cursor *c, struct index_rank *r,
			 struct err *err)
{
	uint64_t n = get_u64(c->b + c->rank_at, 24), end = 0;

	if (n > (c->chunk_end - c->chunk_at) / CHUNK_LEN)
		return damaged(err, "a rank with more chunks than there are",
			       n);
	r->nchunks = n;
	for (size_t i = 0; i < n; i++, c->chunk_at += CHUNK_LEN) {
		const char *at = c->b + c->chunk_at;
		struct image_chunk *k = &r->chunks[i];
		int rc;

		k->rank = r->rank;
		k->addr = get_u64(at, 0);
		k->len = get_u64(at, 8);
		k->offset = get_u64(at, 16);
		k->stored = get_u32(at, 24);
		k->codec = get_u16(at, 28);
		k->digest = get_u64(at, 32);
		if (get_u16(at, 30))
			return damaged(err, "reserved fields are in use", 30);
		rc = check_chunk(c, k, err);
		if (rc)
			return rc;
		if (k->addr < end)
			return damaged(err, "chunks overlap in memory",
				       k->addr);
		end = k->addr + k->len;
	}
	return 0;
}

/* Memory outside of the sheet's regions would be written over something
 * else at a restart. */
static int check_regions(const struct index_rank *r, struct err *err)
{
	const struct sheet *s = r->sheet;
	const void *base = (const char *)r->sheet + s->regions;
	const struct region *g = base;
	size_t i = 0;

	for (size_t k = 0; k < r->nchunks; k++) {
		uint64_t at = r->chunks[k].addr;
		uint64_t end = at + r->chunks[k].len;

		while (at < end) {
			while (i < s->nregions && g[i].start + g[i].len <= at)
				i++;
			if (i == s->nregions || g[i].start > at)
				return err_set(err, -EBADMSG,
					       "index: rank %u has a chunk at "
					       "%lx, outside of its regions",
					       r->rank, (unsigned long)at);
			at = g[i].start + g[i].len;
		}
	}
	return 0;
}

static int decode_rank(struct cursor *c, struct index *ix, struct err *err)
{
	struct index_rank *r = &ix->ranks[ix->nranks];
	int rc;

	r->rank = get_u32(c->b, c->rank_at);
	r->chunks = ix->all + (c->chunk_at - c->chunk_begin) / CHUNK_LEN;
	ix->nranks++; /* index_fini frees its sheet from here on */
	if (get_u32(c->b, c->rank_at + 4))
		return damaged(err, "reserved fields are in use", r->rank);
	if (ix->nranks > 1 && r->rank <= r[-1].rank)
		return damaged(err, "ranks are out of order", r->rank);
	rc = decode_sheet(c, r, err);
	if (rc)
		return rc;
	rc = decode_chunks(c, r, err);
	if (rc)
		return rc;
	c->rank_at += RANK_LEN;
	return check_regions(r, err);
}

static int by_offset(const void *a, const void *b)
{
	const struct image_chunk *x = *(const struct image_chunk *const *)a;
	const struct image_chunk *y = *(const struct image_chunk *const *)b;

	return (x->offset > y->offset) - (x->offset < y->offset);
}

static int is_same_extent(const struct image_chunk *a,
			  const struct image_chunk *b)
{
	return a->offset == b->offset && a->stored == b->stored &&
	       a->digest == b->digest && a->codec == b->codec &&
	       a->len == b->len;
}

int index_extents(const struct index *ix, const struct image_chunk ***extents,
		  size_t *n, struct err *err)
{
	const struct image_chunk **e;
	size_t count = 0, kept = 0;

	e = calloc(ix->totals.chunks + 1, sizeof(*e));
	if (!e)
		return err_set(err, -ENOMEM, "no memory for an index");
	for (size_t i = 0; i < ix->nranks; i++)
		for (size_t k = 0; k < ix->ranks[i].nchunks; k++)
			if (ix->ranks[i].chunks[k].stored)
				e[count++] = &ix->ranks[i].chunks[k];
	qsort(e, count, sizeof(*e), by_offset);
	for (size_t i = 0; i < count; i++)
		if (!i || !is_same_extent(e[kept - 1], e[i]))
			e[kept++] = e[i];
	*extents = e;
	*n = kept;
	return 0;
}

static int check_extents(const struct index *ix, uint64_t data_end,
			 struct err *err)
{
	const struct image_chunk **e;
	uint64_t end = HEADER_LEN;
	size_t n;
	int rc = index_extents(ix, &e, &n, err);

	if (rc)
		return rc;
	for (size_t i = 0; i < n && !rc; i++) {
		if (e[i]->offset < end)
			rc = damaged(err, "chunks overlap in the file",
				     e[i]->offset);
		else if (e[i]->offset - end >= FORMAT_PAGE)
			rc = damaged(err, "a gap between chunks", end);
		end = e[i]->offset + e[i]->stored;
	}
	if (!rc && data_end - end >= FORMAT_PAGE)
		rc = damaged(err, "a gap behind the chunks", end);
	free(e);
	return rc;
}

static int check_totals(const struct index *ix, struct err *err)
{
	uint64_t memory = 0, zeros = 0;

	for (size_t i = 0; i < ix->nranks; i++)
		memory += sheet_saved_bytes(ix->ranks[i].sheet);
	for (size_t k = 0; k < ix->totals.chunks; k++)
		if (!ix->all[k].stored)
			zeros += ix->all[k].len;
	if (memory != ix->totals.memory_bytes || zeros != ix->totals.zero_bytes)
		return damaged(err, "its totals are wrong", memory);
	return 0;
}

static int decode(struct cursor *c, struct index *ix, struct err *err)
{
	uint32_t nranks;
	int rc = decode_header(c, ix, err);

	if (rc)
		return rc;
	nranks = get_u32(c->b, 12);
	while (ix->nranks < nranks) {
		rc = decode_rank(c, ix, err);
		if (rc)
			return rc;
	}
	if (c->chunk_at != c->chunk_end || c->sheet_at != c->len)
		return damaged(err, "parts belong to no rank", c->chunk_at);
	rc = check_totals(ix, err);
	if (rc)
		return rc;
	return check_extents(ix, c->data_end, err);
}

int index_decode(const void *buf, size_t len, uint64_t data_end,
		 struct index *ix, struct err *err)
{
	struct cursor c = { .b = buf, .len = len, .data_end = data_end };
	int rc;

	memset(ix, 0, sizeof(*ix));
	if (data_end < HEADER_LEN)
		return damaged(err, "it begins inside the header", data_end);
	ix->totals.index_digest = XXH3_64bits(buf, len);
	rc = decode(&c, ix, err);
	if (rc)
		index_fini(ix);
	return rc;
}

void index_fini(struct index *ix)
{
	for (size_t i = 0; i < ix->nranks; i++) {
		free(ix->ranks[i].sheet);
		if (!ix->all)
			free(ix->ranks[i].chunks);
	}
	free(ix->ranks);
	free(ix->all);
	memset(ix, 0, sizeof(*ix));
}
