/* SPDX-License-Identifier: BSD-3-Clause */
/* capture.c - read the memory of this node's ranks into one image */
#include "runtime/agent/capture.h"

#include "runtime/agent/fault.h"
#include "runtime/agent/reader.h"
#include "runtime/base/fmt.h"
#include "runtime/base/log.h"
#include "storage/catalog.h"
#include "storage/image.h"
#include "storage/manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

/*
 * DESIGN
 *
 * One capture an epoch.  Its chief, a thread, makes the image's writer, waits
 * until all readers are through, and finishes the image or throws it away.
 * Each rank has a reader, a thread too; at most `places` of them read at once.
 * They say what has happened in the struct, under the lock, and ring the
 * eventfd; the loop's thread looks and tells the epoch.
 *
 * A rank goes on as soon as all readers are through with their first pass
 * (nothing, as a rule); its twin exits when its reader closes the life line.
 *
 * FAILURE: whoever fails writes the sentence, if he is the first, and sets
 * `cancel`; all others end at their next piece.
 */
#define NICE                                                            \
	5 /* the ranks compute meanwhile; but a checkpoint that starves \
	     behind spinning ranks holds their memory's copies for long */

struct crew { /* one rank's reader */
	struct crew *next;
	struct capture *capture;
	struct reader reader;
	pthread_t thread;
};

struct capture {
	struct loop *loop;
	const struct capture_ops *ops;
	void *arg;
	struct source source; /* eventfd */
	int parent_fd;
	char folder[24]; /* the epoch's, in it */
	int dirfd;
	char name[96]; /* of the image */
	struct codec_wish compress;
	pthread_t chief;
	atomic_bool cancel;
	_Atomic uint64_t bytes;

	pthread_mutex_t lock; /* for all below */
	pthread_cond_t cond;
	struct image_writer *writer;
	struct crew *crew;
	unsigned int members, first_done, done; /* readers */
	unsigned int places;			/* free for readers */
	bool closed;				/* no further ranks */
	bool finished;				/* the image has its name */
	bool committed;				/* and keeps it */
	bool failed;
	int failed_rank, failed_code;
	struct err err;
	struct image_totals totals;
	uint32_t epoch;
	const struct image_base *base; /* or NULL */
	struct image_base *next;       /* what this one leaves */
	bool told_taken, told_end;     /* the loop's thread's own */
};

static void be_nice(void)
{
	setpriority(PRIO_PROCESS, (id_t)gettid(), NICE);
}

static void ring(struct capture *c)
{
	uint64_t one = 1;

	if (write(c->source.fd, &one, sizeof(one)) < 0)
		log_debug("capture: eventfd: %s", fmt_error(errno));
}

/* Under lock. */
static void fail(struct capture *c, int rank, int code, const struct err *err)
{
	if (!c->failed && !atomic_load(&c->cancel)) {
		c->failed = true;
		c->failed_rank = rank;
		c->failed_code = code;
		c->err = *err;
	}
	atomic_store(&c->cancel, true);
	pthread_cond_broadcast(&c->cond);
}

/* --- a reader
 * -------------------------------------------------------------------- */

/* The writer when a place is free, or NULL: canceled. */
static struct image_writer *place_take(struct capture *c)
{
	struct image_writer *w = NULL;

	pthread_mutex_lock(&c->lock);
	while (!atomic_load(&c->cancel) && (!c->writer || !c->places))
		pthread_cond_wait(&c->cond, &c->lock);
	if (!atomic_load(&c->cancel)) {
		c->places--;
		w = c->writer;
	}
	pthread_mutex_unlock(&c->lock);
	return w;
}

static void place_give(struct capture *c)
{
	pthread_mutex_lock(&c->lock);
	c->places++;
	pthread_cond_broadcast(&c->cond);
	pthread_mutex_unlock(&c->lock);
}

static int read_first(struct crew *m, struct err *err)
{
	struct capture *c = m->capture;
	struct reader *r = &m->reader;
	struct image_writer *w = place_take(c);
	int ret;

	if (!w)
		return -ECANCELED;
	ret = image_rank_begin(w, r->rank, r->sheet, r->sheet_len, err);
	if (!ret)
		ret = reader_first(r, w, err);
	reader_release_rank(r);
	place_give(c);
	if (ret)
		return ret;
	pthread_mutex_lock(&c->lock);
	c->first_done++;
	pthread_mutex_unlock(&c->lock);
	ring(c);
	return 0;
}

static int read_rest(struct crew *m, struct err *err)
{
	struct capture *c = m->capture;
	struct reader *r = &m->reader;
	struct image_writer *w = place_take(c);
	int ret;

	if (!w)
		return -ECANCELED;
	fault_point(FAULT_READ);
	ret = reader_flags(r, err);
	if (!ret)
		ret = image_rank_sheet(w, r->rank, r->sheet, r->sheet_len, err);
	if (!ret)
		ret = reader_rest(r, w, err);
	if (!ret)
		ret = image_rank_end(w, r->rank, err);
	place_give(c);
	return ret;
}

static void *crew_run(void *arg)
{
	struct crew *m = arg;
	struct capture *c = m->capture;
	struct err err = { "" };
	int ret;

	be_nice();
	ret = read_first(m, &err);
	if (!ret)
		ret = read_rest(m, &err);
	if (m->reader.lifeline >= 0) {
		close(m->reader.lifeline);
		m->reader.lifeline = -1;
	}
	pthread_mutex_lock(&c->lock);
	if (ret)
		fail(c, (int)m->reader.rank, ret, &err);
	c->done++;
	pthread_cond_broadcast(&c->cond);
	pthread_mutex_unlock(&c->lock);
	ring(c);
	return NULL;
}

/* --- the chief
 * -------------------------------------------------------------------- */

static int writer_make(struct capture *c, struct err *err)
{
	struct image_options options = { .compress = c->compress,
					 .base = c->base };
	struct image_writer *w;
	int ret = image_writer_create(c->dirfd, c->name, &options, &w, err);

	if (ret)
		return ret;
	pthread_mutex_lock(&c->lock);
	c->writer = w;
	pthread_cond_broadcast(&c->cond);
	pthread_mutex_unlock(&c->lock);
	return 0;
}

/* Until all readers are through (true), or have ended after a failure. */
static bool readers_wait(struct capture *c)
{
	bool good;

	pthread_mutex_lock(&c->lock);
	while (c->done < c->members || (!c->closed && !atomic_load(&c->cancel)))
		pthread_cond_wait(&c->cond, &c->lock);
	good = !atomic_load(&c->cancel);
	pthread_mutex_unlock(&c->lock);
	return good;
}

static void *chief_run(void *arg)
{
	struct capture *c = arg;
	struct err err = { "" };
	int ret;

	be_nice();
	ret = writer_make(c, &err);
	if (!ret && readers_wait(c)) {
		fault_point(FAULT_FINISH);
		/* A node whose ranks have all ended has no image. */
		if (c->members)
			ret = image_writer_finish_base(c->writer, c->epoch,
						       &c->totals, &c->next,
						       &err);
		else
			image_writer_abort(c->writer);
	} else if (!ret) {
		image_writer_abort(c->writer);
		ret = -ECANCELED;
	}
	pthread_mutex_lock(&c->lock);
	c->writer = NULL;
	c->finished = !ret;
	if (ret)
		fail(c, -1, ret, &err);
	pthread_mutex_unlock(&c->lock);
	ring(c);
	return NULL;
}

/* --- telling the epoch
 * -------------------------------------------------------------- */

/* What a rank says of itself, for people and checks. */
static json_t *explain_decode(const struct sheet *s)
{
	const char *text = (const char *)s + s->explain;
	json_t *json = json_loadb(text, s->explain_len, JSON_DISABLE_EOF_CHECK,
				  NULL);

	return json ? json : json_object();
}

static json_t *durable_members(struct capture *c)
{
	json_t *ranks = json_array(), *explain = json_object(), *members;
	const struct image_source *sources;
	char digest[17], key[16];
	size_t n = 0;

	for (struct crew *m = c->crew; m; m = m->next) {
		json_array_append_new(ranks, json_integer(m->reader.rank));
		fmt_print(key, sizeof(key), "%u", m->reader.rank);
		json_object_set_new(explain, key,
				    explain_decode(m->reader.sheet));
	}
	snprintf(digest, sizeof(digest), "%016llx",
		 (unsigned long long)c->totals.index_digest);
	members = json_pack("{s:s?, s:I, s:I, s:s, s:o, s:o}", "file",
			    c->crew ? c->name : NULL, "bytes",
			    (json_int_t)c->totals.bytes, "memory_bytes",
			    (json_int_t)c->totals.memory_bytes, "index_digest",
			    digest, "ranks", ranks, "explain", explain);
	sources = c->next ? image_base_sources(c->next, &n) : NULL;
	if (n)
		json_object_set_new(members, "sources",
				    manifest_sources(sources, n));
	return members;
}

static void rung(struct source *source, uint32_t events)
{
	struct capture *c = source->arg;
	bool taken, finished, failed;
	uint64_t n;

	(void)events;
	if (read(source->fd, &n, sizeof(n)) < 0)
		return;
	pthread_mutex_lock(&c->lock);
	failed = c->failed;
	taken = c->closed && c->first_done == c->members;
	finished = c->finished;
	pthread_mutex_unlock(&c->lock);
	if (c->told_end)
		return;
	if (failed) {
		c->told_end = true;
		c->ops->failed(c->arg, c->failed_rank, c->failed_code, &c->err);
		return;
	}
	if (taken && !c->told_taken) {
		c->told_taken = true;
		c->ops->taken(c->arg);
	}
	if (finished) {
		c->told_end = true;
		c->ops->durable(c->arg, durable_members(c));
	}
}

/* --- what the epoch calls
 * ----------------------------------------------------------- */

static void name_make(struct capture *c, const char *node)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789.-_";

	fmt_print(c->name, sizeof(c->name), "node-%s.img", node);
	/* A host's name becomes part of a file's. */
	for (char *p = c->name; *p; p++)
		if (!strchr(good, *p))
			*p = '_';
}

static int start(struct capture *c, struct err *err)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int ret = fd < 0 ? -errno :
			   source_open(c->loop, &c->source, fd, EPOLLIN, rung,
				       c);

	if (!ret)
		ret = -pthread_create(&c->chief, NULL, chief_run, c);
	if (!ret)
		return 0;
	source_close(c->loop, &c->source);
	if (fd >= 0)
		close(fd);
	return err_set(err, ret, "the agent cannot start to write: %s",
		       fmt_error(ret));
}

int capture_create(struct loop *loop, int parent_fd, uint32_t epoch,
		   const char *node, const struct codec_wish *compress,
		   const struct image_base *base, const struct capture_ops *ops,
		   void *arg, struct capture **capture, struct err *err)
{
	struct capture *c = calloc(1, sizeof(*c));
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	int ret;

	if (!c) {
		close(parent_fd);
		return err_set(err, -ENOMEM, "the agent has no memory left");
	}
	c->loop = loop;
	c->parent_fd = parent_fd;
	c->compress = *compress;
	c->epoch = epoch;
	c->base = base;
	c->ops = ops;
	c->arg = arg;
	c->source.fd = c->dirfd = -1;
	c->places = cpus > 2 ? (unsigned int)cpus : 2;
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->cond, NULL);
	name_make(c, node);
	catalog_name(epoch, c->folder);
	ret = catalog_make_epoch(parent_fd, epoch, &c->dirfd, err);
	if (!ret)
		ret = start(c, err);
	if (ret) {
		if (c->dirfd >= 0)
			close(c->dirfd);
		close(parent_fd);
		free(c);
		return ret;
	}
	*capture = c;
	return 0;
}

int capture_rank(struct capture *c, uint32_t rank, const int *fds,
		 unsigned int nfds, uint64_t delta, const char **why,
		 struct err *err)
{
	struct crew *m = calloc(1, sizeof(*m));
	int ret;

	if (!m) {
		for (unsigned int i = 0; i < nfds; i++)
			close(fds[i]);
		return err_set(err, -ENOMEM, "the agent has no memory left");
	}
	m->capture = c;
	m->reader.bytes = &c->bytes;
	m->reader.cancel = &c->cancel;
	m->reader.base = c->base ? image_base_epoch(c->base) : 0;
	ret = reader_init(&m->reader, rank, fds, nfds, delta, err);
	if (ret)
		goto failed;
	*why = m->reader.changes.why;
	pthread_mutex_lock(&c->lock);
	ret = -pthread_create(&m->thread, NULL, crew_run, m);
	if (!ret) {
		m->next = c->crew;
		c->crew = m;
		c->members++;
	}
	pthread_mutex_unlock(&c->lock);
	if (!ret)
		return 0;
	err_set(err, ret, "rank %u: the agent cannot start to read it: %s",
		rank, fmt_error(ret));
failed:
	reader_fini(&m->reader);
	free(m);
	return ret;
}

void capture_close(struct capture *c)
{
	pthread_mutex_lock(&c->lock);
	c->closed = true;
	pthread_cond_broadcast(&c->cond);
	pthread_mutex_unlock(&c->lock);
	ring(c);
}

uint64_t capture_bytes(const struct capture *c)
{
	return c ? atomic_load(&c->bytes) : 0;
}

void capture_abort(struct capture *c)
{
	c->told_end = true;
	pthread_mutex_lock(&c->lock);
	atomic_store(&c->cancel, true);
	pthread_cond_broadcast(&c->cond);
	pthread_mutex_unlock(&c->lock);
}

void capture_commit(struct capture *c)
{
	c->committed = true;
}

struct image_base *capture_base(struct capture *c)
{
	struct image_base *base = c->next;

	c->next = NULL;
	return base;
}

static void remove_image(const struct capture *c)
{
	if (c->finished && c->members)
		unlinkat(c->dirfd, c->name, 0);
	/* Gone with the last node's image; not if anything else is in it. */
	unlinkat(c->parent_fd, c->folder, AT_REMOVEDIR);
}

void capture_destroy(struct capture *c)
{
	int fd;

	if (!c)
		return;
	if (!c->committed)
		capture_abort(c);
	pthread_join(c->chief, NULL);
	while (c->crew) {
		struct crew *m = c->crew;

		c->crew = m->next;
		pthread_join(m->thread, NULL);
		reader_fini(&m->reader);
		free(m);
	}
	if (!c->committed)
		remove_image(c);
	image_base_destroy(c->next);
	fd = c->source.fd;
	source_close(c->loop, &c->source);
	close(fd);
	close(c->dirfd);
	close(c->parent_fd);
	pthread_cond_destroy(&c->cond);
	pthread_mutex_destroy(&c->lock);
	free(c);
}
