/* SPDX-License-Identifier: BSD-3-Clause */
/* index.c - take apart the table at the end of an image, believing nothing */
#include "storage/index_private.h"

#include <errno.h>
#include <stdlib.h>
#include <xxhash.h>

#include "storage/codec.h"
#include "storage/format.h"

struct cursor {
	const char *b;
	size_t len;
	size_t rank_at, chunk_at, sheet_at; /* what comes next */
	size_t source_at;
	size_t chunk_begin, chunk_end;
	size_t chunk_len; /* of an entry */
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
	uint64_t nranks, nchunks, sheets, nsources = 0;
	uint32_t version;

	if (c->len < INDEX_LEN || get_u64(c->b, 0) != INDEX_MAGIC)
		return damaged(err, "wrong magic", c->len);
	version = get_u32(c->b, 8);
	if (version < FORMAT_OLDEST || version > FORMAT_VERSION)
		return err_set(err, -EPROTONOSUPPORT,
			       "index: version %u, but this Cairn knows %u",
			       version, FORMAT_VERSION);
	c->chunk_len = version == 1 ? CHUNK_LEN_1 : CHUNK_LEN;
	if (version > 1)
		nsources = get_u32(c->b, 48);
	nranks = get_u32(c->b, 12);
	nchunks = get_u64(c->b, 16);
	sheets = get_u64(c->b, 40);
	if (nranks > c->len / RANK_LEN || nranks > FORMAT_RANKS_MAX)
		return damaged(err, "more ranks than it can hold", nranks);
	if (nsources > FORMAT_SOURCES_MAX)
		return damaged(err, "more sources than there may be", nsources);
	if (nchunks > c->len / c->chunk_len)
		return damaged(err, "more chunks than it can hold", nchunks);
	if (sheets > c->len ||
	    INDEX_LEN + nranks * RANK_LEN + nsources * SOURCE_LEN +
			    nchunks * c->chunk_len + sheets !=
		    c->len)
		return damaged(err, "its parts do not add up", c->len);
	if (!is_zeros(c->b + (version == 1 ? 48 : 52), version == 1 ? 16 : 12))
		return damaged(err, "reserved fields are in use", 48);
	c->rank_at = INDEX_LEN;
	c->source_at = c->rank_at + nranks * RANK_LEN;
	c->chunk_at = c->chunk_begin = c->source_at + nsources * SOURCE_LEN;
	c->sheet_at = c->chunk_end = c->chunk_at + nchunks * c->chunk_len;
	ix->nsources = nsources;
	ix->totals.chunks = nchunks;
	ix->totals.memory_bytes = get_u64(c->b, 24);
	ix->totals.zero_bytes = get_u64(c->b, 32);
	ix->ranks = calloc(nranks ? nranks : 1, sizeof(*ix->ranks));
	ix->all = calloc(nchunks ? nchunks : 1, sizeof(*ix->all));
	ix->sources = calloc(nsources ? nsources : 1, sizeof(*ix->sources));
	if (!ix->ranks || !ix->all || !ix->sources)
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

static int is_plain_name(const char *field)
{
	size_t len = strnlen(field, SOURCE_NAME);

	return len && len < SOURCE_NAME && field[0] != '.' &&
	       !memchr(field, '/', len) &&
	       is_zeros(field + len, SOURCE_NAME - len);
}

static int is_before(const struct image_source *a, const struct image_source *b)
{
	return a->epoch < b->epoch ||
	       (a->epoch == b->epoch && strcmp(a->file, b->file) < 0);
}

static int decode_sources(struct cursor *c, struct index *ix, struct err *err)
{
	for (size_t i = 0; i < ix->nsources; i++, c->source_at += SOURCE_LEN) {
		struct image_source *s = &ix->sources[i];
		const char *at = c->b + c->source_at;

		s->epoch = get_u32(at, 0);
		s->bytes = get_u64(at, 8);
		s->digest = get_u64(at, 16);
		if (get_u32(at, 4))
			return damaged(err, "reserved fields are in use", 4);
		if (!is_plain_name(at + 24))
			return damaged(err, "a source without a plain name",
				       i + 1);
		memcpy(s->file, at + 24, SOURCE_NAME);
		if (s->bytes < HEADER_LEN + INDEX_LEN + TRAILER_LEN)
			return damaged(err, "a source that is too short",
				       s->bytes);
		if (i && !is_before(s - 1, s))
			return damaged(err, "sources are out of order", i + 1);
	}
	return 0;
}

/* Where chunks of this source must end at the latest. */
static uint64_t data_end_of(const struct cursor *c, const struct index *ix,
			    uint32_t source)
{
	return source ?
		       ix->sources[source - 1].bytes - INDEX_LEN - TRAILER_LEN :
		       c->data_end;
}

static int check_place(const struct cursor *c, const struct index *ix,
		       const struct image_chunk *k, struct err *err)
{
	uint64_t end;

	if (k->source > ix->nsources)
		return damaged(err, "a chunk in a source that is not there",
			       k->source);
	end = data_end_of(c, ix, k->source);
	if (k->offset < HEADER_LEN || k->offset > end ||
	    k->stored > end - k->offset)
		return damaged(err, "a chunk outside of the data", k->offset);
	return 0;
}

static int check_chunk(const struct cursor *c, const struct index *ix,
		       const struct image_chunk *k, struct err *err)
{
	if (k->addr % FORMAT_PAGE || k->len % FORMAT_PAGE || !k->len ||
	    k->addr >= FORMAT_ADDR_END || k->len > FORMAT_ADDR_END - k->addr)
		return damaged(err, "a chunk of impossible memory", k->addr);
	if (!k->stored)
		return k->codec || k->offset || k->digest || k->source ||
				       k->skip || k->raw ?
			       damaged(err, "a strange run of zeros", k->addr) :
			       0;
	if (k->codec == CODEC_RAW && k->stored != k->raw)
		return damaged(err, "a raw chunk of another size", k->addr);
	if (!k->codec || k->raw > FORMAT_CHUNK_MAX || k->raw % FORMAT_PAGE ||
	    k->skip % FORMAT_PAGE || k->len > k->raw ||
	    k->skip > k->raw - k->len || k->stored > k->raw)
		return damaged(err, "a chunk of impossible size", k->addr);
	return check_place(c, ix, k, err);
}

/* Format 1 knew no other images, and whole chunks only. */
static int decode_chunk(const struct cursor *c, struct image_chunk *k,
			struct err *err)
{
	const char *at = c->b + c->chunk_at;

	k->addr = get_u64(at, 0);
	k->len = get_u64(at, 8);
	k->offset = get_u64(at, 16);
	k->stored = get_u32(at, 24);
	k->codec = get_u16(at, 28);
	k->source = get_u16(at, 30);
	k->digest = get_u64(at, 32);
	if (c->chunk_len == CHUNK_LEN) {
		k->skip = get_u32(at, 40);
		k->raw = get_u32(at, 44);
		return 0;
	}
	if (k->source)
		return damaged(err, "reserved fields are in use", 30);
	if (k->stored && k->len > FORMAT_CHUNK_MAX)
		return damaged(err, "a chunk of impossible size", k->addr);
	k->raw = k->stored ? (uint32_t)k->len : 0;
	return 0;
}

static int decode_chunks(struct cursor *c, const struct index *ix,
			 struct index_rank *r, struct err *err)
{
	uint64_t n = get_u64(c->b + c->rank_at, 24), end = 0;

	if (n > (c->chunk_end - c->chunk_at) / c->chunk_len)
		return damaged(err, "a rank with more chunks than there are",
			       n);
	r->nchunks = n;
	for (size_t i = 0; i < n; i++, c->chunk_at += c->chunk_len) {
		struct image_chunk *k = &r->chunks[i];
		int rc;

		k->rank = r->rank;
		rc = decode_chunk(c, k, err);
		if (!rc)
			rc = check_chunk(c, ix, k, err);
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
	r->chunks = ix->all + (c->chunk_at - c->chunk_begin) / c->chunk_len;
	ix->nranks++; /* index_fini frees its sheet from here on */
	if (get_u32(c->b, c->rank_at + 4))
		return damaged(err, "reserved fields are in use", r->rank);
	if (ix->nranks > 1 && r->rank <= r[-1].rank)
		return damaged(err, "ranks are out of order", r->rank);
	rc = decode_sheet(c, r, err);
	if (rc)
		return rc;
	rc = decode_chunks(c, ix, r, err);
	if (rc)
		return rc;
	c->rank_at += RANK_LEN;
	return check_regions(r, err);
}

static int by_place(const void *a, const void *b)
{
	const struct image_chunk *x = *(const struct image_chunk *const *)a;
	const struct image_chunk *y = *(const struct image_chunk *const *)b;

	if (x->source != y->source)
		return x->source < y->source ? -1 : 1;
	return (x->offset > y->offset) - (x->offset < y->offset);
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
	qsort(e, count, sizeof(*e), by_place);
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
	uint32_t source = 0;
	size_t n, i;
	int rc = index_extents(ix, &e, &n, err);

	if (rc)
		return rc;
	for (i = 0; i < n && !rc && !e[i]->source; i++) {
		if (e[i]->offset < end)
			rc = damaged(err, "chunks overlap in the file",
				     e[i]->offset);
		else if (e[i]->offset - end >= FORMAT_PAGE)
			rc = damaged(err, "a gap between chunks", end);
		end = e[i]->offset + e[i]->stored;
	}
	if (!rc && data_end - end >= FORMAT_PAGE)
		rc = damaged(err, "a gap behind the chunks", end);
	for (; i < n && !rc; i++) {
		if (e[i]->source > source + 1)
			break;
		if (e[i]->source > source)
			end = HEADER_LEN;
		source = e[i]->source;
		if (e[i]->offset < end)
			rc = damaged(err, "chunks overlap in an older image",
				     e[i]->offset);
		end = e[i]->offset + e[i]->stored;
	}
	if (!rc && source != ix->nsources)
		rc = damaged(err, "a source that nothing lies in", source + 1);
	free(e);
	return rc;
}

static int check_totals(struct index *ix, struct err *err)
{
	uint64_t memory = 0, zeros = 0;

	for (size_t i = 0; i < ix->nranks; i++)
		memory += sheet_saved_bytes(ix->ranks[i].sheet);
	for (size_t k = 0; k < ix->totals.chunks; k++) {
		if (!ix->all[k].stored)
			zeros += ix->all[k].len;
		else if (ix->all[k].source)
			ix->totals.older_bytes += ix->all[k].len;
	}
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
	rc = decode_sources(c, ix, err);
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
	free(ix->sources);
	free(ix->all);
	memset(ix, 0, sizeof(*ix));
}
