/* SPDX-License-Identifier: BSD-3-Clause */
/* sink.c - large sequential writes behind the compressing threads */
#define _GNU_SOURCE
#include "storage/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "runtime/base/fmt.h"
#include "storage/commit.h"
#include "storage/format.h"
#include "storage/thread.h"

#define NS_GUESS    1.0	       /* a byte, before the first piece */
#define PRESSURE_FIRST 0.5
#define PRESSURE_MIN   0.375
#define PRESSURE_MAX   0.9375
#define PIECE_ALIGN (2U << 20) /* huge pages: direct I/O pins few of them */

struct sink {
	pthread_mutex_t lock;
	pthread_cond_t free_cond, queue_cond, idle_cond;
	pthread_t thread;
	int started;
	int stop;
	int fd;
	char name[200];
	uint64_t start, next; /* where the first piece went, the next goes */
	unsigned int npieces, nfree, nwriting, writers;
	double ns;     /* for a byte, of the last pieces */
	struct piece *pieces;
	struct piece *free;
	struct piece *head, **tail; /* to be written */
	int rc;			    /* the first failure */
	struct err err;
};

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* A small piece says more of the disk's latency than of its bandwidth. */
static void learn(struct sink *s, size_t len, double ns)
{
	if (len < PIECE_LEN / 2)
		return;
	pthread_mutex_lock(&s->lock);
	s->ns += (ns / (double)len - s->ns) / 8;
	pthread_mutex_unlock(&s->lock);
}

static void write_piece(struct sink *s, const struct piece *p)
{
	struct err err = { "" };
	double start = now_ns();
	int rc = commit_pwrite(s->fd, p->buf, p->used, p->offset, s->name,
			       &err);

	learn(s, p->used, now_ns() - start);

	/* Without direct I/O the kernel should not wait for our fsync. */
	if (!rc && !(fcntl(s->fd, F_GETFL) & O_DIRECT))
		sync_file_range(s->fd, (off_t)p->offset, (off_t)p->used,
				SYNC_FILE_RANGE_WRITE);
	if (!rc)
		return;
	pthread_mutex_lock(&s->lock);
	if (!s->rc) {
		s->rc = rc;
		s->err = err;
	}
	pthread_mutex_unlock(&s->lock);
}

static void release_piece(struct sink *s, struct piece *p)
{
	p->used = 0;
	p->nchunks = 0;
	p->next = s->free;
	s->free = p;
	s->nfree++;
	pthread_cond_signal(&s->free_cond);
}

static void *sink_thread(void *arg)
{
	struct sink *s = arg;

	pthread_mutex_lock(&s->lock);
	for (;;) {
		struct piece *p = s->head;

		if (!p) {
			if (s->stop)
				break;
			pthread_cond_wait(&s->queue_cond, &s->lock);
			continue;
		}
		s->head = p->next;
		if (!s->head)
			s->tail = &s->head;
		if (!s->rc) { /* after a failure pieces are only taken back */
			pthread_mutex_unlock(&s->lock);
			write_piece(s, p);
			pthread_mutex_lock(&s->lock);
		}
		release_piece(s, p);
		s->nwriting--;
		if (!s->nwriting)
			pthread_cond_broadcast(&s->idle_cond);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

static int make_pieces(struct sink *s, unsigned int n)
{
	s->pieces = calloc(n, sizeof(*s->pieces));
	if (!s->pieces)
		return -ENOMEM;
	for (s->npieces = 0; s->npieces < n; s->npieces++) {
		struct piece *p = &s->pieces[s->npieces];
		void *buf;

		if (posix_memalign(&buf, PIECE_ALIGN, PIECE_LEN))
			return -ENOMEM;
		madvise(buf, PIECE_LEN, MADV_HUGEPAGE); /* a wish */
		p->buf = buf;
		release_piece(s, p);
	}
	return 0;
}

int sink_create(int fd, const char *name, uint64_t start, unsigned int writers,
		struct sink **sink, struct err *err)
{
	struct sink *s = calloc(1, sizeof(*s));
	int rc = -ENOMEM;

	if (!s)
		goto fail;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->free_cond, NULL);
	pthread_cond_init(&s->queue_cond, NULL);
	pthread_cond_init(&s->idle_cond, NULL);
	s->fd = fd;
	s->start = s->next = start;
	s->writers = writers;
	s->ns = NS_GUESS;
	s->tail = &s->head;
	fmt_print(s->name, sizeof(s->name), "%s", name);
	rc = make_pieces(s, writers + SINK_SPARE);
	if (rc)
		goto fail;
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_DIRECT); /* a wish, too */
	rc = thread_start(&s->thread, sink_thread, s);
	if (rc)
		goto fail;
	s->started = 1;
	*sink = s;
	return 0;
fail:
	sink_destroy(s);
	return err_set(err, rc, "cannot begin to write %s: %s", name,
		       fmt_error(rc));
}

struct piece *sink_begin(struct sink *s)
{
	struct piece *p;

	pthread_mutex_lock(&s->lock);
	while (!s->free)
		pthread_cond_wait(&s->free_cond, &s->lock);
	p = s->free;
	s->free = p->next;
	s->nfree--;
	pthread_mutex_unlock(&s->lock);
	return p;
}

/* Bytes cost something even while the disk waits: all that is queued must be
 * written in the end, and others use the same disk.  And a thread's time does
 * while the disk is behind: the program wants its cores. */
void sink_load(struct sink *s, struct codec_load *load)
{
	double pressure;

	pthread_mutex_lock(&s->lock);
	pressure = 1 - (double)s->nfree / SINK_SPARE;
	if (s->next == s->start)
		pressure = PRESSURE_FIRST;
	load->sink_ns = s->ns;
	load->threads = s->writers;
	pthread_mutex_unlock(&s->lock);
	load->pressure = pressure < PRESSURE_MIN ? PRESSURE_MIN :
			 pressure > PRESSURE_MAX ? PRESSURE_MAX :
						   pressure;
}

void sink_place(struct sink *s, struct piece *p)
{
	size_t len = (p->used + FORMAT_PAGE - 1) & ~((size_t)FORMAT_PAGE - 1);

	memset(p->buf + p->used, 0, len - p->used);
	p->used = len;
	pthread_mutex_lock(&s->lock);
	p->offset = s->next;
	s->next += len;
	pthread_mutex_unlock(&s->lock);
}

void sink_submit(struct sink *s, struct piece *p)
{
	pthread_mutex_lock(&s->lock);
	if (p->used) {
		p->next = NULL;
		*s->tail = p;
		s->tail = &p->next;
		s->nwriting++;
		pthread_cond_signal(&s->queue_cond);
	} else {
		release_piece(s, p);
	}
	pthread_mutex_unlock(&s->lock);
}

int sink_error(struct sink *s, struct err *err)
{
	int rc;

	pthread_mutex_lock(&s->lock);
	rc = s->rc;
	if (rc && err)
		*err = s->err;
	pthread_mutex_unlock(&s->lock);
	return rc;
}

int sink_finish(struct sink *s, uint64_t *end, struct err *err)
{
	pthread_mutex_lock(&s->lock);
	while (s->nwriting)
		pthread_cond_wait(&s->idle_cond, &s->lock);
	*end = s->next;
	pthread_mutex_unlock(&s->lock);
	/* Header, index and trailer are small and unaligned. */
	fcntl(s->fd, F_SETFL, fcntl(s->fd, F_GETFL) & ~O_DIRECT);
	return sink_error(s, err);
}

void sink_destroy(struct sink *s)
{
	if (!s)
		return;
	if (s->started) {
		pthread_mutex_lock(&s->lock);
		s->stop = 1;
		pthread_cond_signal(&s->queue_cond);
		pthread_mutex_unlock(&s->lock);
		pthread_join(s->thread, NULL);
	}
	for (unsigned int i = 0; i < s->npieces; i++)
		free(s->pieces[i].buf);
	free(s->pieces);
	pthread_cond_destroy(&s->idle_cond);
	pthread_cond_destroy(&s->queue_cond);
	pthread_cond_destroy(&s->free_cond);
	pthread_mutex_destroy(&s->lock);
	free(s);
}
