/* SPDX-License-Identifier: BSD-3-Clause */
/* buffer.c - bytes that came in or wait to go out */
#include "runtime/net/buffer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A buffer grows with the bytes that came, never on the word of a length. */
int buffer_reserve(struct buffer *b, size_t more)
{
	unsigned char *data;
	size_t room;

	if (b->done) {
		memmove(b->data, b->data + b->done, b->used - b->done);
		b->used -= b->done;
		b->done = 0;
	}
	if (b->used + more <= b->room)
		return 0;
	room = b->room * 2 > b->used + more ? b->room * 2 : b->used + more;
	data = realloc(b->data, room);
	if (!data)
		return -ENOMEM;
	b->data = data;
	b->room = room;
	return 0;
}

int buffer_add(struct buffer *b, const void *data, size_t len)
{
	int rc = buffer_reserve(b, len);

	if (rc)
		return rc;
	memcpy(b->data + b->used, data, len);
	b->used += len;
	return 0;
}
