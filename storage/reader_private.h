/* SPDX-License-Identifier: BSD-3-Clause */
/* reader_private.h - what the files of the image's reader share */
#ifndef CAIRN_STORAGE_READER_PRIVATE_H
#define CAIRN_STORAGE_READER_PRIVATE_H

#include "storage/image.h"
#include "storage/index.h"

struct slots;

/* A file of which all that a reader needs is known. */
struct image {
	int fd;
	uint64_t len;
	char name[224];
	uint32_t version;
	struct index ix;
	uint64_t data_end;
	struct slots *slots;
	struct image *sources; /* by number less one: without index and slots */
};

/* reader_read_at - exactly these bytes of the file. */
int reader_read_at(const struct image *im, void *buf, size_t len,
		   uint64_t offset, struct err *err) must_check;
/* reader_damaged - -EBADMSG, with the sentence. */
int reader_damaged(const struct image *im, struct err *err, const char *what);

/* slots_create - working memory of those who read chunks; NULL: no memory. */
struct slots *slots_create(void);
void slots_destroy(struct slots *slots); /* NULL allowed */

#endif
