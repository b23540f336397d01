/* SPDX-License-Identifier: BSD-3-Clause */
/* buffer.h - bytes that came in or wait to go out */
#ifndef CAIRN_NET_BUFFER_H
#define CAIRN_NET_BUFFER_H

#include <stddef.h>

#include "runtime/base/err.h"

/* All zero is an empty one; its owner frees data. */
struct buffer {
	unsigned char *data;
	size_t used; /* bytes in data */
	size_t done; /* of them, already written or read */
	size_t room;
};

/* buffer_reserve - room for that many more, behind data + used; 0 or -ENOMEM.
 * What is done is forgotten, so pointers into data are not valid any more. */
int buffer_reserve(struct buffer *b, size_t more) must_check;
int buffer_add(struct buffer *b, const void *data, size_t len) must_check;
static inline size_t buffer_left(const struct buffer *b)
{
	return b->used - b->done;
}

#endif
