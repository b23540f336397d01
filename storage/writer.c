/* SPDX-License-Identifier: BSD-3-Clause */
/* writer.c - make a node's image: callers, workers, one sink */
#define _GNU_SOURCE
#include "storage/image.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>

#include "runtime/base/fmt.h"
#include "storage/chunk.h"
#include "storage/codec.h"
#include "storage/commit.h"
#include "storage/format.h"
#include "storage/index.h"
#include "storage/owner.h"
#include "storage/sink.h"
#include "storage/thread.h"

/*
 * DESIGN
 *
 * image_pages cuts memory into windows and makes each a job.  Workers take
 * jobs, drop zero pages, compress, checksum, and fill pieces of the sink.  A
 * window that is read from a descriptor goes straight into the piece, so a
 * chunk that is stored as it is moves once, from the process to the buffer
 * that the disk reads.
 *
 * One lock guards jobs, sections and the first failure; it is taken a few
 * times for each window of 256 KiB.  After a failure everybody goes on as
 * before but does nothing, until the caller hears of it.
 */
#define THREADS_MAX  16U
#define SPARE_PIECES 6U /* queued for the disk, beside one a worker */

struct section {
	struct index_rank ix;
	size_t room;	/* of ix.chunks */
	size_t pending; /* jobs not yet read */
	int ended;
};

struct job {
	struct section *section;
	uint64_t addr;
	size_t len;
	int fd;	   /* -1: the memory is in buf */
	char *buf; /* CHUNK_WINDOW bytes */
	struct job *next;
};

struct worker {
	pthread_t thread;
	struct image_writer *w;
	struct codec_ctx *codec;
	char *scratch; /* compressed, before it goes into the piece */
	struct piece *piece;
};

struct image_writer {
	pthread_mutex_t lock;
	pthread_cond_t job_cond, free_cond, done_cond;
	struct commit commit;
	struct image_options options;
	struct sink *sink;
	struct section **sections;
	size_t nsections;
	char *bufs; /* of all jobs */
	size_t bufs_len;
	struct job *jobs;
	struct job *free;
	struct job *head, **tail;
	int closing;
	struct worker workers[THREADS_MAX];
	unsigned int nthreads; /* started */
	int rc;		       /* the first failure of a worker */
	struct err err;
};

static void fail(struct image_writer *w, int rc, const struct err *err)
{
	pthread_mutex_lock(&w->lock);
	if (!w->rc) {
		w->rc = rc;
		w->err = *err;
	}
	pthread_mutex_unlock(&w->lock);
}

/* With the lock held. */
static int failure(struct image_writer *w, struct err *err)
{
	int rc = w->rc;

	if (!rc)
		return sink_error(w->sink, err);
	if (err)
		*err = w->err;
	return rc;
}

/* --- workers ------------------------------------------------------------- */

static int add_chunk(struct section *s, const struct image_chunk *c)
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

static struct section *find_section(struct image_writer *w, uint32_t rank)
{
	for (size_t i = w->nsections; i-- > 0;)
		if (w->sections[i]->ix.rank == rank)
			return w->sections[i];
	return NULL;
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

		if (c->stored)
			c->offset += p->offset;
		rc = add_chunk(find_section(w, c->rank), c);
	}
	pthread_mutex_unlock(&w->lock);
	if (rc)
		fail(w,
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
static void pack_span(struct worker *me, uint32_t rank, uint64_t addr,
		      const char *src, size_t len)
{
	struct image_writer *w = me->w;
	struct piece *p = me->piece;
	struct image_chunk c = { .addr = addr, .len = len, .rank = rank };
	char *dst = p->buf + p->used;
	size_t stored;

	c.codec = codec_encode(me->codec, w->options.level,
			       sink_effort(w->sink), src, len, me->scratch,
			       &stored);
	if (c.codec != CODEC_RAW)
		memcpy(dst, me->scratch, stored);
	else if (dst != src)
		memmove(dst, src, stored);
	c.stored = stored;
	c.offset = p->used; /* in the piece, until it is placed */
	c.digest = XXH3_64bits(dst, stored);
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
			fail(me->w, rc, &err);
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
			pack_span(me, rank, job->addr + done, src + done, len);
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
		if (!failure(w, NULL)) {
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

static void stop_workers(struct image_writer *w)
{
	pthread_mutex_lock(&w->lock);
	w->closing = 1;
	pthread_cond_broadcast(&w->job_cond);
	pthread_mutex_unlock(&w->lock);
	while (w->nthreads)
		pthread_join(w->workers[--w->nthreads].thread, NULL);
}

/* --- create, destroy ------------------------------------------------------ */

static int make_jobs(struct image_writer *w, unsigned int n)
{
	w->jobs = calloc(n, sizeof(*w->jobs));
	if (!w->jobs)
		return -ENOMEM;
	w->bufs_len = (size_t)n * CHUNK_WINDOW;
	w->bufs = mmap(NULL, w->bufs_len, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (w->bufs == MAP_FAILED) {
		w->bufs = NULL;
		return -ENOMEM;
	}
	for (unsigned int i = 0; i < n; i++) {
		w->jobs[i].buf = w->bufs + (size_t)i * CHUNK_WINDOW;
		w->jobs[i].next = w->free;
		w->free = &w->jobs[i];
	}
	return 0;
}

static int make_workers(struct image_writer *w, unsigned int n)
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

static void writer_destroy(struct image_writer *w)
{
	if (!w)
		return;
	stop_workers(w);
	sink_destroy(w->sink);
	commit_abort(&w->commit);
	for (unsigned int i = 0; i < THREADS_MAX; i++) {
		codec_destroy(w->workers[i].codec);
		free(w->workers[i].scratch);
	}
	for (size_t i = 0; i < w->nsections; i++) {
		free(w->sections[i]->ix.sheet);
		free(w->sections[i]->ix.chunks);
		free(w->sections[i]);
	}
	free(w->sections);
	if (w->bufs)
		munmap(w->bufs, w->bufs_len);
	free(w->jobs);
	pthread_cond_destroy(&w->done_cond);
	pthread_cond_destroy(&w->free_cond);
	pthread_cond_destroy(&w->job_cond);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

static unsigned int count_threads(const struct image_options *options)
{
	unsigned int n = options && options->threads > 0 ?
				 (unsigned int)options->threads :
				 thread_idle_cores();

	return n < THREADS_MAX ? n : THREADS_MAX;
}

int image_writer_create(int dirfd, const char *name,
			const struct image_options *options,
			struct image_writer **writer, struct err *err)
{
	unsigned int threads = count_threads(options);
	struct image_writer *w;
	int rc = owner_check_dir(dirfd, "the epoch's folder", err);

	if (rc)
		return rc;
	w = calloc(1, sizeof(*w));
	if (!w)
		return err_set(err, -ENOMEM, "no memory to write %s", name);
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->job_cond, NULL);
	pthread_cond_init(&w->free_cond, NULL);
	pthread_cond_init(&w->done_cond, NULL);
	w->tail = &w->head;
	if (options)
		w->options = *options;
	rc = commit_begin(&w->commit, dirfd, name, 1, err);
	if (rc)
		goto fail;
	rc = sink_create(w->commit.fd, name, HEADER_LEN, threads + SPARE_PIECES,
			 &w->sink, err);
	if (rc)
		goto fail;
	rc = make_jobs(w, 2 * threads + 2);
	if (!rc)
		rc = make_workers(w, threads);
	if (rc) {
		err_set(err, rc, "cannot begin to write %s: %s", name,
			fmt_error(rc));
		goto fail;
	}
	*writer = w;
	return 0;
fail:
	writer_destroy(w);
	return rc;
}

void image_writer_abort(struct image_writer *w)
{
	writer_destroy(w);
}

/* --- what callers give ---------------------------------------------------- */

static struct section *make_section(uint32_t rank, const void *sheet,
				    size_t len, struct err *err)
{
	struct section *s = calloc(1, sizeof(*s));

	if (s)
		s->ix.sheet = malloc(len + 1);
	if (!s || !s->ix.sheet) {
		free(s);
		err_set(err, -ENOMEM, "no memory for the sheet of rank %u",
			rank);
		return NULL;
	}
	s->ix.rank = rank;
	memcpy(s->ix.sheet, sheet, len);
	s->ix.sheet_len = len;
	return s;
}

static int add_section(struct image_writer *w, struct section *s,
		       struct err *err)
{
	void *p;

	if (find_section(w, s->ix.rank))
		return err_set(err, -EEXIST, "rank %u is in %s already",
			       s->ix.rank, w->commit.name);
	p = realloc(w->sections, (w->nsections + 1) * sizeof(*w->sections));
	if (!p)
		return err_set(err, -ENOMEM, "no memory for rank %u",
			       s->ix.rank);
	w->sections = p;
	w->sections[w->nsections++] = s;
	return 0;
}

int image_rank_begin(struct image_writer *w, uint32_t rank, const void *sheet,
		     size_t sheet_len, struct err *err)
{
	struct section *s = make_section(rank, sheet, sheet_len, err);
	int rc;

	if (!s)
		return -ENOMEM;
	rc = sheet_check(s->ix.sheet, sheet_len, err);
	if (rc) {
		err_prefix(err, rc, "rank %u", rank);
	} else {
		pthread_mutex_lock(&w->lock);
		rc = add_section(w, s, err);
		pthread_mutex_unlock(&w->lock);
	}
	if (rc) {
		free(s->ix.sheet);
		free(s);
	}
	return rc;
}

int image_rank_sheet(struct image_writer *w, uint32_t rank, const void *sheet,
		     size_t sheet_len, struct err *err)
{
	struct section *s;
	int rc = sheet_check(sheet, sheet_len, err);

	if (rc)
		return err_prefix(err, rc, "rank %u", rank);
	pthread_mutex_lock(&w->lock);
	s = find_section(w, rank);
	if (!s || s->ended || s->ix.sheet_len != sheet_len)
		rc = err_set(err, -EINVAL,
			     "rank %u has no open section for this sheet",
			     rank);
	else
		memcpy(s->ix.sheet, sheet, sheet_len);
	pthread_mutex_unlock(&w->lock);
	return rc;
}

/* One window becomes a job; waits for a free one.  Lock held. */
static int put_job(struct image_writer *w, uint32_t rank, uint64_t addr,
		   const char *data, int fd, size_t len, struct err *err)
{
	struct section *s = find_section(w, rank);
	struct job *job;
	int rc;

	if (!s || s->ended)
		return err_set(err, -EINVAL,
			       "memory of rank %u outside of its section",
			       rank);
	while (!w->free)
		pthread_cond_wait(&w->free_cond, &w->lock);
	rc = failure(w, err);
	if (rc)
		return rc;
	job = w->free;
	w->free = job->next;
	job->section = s;
	job->addr = addr;
	job->len = len;
	job->fd = fd;
	s->pending++;
	if (data) {
		pthread_mutex_unlock(&w->lock);
		memcpy(job->buf, data, len);
		pthread_mutex_lock(&w->lock);
	}
	job->next = NULL;
	*w->tail = job;
	w->tail = &job->next;
	pthread_cond_signal(&w->job_cond);
	return 0;
}

static int put_pages(struct image_writer *w, uint32_t rank, uint64_t addr,
		     const char *data, int fd, size_t len, struct err *err)
{
	int rc = 0;

	if (addr % FORMAT_PAGE || len % FORMAT_PAGE)
		return err_set(err, -EINVAL,
			       "memory of rank %u at %lx+%lx: not whole pages",
			       rank, (unsigned long)addr, (unsigned long)len);
	pthread_mutex_lock(&w->lock);
	while (len && !rc) {
		/* Windows are aligned by address, so that unchanged memory
		 * gives the same chunks in the next epoch. */
		size_t n = CHUNK_WINDOW - addr % CHUNK_WINDOW;

		if (n > len)
			n = len;
		rc = put_job(w, rank, addr, data, fd, n, err);
		addr += n;
		len -= n;
		if (data)
			data += n;
	}
	pthread_mutex_unlock(&w->lock);
	return rc;
}

int image_pages(struct image_writer *w, uint32_t rank, uint64_t addr,
		const void *data, size_t len, struct err *err)
{
	return put_pages(w, rank, addr, data, -1, len, err);
}

int image_pages_from(struct image_writer *w, uint32_t rank, uint64_t addr,
		     int fd, size_t len, struct err *err)
{
	return put_pages(w, rank, addr, NULL, fd, len, err);
}

int image_rank_end(struct image_writer *w, uint32_t rank, struct err *err)
{
	struct section *s;
	int rc;

	pthread_mutex_lock(&w->lock);
	s = find_section(w, rank);
	if (!s || s->ended) {
		rc = err_set(err, -EINVAL, "rank %u has no open section", rank);
	} else {
		s->ended = 1;
		while (s->pending)
			pthread_cond_wait(&w->done_cond, &w->lock);
		rc = failure(w, err);
	}
	pthread_mutex_unlock(&w->lock);
	return rc;
}

/* --- the end -------------------------------------------------------------- */

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

static int write_index(struct image_writer *w, uint64_t at,
		       struct image_totals *totals, struct err *err)
{
	struct index ix = { 0 }, again = { 0 };
	void *buf = NULL;
	size_t len = 0;
	int rc = gather(w, &ix, err);

	if (!rc)
		rc = index_encode(&ix, &buf, &len, err);
	/* What our own reader would refuse is never committed. */
	if (!rc)
		rc = index_decode(buf, len, at, &again, err);
	if (!rc)
		rc = commit_pwrite(w->commit.fd, buf, len, at, w->commit.name,
				   err);
	if (!rc)
		rc = write_trailer(w, at, len, ix.totals.index_digest, err);
	if (!rc) {
		*totals = ix.totals;
		totals->bytes = at + len + TRAILER_LEN;
	}
	free(buf);
	index_fini(&again);
	index_fini(&ix);
	return rc;
}

int image_writer_finish(struct image_writer *w, struct image_totals *totals,
			struct err *err)
{
	struct image_totals mine = { 0 };
	uint64_t end = 0;
	int rc, sink_rc;

	stop_workers(w); /* each flushes its last piece */
	sink_rc = sink_finish(w->sink, &end, err);
	pthread_mutex_lock(&w->lock);
	rc = failure(w, err);
	pthread_mutex_unlock(&w->lock);
	if (!rc)
		rc = sink_rc;
	if (!rc)
		rc = write_header(w, err);
	if (!rc)
		rc = write_index(w, end, &mine, err);
	if (!rc)
		rc = commit_end(&w->commit, err);
	if (!rc && totals)
		*totals = mine;
	writer_destroy(w);
	return rc;
}
