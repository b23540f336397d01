/* SPDX-License-Identifier: BSD-3-Clause */
/* writer.c - make a node's image: callers, workers, one sink */
#define _GNU_SOURCE
#include "storage/writer_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "runtime/base/fmt.h"
#include "storage/chunk.h"
#include "storage/format.h"
#include "storage/owner.h"
#include "storage/thread.h"

/*
 * DESIGN
 *
 * image_pages cuts memory into windows and makes each a job.  Workers
 * (writer_pack.c) take jobs, drop zero pages, compress, checksum, and fill
 * pieces of the sink.  A window that is read from a descriptor goes straight
 * into the piece, so a chunk that is stored as it is moves once, from the
 * process to the buffer that the disk reads.
 *
 * One lock guards jobs, sections and the first failure; it is taken a few
 * times for each window of 256 KiB.  After a failure everybody goes on as
 * before but does nothing, until the caller hears of it.
 */

void writer_fail(struct image_writer *w, int rc, const struct err *err)
{
	pthread_mutex_lock(&w->lock);
	if (!w->rc) {
		w->rc = rc;
		w->err = *err;
	}
	pthread_mutex_unlock(&w->lock);
}

/* With the lock held. */
int writer_failure(struct image_writer *w, struct err *err)
{
	int rc = w->rc;

	if (!rc)
		return sink_error(w->sink, err);
	if (err)
		*err = w->err;
	return rc;
}

struct section *writer_section(struct image_writer *w, uint32_t rank)
{
	for (size_t i = w->nsections; i-- > 0;)
		if (w->sections[i]->ix.rank == rank)
			return w->sections[i];
	return NULL;
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

void writer_destroy(struct image_writer *w)
{
	if (!w)
		return;
	workers_stop(w);
	sink_destroy(w->sink);
	dedup_destroy(w->known);
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
	rc = sink_create(w->commit.fd, name, HEADER_LEN, threads, &w->sink,
			 err);
	if (rc)
		goto fail;
	rc = make_jobs(w, 2 * threads + 2);
	if (!rc)
		rc = writer_known_begin(w);
	if (!rc)
		rc = workers_start(w, threads);
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

	if (writer_section(w, s->ix.rank))
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
	s = writer_section(w, rank);
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
	struct section *s = writer_section(w, rank);
	struct job *job;
	int rc;

	if (!s || s->ended)
		return err_set(err, -EINVAL,
			       "memory of rank %u outside of its section",
			       rank);
	while (!w->free)
		pthread_cond_wait(&w->free_cond, &w->lock);
	rc = writer_failure(w, err);
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
	s = writer_section(w, rank);
	if (!s || s->ended) {
		rc = err_set(err, -EINVAL, "rank %u has no open section", rank);
	} else {
		s->ended = 1;
		while (s->pending)
			pthread_cond_wait(&w->done_cond, &w->lock);
		rc = writer_failure(w, err);
	}
	pthread_mutex_unlock(&w->lock);
	return rc;
}
