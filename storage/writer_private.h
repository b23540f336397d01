/* SPDX-License-Identifier: BSD-3-Clause */
/* writer_private.h - what the files of the image's writer share */
#ifndef CAIRN_STORAGE_WRITER_PRIVATE_H
#define CAIRN_STORAGE_WRITER_PRIVATE_H

#include <pthread.h>
#include <stdbool.h>

#include "storage/base.h"
#include "storage/codec.h"
#include "storage/commit.h"
#include "storage/dedup.h"
#include "storage/image.h"
#include "storage/index.h"
#include "storage/sink.h"

#define THREADS_MAX 16U

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
	struct dedup *known; /* contents that have a place, or get one */
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

/* writer_fail - note a worker's failure, if it is the first. */
void writer_fail(struct image_writer *w, int rc, const struct err *err);
/* writer_failure - the first one so far, or 0; with the lock held. */
int writer_failure(struct image_writer *w, struct err *err) must_check;
/* writer_section - a rank's, or NULL; with the lock held. */
struct section *writer_section(struct image_writer *w, uint32_t rank);

/* writer_add_chunk - to the index; with the lock held.  0 or -ENOMEM. */
int writer_add_chunk(struct section *s, const struct image_chunk *c) must_check;

/*
 * writer_base.c: what need not be written.
 *
 * writer_known_begin - the table of contents, with those of the base; 0 or
 * -ENOMEM.
 * writer_is_known - is this content stored, or about to be?  Then c, of which
 * addr, len, raw and hash are set, is in the index; else the caller stores it,
 * and nobody else will.
 * writer_placed - now it has a place; with the lock held.
 * writer_settle - all chunks have places, and the sources their numbers.
 */
int writer_known_begin(struct image_writer *w) must_check;
bool writer_is_known(struct image_writer *w, struct section *s,
		     struct image_chunk *c);
void writer_placed(struct image_writer *w, const struct image_chunk *c);
int writer_settle(struct image_writer *w, struct index *ix,
		  struct err *err) must_check;

/* workers_start - n of them; those that run stay if it fails.
 * workers_stop - when they have done all jobs and filled their pieces. */
int workers_start(struct image_writer *w, unsigned int n) must_check;
void workers_stop(struct image_writer *w);

/* writer_destroy - what is not committed is gone; NULL allowed. */
void writer_destroy(struct image_writer *w);

#endif
