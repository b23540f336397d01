/* SPDX-License-Identifier: BSD-3-Clause */
/* writer_base.c - what need not be written: the same as before, or elsewhere */
#include "storage/writer_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "storage/format.h"

/*
 * DESIGN
 *
 * Two ways lead to a chunk that is not stored again.  The caller knows that
 * memory is unchanged (image_unchanged), which costs nothing but an entry in
 * the index.  Or a worker has it in its hands and finds its hash in the table,
 * which begins with all that the base serves with: unchanged memory that nobody
 * could vouch for, and contents that several ranks have, are one and the same
 * case.
 *
 * A worker that is about to store a content says so in the table at once, so
 * that another with the same does not store it too; where it lies is known when
 * its piece has a place.  Chunks that wait for that are settled at the end.
 */
#define SOURCE_PENDING UINT32_MAX

int writer_known_begin(struct image_writer *w)
{
	const struct image_base *b = w->options.base;

	w->known = dedup_create();
	if (!w->known)
		return -ENOMEM;
	for (size_t i = 0; b && i < b->nranks; i++)
		for (size_t k = 0; k < b->ranks[i].n; k++) {
			const struct image_chunk *c = &b->ranks[i].chunks[k];
			struct place p = { .hash = { c->hash[0], c->hash[1] },
					   .offset = c->offset,
					   .digest = c->digest,
					   .raw = c->raw,
					   .stored = (uint32_t)c->stored,
					   .codec = c->codec,
					   .source = c->source };

			if (!c->stored || !base_serves(b, c) ||
			    dedup_find(w->known, p.hash, p.raw))
				continue;
			if (dedup_add(w->known, &p))
				return -ENOMEM;
		}
	return 0;
}

static void put_place(struct image_chunk *c, const struct place *p)
{
	c->offset = p->offset;
	c->digest = p->digest;
	c->stored = p->stored;
	c->codec = p->codec;
	c->source = p->source;
}

bool writer_is_known(struct image_writer *w, struct section *s,
		     struct image_chunk *c)
{
	struct place mine = { .hash = { c->hash[0], c->hash[1] },
			      .raw = c->raw };
	struct err err = { "" };
	struct place *p;
	int rc = 0;

	pthread_mutex_lock(&w->lock);
	p = dedup_find(w->known, c->hash, c->raw);
	if (p) {
		put_place(c, p);
		if (!p->stored)
			c->source = SOURCE_PENDING;
		rc = writer_add_chunk(s, c);
	} else {
		rc = dedup_add(w->known, &mine);
	}
	pthread_mutex_unlock(&w->lock);
	if (rc)
		writer_fail(w,
			    err_set(&err, rc, "no memory for the index of %s",
				    w->commit.name),
			    &err);
	return p || rc;
}

void writer_placed(struct image_writer *w, const struct image_chunk *c)
{
	struct place *p = dedup_find(w->known, c->hash, c->raw);

	if (!p || p->stored)
		return;
	p->offset = c->offset;
	p->digest = c->digest;
	p->stored = (uint32_t)c->stored;
	p->codec = c->codec;
}

/* --- at the end ----------------------------------------------------------- */

static int settle_rank(struct image_writer *w, struct index_rank *r,
		       struct err *err)
{
	for (size_t i = 0; i < r->nchunks; i++) {
		struct image_chunk *c = &r->chunks[i];
		const struct place *p;

		if (c->source != SOURCE_PENDING)
			continue;
		p = dedup_find(w->known, c->hash, c->raw);
		if (!p || !p->stored)
			return err_set(
				err, -EINVAL,
				"%s: memory of rank %u at %lx was stored "
				"nowhere; this is a bug in Cairn",
				w->commit.name, r->rank,
				(unsigned long)c->addr);
		put_place(c, p);
	}
	return 0;
}

/* The base's sources that are used, numbered anew. */
static int number_sources(const struct image_base *b, struct index *ix)
{
	uint32_t number[FORMAT_SOURCES_MAX + 2] = { 0 };

	for (size_t i = 0; i < ix->nranks; i++)
		for (size_t k = 0; k < ix->ranks[i].nchunks; k++)
			number[ix->ranks[i].chunks[k].source] = 1;
	ix->sources = calloc(b->nsources + 1, sizeof(*ix->sources));
	if (!ix->sources)
		return -ENOMEM;
	number[0] = 0;
	for (size_t i = 0; i < b->nsources; i++)
		if (number[i + 1]) {
			ix->sources[ix->nsources++] = b->sources[i];
			number[i + 1] = (uint32_t)ix->nsources;
		}
	for (size_t i = 0; i < ix->nranks; i++)
		for (size_t k = 0; k < ix->ranks[i].nchunks; k++) {
			struct image_chunk *c = &ix->ranks[i].chunks[k];

			c->source = number[c->source];
		}
	return 0;
}

int writer_settle(struct image_writer *w, struct index *ix, struct err *err)
{
	const struct image_base *b = w->options.base;
	int rc = 0;

	for (size_t i = 0; i < ix->nranks && !rc; i++)
		rc = settle_rank(w, &ix->ranks[i], err);
	if (!rc && b && number_sources(b, ix))
		rc = err_set(err, -ENOMEM, "no memory for the index of %s",
			     w->commit.name);
	return rc;
}

/* --- unchanged memory ----------------------------------------------------- */

/* The part of c that lies in [addr, end). */
static struct image_chunk part_of(const struct image_chunk *c, uint64_t addr,
				  uint64_t end)
{
	struct image_chunk part = *c;

	if (addr > c->addr) {
		part.addr = addr;
		part.len -= addr - c->addr;
		if (c->stored)
			part.skip += (uint32_t)(addr - c->addr);
	}
	if (part.addr + part.len > end)
		part.len = end - part.addr;
	return part;
}

/* What can be taken over from *at on; moves it there.  With the lock held. */
static int take_over(struct section *s, const struct base_rank *r, size_t *i,
		     uint64_t *at, uint64_t end)
{
	for (; *i < r->n && r->chunks[*i].addr < end; ++*i) {
		struct image_chunk part = part_of(&r->chunks[*i], *at, end);
		int rc;

		if (r->again[*i]) {
			*at = part.addr;
			return 0;
		}
		rc = writer_add_chunk(s, &part);
		if (rc)
			return rc;
		*at = part.addr + part.len;
		if (*at == end)
			return 0;
	}
	*at = end; /* behind the last chunk nothing ever was */
	return 0;
}

int image_unchanged(struct image_writer *w, uint32_t rank, uint64_t addr,
		    uint64_t len, uint64_t *taken, uint64_t *wanted,
		    struct err *err)
{
	const struct base_rank *r = base_rank(w->options.base, rank);
	uint64_t at = addr, end = addr + len, to;
	struct section *s;
	size_t i;
	int rc = 0;

	*taken = 0;
	*wanted = len;
	if (!r)
		return 0;
	if (addr % FORMAT_PAGE || len % FORMAT_PAGE)
		return err_set(err, -EINVAL,
			       "memory of rank %u at %lx+%lx: not whole pages",
			       rank, (unsigned long)addr, (unsigned long)len);
	i = base_first(r, addr);
	pthread_mutex_lock(&w->lock);
	s = writer_section(w, rank);
	if (!s || s->ended)
		rc = err_set(err, -EINVAL,
			     "memory of rank %u outside of its section", rank);
	else if (take_over(s, r, &i, &at, end))
		rc = err_set(err, -ENOMEM, "no memory for the index of %s",
			     w->commit.name);
	pthread_mutex_unlock(&w->lock);
	if (rc)
		return rc;
	for (to = at;
	     to < end && i < r->n && r->again[i] && r->chunks[i].addr <= to;
	     i++)
		to = r->chunks[i].addr + r->chunks[i].len;
	if (to > end)
		to = end;
	*taken = at - addr;
	*wanted = to - at;
	return 0;
}
