/* SPDX-License-Identifier: BSD-3-Clause */
/* fill.c - write one rank's chunks back into its memory */
#include "runtime/agent/fill.h"

#include "runtime/agent/fault.h"
#include "runtime/base/fmt.h"
#include "runtime/base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define THREADS_MAX 16
#define ZEROS_LEN   (1u << 16)

struct fill {
	struct loop *loop;
	struct source source; /* eventfd: a thread has ended */
	const struct image *im;
	uint32_t rank;
	int mem;
	fill_done done;
	void *arg;
	const struct sheet *sheet;
	const struct image_chunk *chunks;
	size_t n;
	uint64_t chunk_max;
	_Atomic size_t next; /* chunk to be taken */
	atomic_bool stop;

	pthread_t threads[THREADS_MAX];
	unsigned int nthreads;
	pthread_mutex_t lock; /* for all below */
	unsigned int ended;
	int code;
	struct err err; /* of the first that failed */
};

static int put(const struct fill *f, const char *buf, uint64_t addr,
	       uint64_t len, struct err *err)
{
	while (len) {
		ssize_t n = pwrite(f->mem, buf, len, (off_t)addr);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_set(err, n ? -errno : -ESRCH,
				       "rank %u: its memory at 0x%llx cannot "
				       "be written: %s",
				       f->rank, (unsigned long long)addr,
				       n ? fmt_error(errno) :
					   "the process has ended");
		buf += n;
		addr += (uint64_t)n;
		len -= (uint64_t)n;
	}
	return 0;
}

static int put_zeros(const struct fill *f, uint64_t addr, uint64_t len,
		     struct err *err)
{
	static const char zeros[ZEROS_LEN];
	int ret = 0;

	while (len && !ret) {
		uint64_t n = len < ZEROS_LEN ? len : ZEROS_LEN;

		ret = put(f, zeros, addr, n, err);
		addr += n;
		len -= n;
	}
	return ret;
}

/* What was mapped anew is zero already; a file that was opened again holds
 * whatever it held. */
static int fill_zeros(const struct fill *f, const struct image_chunk *chunk,
		      struct err *err)
{
	const struct region *regions = (const void *)((const char *)f->sheet +
						      f->sheet->regions);
	uint64_t end = chunk->addr + chunk->len;
	int ret = 0;

	for (uint32_t i = 0; i < f->sheet->nregions && !ret; i++) {
		uint64_t from = regions[i].start;
		uint64_t to = from + regions[i].len;

		if (regions[i].kind != REGION_FILE_SHARED || from >= end ||
		    to <= chunk->addr)
			continue;
		if (from < chunk->addr)
			from = chunk->addr;
		if (to > end)
			to = end;
		ret = put_zeros(f, from, to - from, err);
	}
	return ret;
}

static int fill_chunk(const struct fill *f, const struct image_chunk *chunk,
		      char *buf, struct err *err)
{
	int ret;

	if (!chunk->stored)
		return fill_zeros(f, chunk, err);
	ret = image_read(f->im, chunk, buf, err); /* checks it first */
	return ret ? ret : put(f, buf, chunk->addr, chunk->len, err);
}

static int fill_all(struct fill *f, struct err *err)
{
	char *buf = malloc(f->chunk_max);
	int ret = 0;

	if (!buf)
		return err_set(err, -ENOMEM, "rank %u: no memory to read into",
			       f->rank);
	while (!ret && !atomic_load(&f->stop)) {
		size_t i = atomic_fetch_add(&f->next, 1);

		if (i >= f->n)
			break;
		if (i == f->n / 2)
			fault_point(FAULT_FILL);
		ret = fill_chunk(f, &f->chunks[i], buf, err);
	}
	free(buf);
	return ret;
}

static void *fill_run(void *arg)
{
	struct fill *f = arg;
	struct err err = { "" };
	uint64_t one = 1;
	int ret = fill_all(f, &err);

	pthread_mutex_lock(&f->lock);
	if (ret && !f->code) {
		f->code = ret;
		f->err = err;
		atomic_store(&f->stop, true);
	}
	f->ended++;
	pthread_mutex_unlock(&f->lock);
	if (write(f->source.fd, &one, sizeof(one)) < 0)
		log_debug("fill: eventfd: %s", fmt_error(errno));
	return NULL;
}

static void rung(struct source *source, uint32_t events)
{
	struct fill *f = source->arg;
	bool all;
	uint64_t n;

	(void)events;
	if (read(source->fd, &n, sizeof(n)) < 0)
		return;
	pthread_mutex_lock(&f->lock);
	all = f->ended == f->nthreads;
	pthread_mutex_unlock(&f->lock);
	if (all && f->done) {
		fill_done done = f->done;

		f->done = NULL;
		done(f->arg, f->rank, f->code, &f->err);
	}
}

static int threads_start(struct fill *f, unsigned int nthreads)
{
	int ret = 0;

	if (nthreads > THREADS_MAX)
		nthreads = THREADS_MAX;
	pthread_mutex_lock(&f->lock);
	for (unsigned int i = 0; i < nthreads && !ret; i++) {
		ret = -pthread_create(&f->threads[i], NULL, fill_run, f);
		f->nthreads += !ret;
	}
	pthread_mutex_unlock(&f->lock);
	/* One thread does it, too. */
	return f->nthreads ? 0 : ret;
}

int fill_start(struct loop *loop, const struct image *im, uint32_t rank,
	       int mem, unsigned int nthreads, fill_done done, void *arg,
	       struct fill **fill, struct err *err)
{
	struct fill *f = calloc(1, sizeof(*f));
	size_t len;
	int ret = -ENOMEM, fd = -1;

	if (!f) {
		close(mem);
		return err_set(err, -ENOMEM, "the agent has no memory left");
	}
	f->loop = loop;
	f->im = im;
	f->rank = rank;
	f->mem = mem;
	f->done = done;
	f->arg = arg;
	f->source.fd = -1;
	pthread_mutex_init(&f->lock, NULL);
	ret = image_sheet(im, rank, &f->sheet, &len, err);
	if (!ret)
		ret = image_chunks(im, rank, &f->chunks, &f->n, err);
	if (ret)
		goto failed;
	for (size_t i = 0; i < f->n; i++)
		if (f->chunks[i].stored && f->chunks[i].len > f->chunk_max)
			f->chunk_max = f->chunks[i].len;
	fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ret = fd < 0 ? -errno :
		       source_open(loop, &f->source, fd, EPOLLIN, rung, f);
	if (!ret)
		ret = threads_start(f, nthreads ? nthreads : 1);
	if (ret) {
		err_set(err, ret,
			"rank %u: the agent cannot start to fill its "
			"memory: %s",
			rank, fmt_error(ret));
		goto failed;
	}
	*fill = f;
	return 0;
failed:
	fill_destroy(f);
	return ret;
}

void fill_destroy(struct fill *f)
{
	int fd;

	if (!f)
		return;
	atomic_store(&f->stop, true);
	for (unsigned int i = 0; i < f->nthreads; i++)
		pthread_join(f->threads[i], NULL);
	fd = f->source.fd;
	source_close(f->loop, &f->source);
	if (fd >= 0)
		close(fd);
	close(f->mem);
	pthread_mutex_destroy(&f->lock);
	free(f);
}
