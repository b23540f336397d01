/* SPDX-License-Identifier: BSD-3-Clause */
/* writer_pack.c - the workers that make chunks of an image's memory */
#define _GNU_SOURCE
#include "storage/writer_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "runtime/base/fmt.h"
#include "storage/chunk.h"
#include "storage/format.h"
#include "storage/thread.h"

int writer_add_chunk(struct section *s, const struct image_chunk *c)
{
	if (s->ix.nchunks == s->room) {
		size_t room = s->room ? 2 * s->room : 256;
		void *p = realloc(s->ix.chunks, room * sizeof(*c));

		if (!p)
			return -ENOMEM;
		s->ix.chunks = p;
		s->room = room;
	}
	s->ix.chunks[s->ix.nchunks++] = *c;
	return 0;
}

/* The piece is full: now its chunks have a place. */
static void flush_piece(struct worker *me)
{
	struct image_writer *w = me->w;
	struct piece *p = me->piece;
	struct err err = { "" };
	int rc = 0;

	if (!p)
		return;
	me->piece = NULL;
	sink_place(w->sink, p);
	pthread_mutex_lock(&w->lock);
	for (size_t i = 0; i < p->nchunks && !rc; i++) {
		struct image_chunk *c = &p->chunks[i];

		if (c->stored) {
			c->offset += p->offset;
			writer_placed(w, c);
		}
		rc = writer_add_chunk(writer_section(w, c->rank), c);
	}
	pthread_mutex_unlock(&w->lock);
	if (rc)
		writer_fail(w,
			    err_set(&err, rc, "no memory for the index of %s",
				    w->commit.name),
			    &err);
	sink_submit(w->sink, p);
}

/* A piece with room for a window, and for its chunks (in the worst case each
 * fifth page begins one: four of zeros, one not). */
static struct piece *room_for(struct worker *me, size_t len)
{
	size_t chunks = 2 * (len / FORMAT_PAGE / 5 + 1);

	if (me->piece && (me->piece->used + len > PIECE_LEN ||
			  me->piece->nchunks + chunks > PIECE_CHUNKS))
		flush_piece(me);
	if (!me->piece)
		me->piece = sink_begin(me->w->sink);
	return me->piece;
}

static int read_memory(const struct job *job, char *dst, struct err *err)
{
	size_t done = 0;

	while (done < job->len) {
		ssize_t n = pread(job->fd, dst + done, job->len - done,
				  (off_t)(job->addr + done));
		int error = n < 0 ? errno : EIO;

		if (n > 0)
			done += (size_t)n;
		else if (n == 0 || error != EINTR)
			return err_set(err, -error,
				       "cannot read memory of rank %u at "
				       "%lx: %s",
				       job->section->ix.rank,
				       (unsigned long)(job->addr + done),
				       fmt_error(error));
	}
	return 0;
}

static void note_chunk(struct piece *p, struct image_chunk c)
{
	p->chunks[p->nchunks++] = c;
}

/* src may be the very place in the piece where it is to be stored. */
static void pack_span(struct worker *me, struct section *s, uint64_t addr,
		      const char *src, size_t len)
{
	struct image_writer *w = me->w;
	struct piece *p = me->piece;
	XXH128_hash_t hash = XXH3_128bits(src, len);
	struct image_chunk c = { .addr = addr,
				 .len = len,
				 .raw = (uint32_t)len,
				 .rank = s->ix.rank,
				 .hash = { hash.low64, hash.high64 } };
	char *dst = p->buf + p->used;
	struct codec_load load;
	size_t stored;

	if (writer_is_known(w, s, &c))
		return;
	sink_load(w->sink, &load);
	c.codec = codec_encode(me->codec, &w->options.compress, &load, src, len,
			       me->scratch, &stored);
	if (c.codec != CODEC_RAW)
		memcpy(dst, me->scratch, stored);
	else if (dst != src)
		memmove(dst, src, stored);
	c.stored = stored;
	c.offset = p->used; /* in the piece, until it is placed */
	/* For more than 240 bytes the lower half of the long hash is the short
	 * one (both read the same accumulators). */
	c.digest = c.codec == CODEC_RAW ? hash.low64 : XXH3_64bits(dst, stored);
	p->used += stored;
	note_chunk(p, c);
}

static void do_job(struct worker *me, const struct job *job)
{
	struct piece *p = room_for(me, job->len);
	uint32_t rank = job->section->ix.rank;
	const char *src = job->buf;
	size_t done = 0;

	if (job->fd >= 0) {
		struct err err = { "" };
		int rc = read_memory(job, p->buf + p->used, &err);

		if (rc) {
			writer_fail(me->w, rc, &err);
			return;
		}
		/* What is stored never overtakes what is still to be read:
		 * no span grows. */
		src = p->buf + p->used;
	}
	while (done < job->len) {
		int is_zero;
		size_t len = chunk_next(src + done, job->len - done, &is_zero);

		if (is_zero)
			note_chunk(p, (struct image_chunk){ .addr = job->addr +
								    done,
							    .len = len,
							    .rank = rank });
		else
			pack_span(me, job->section, job->addr + done,
				  src + done, len);
		done += len;
	}
}

static void *worker_thread(void *arg)
{
	struct worker *me = arg;
	struct image_writer *w = me->w;

	pthread_mutex_lock(&w->lock);
	for (;;) {
		struct job *job = w->head;

		if (!job) {
			if (w->closing)
				break;
			pthread_cond_wait(&w->job_cond, &w->lock);
			continue;
		}
		w->head = job->next;
		if (!w->head)
			w->tail = &w->head;
		if (!writer_failure(w, NULL)) {
			pthread_mutex_unlock(&w->lock);
			do_job(me, job);
			pthread_mutex_lock(&w->lock);
		}
		if (!--job->section->pending)
			pthread_cond_broadcast(&w->done_cond);
		job->next = w->free;
		w->free = job;
		pthread_cond_signal(&w->free_cond);
	}
	pthread_mutex_unlock(&w->lock);
	flush_piece(me);
	return NULL;
}

int workers_start(struct image_writer *w, unsigned int n)
{
	for (; w->nthreads < n; w->nthreads++) {
		struct worker *me = &w->workers[w->nthreads];
		int rc = -ENOMEM;

		me->w = w;
		me->codec = codec_create();
		me->scratch = malloc(codec_room(CHUNK_WINDOW));
		if (me->codec && me->scratch)
			rc = thread_start(&me->thread, worker_thread, me);
		if (rc)
			return rc;
	}
	return 0;
}

void workers_stop(struct image_writer *w)
{
	pthread_mutex_lock(&w->lock);
	w->closing = 1;
	pthread_cond_broadcast(&w->job_cond);
	pthread_mutex_unlock(&w->lock);
	while (w->nthreads)
		pthread_join(w->workers[--w->nthreads].thread, NULL);
}
