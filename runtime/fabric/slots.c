/* SPDX-License-Identifier: BSD-3-Clause */
/* slots.c - what giver and taker have in common: pieces, small messages */
#include "runtime/fabric/slots.h"

#include <errno.h>
#include <rdma/fi_errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SOON_MS 5
#define LOOK_MS 200

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

size_t slots_len(const struct slots *s, uint64_t number)
{
	uint64_t left = s->t->bytes - number * WIRE_PIECE;

	return left < WIRE_PIECE ? (size_t)left : WIRE_PIECE;
}

static int register_all(struct slots *s, bool remote, struct err *err)
{
	int rc = fabric_register(s->f, s->messages,
				 (SLOTS_MESSAGES + 1) * WIRE_MESSAGE_MAX, false,
				 &s->window, err);

	for (uint64_t i = 0; i < WIRE_SLOTS && !rc; i++) {
		s->ops[i].index = (int)i;
		rc = fabric_register(s->f, slots_piece(s, i),
				     WIRE_PIECE + WIRE_TAG_BYTES, remote,
				     &s->windows[i], err);
	}
	return rc;
}

int slots_open(struct slots *s, const struct transfer *t, bool remote,
	       struct err *err)
{
	void *pieces = NULL;
	int rc;

	memset(s, 0, sizeof(*s));
	s->t = t;
	s->npieces = (t->bytes + WIRE_PIECE - 1) / WIRE_PIECE;
	slots_moved(s, 0);
	if (!t->bytes)
		return err_set(err, -EINVAL, "an empty file is not moved");
	s->messages = calloc(SLOTS_MESSAGES + 1, WIRE_MESSAGE_MAX);
	if (!s->messages ||
	    posix_memalign(&pieces, 4096, WIRE_SLOTS * WIRE_STRIDE))
		return err_set(err, -ENOMEM, "no memory to move a file");
	s->pieces = pieces;
	rc = fabric_open(&t->fabric, &s->f, err);
	return rc ? rc : register_all(s, remote, err);
}

void slots_close(struct slots *s)
{
	for (size_t i = 0; i < WIRE_SLOTS; i++)
		fabric_unregister(&s->windows[i]);
	fabric_unregister(&s->window);
	fabric_close(s->f);
	free(s->messages);
	free(s->pieces);
	s->f = NULL;
	s->messages = s->pieces = NULL;
}

/* --- small messages
 * ------------------------------------------------------------ */

static int listen_one(struct slots *s, int i)
{
	s->received[i].index = i;
	return fabric_receive(s->f, &s->received[i],
			      s->messages + i * WIRE_MESSAGE_MAX,
			      WIRE_MESSAGE_MAX, &s->window);
}

int slots_listen(struct slots *s, int n, struct err *err)
{
	int rc = 0;

	for (int i = 0; i < n && !rc; i++)
		rc = listen_one(s, i);
	return rc ? err_set(err, rc, "libfabric cannot receive: %s",
			    strerror(-rc)) :
		    0;
}

static int index_of(const struct slots *s, const struct fabric_op *op)
{
	for (int i = 0; i < SLOTS_MESSAGES; i++)
		if (op == &s->received[i])
			return i;
	return -1;
}

bool slots_heard(struct slots *s, const struct fabric_event *event,
		 struct wire_message *m)
{
	int i = index_of(s, event->op);
	bool good;

	if (i < 0)
		return false;
	good = event->kind == FABRIC_RECEIVED &&
	       !wire_decode(s->messages + i * WIRE_MESSAGE_MAX, event->len,
			    s->t->key, m);
	/* If that fails nothing more is heard, and the time limit decides. */
	if (!good && listen_one(s, i))
		return false;
	return good;
}

int slots_again(struct slots *s, const struct fabric_event *event,
		struct err *err)
{
	int rc = listen_one(s, index_of(s, event->op));

	return rc ? err_set(err, rc, "libfabric cannot receive: %s",
			    strerror(-rc)) :
		    0;
}

int slots_say(struct slots *s, const struct wire_message *m, struct err *err)
{
	unsigned char *bytes = s->messages + SLOTS_MESSAGES * WIRE_MESSAGE_MAX;
	size_t len;
	int rc;

	if (s->sent.busy)
		return -EAGAIN;
	len = wire_encode(m, s->t->key, bytes);
	rc = fabric_send(s->f, &s->sent, s->peer, bytes, len, &s->window, false,
			 0);
	if (!rc || rc == -EAGAIN)
		return rc;
	return err_set(err, -ECONNRESET, "the other side cannot be reached: %s",
		       strerror(-rc));
}

/* --- events
 * -------------------------------------------------------------------- */

void slots_moved(struct slots *s, uint64_t bytes)
{
	s->deadline_ms = now_ms() + s->t->limit_ms;
	if (bytes && s->t->ops && s->t->ops->moved)
		s->t->ops->moved(s->t->arg, bytes);
}

int slots_next(struct slots *s, bool soon, struct fabric_event *event)
{
	int64_t left = s->deadline_ms - now_ms();

	if (left <= 0)
		return -ETIMEDOUT;
	if (left > LOOK_MS)
		left = LOOK_MS;
	return fabric_next(s->f, soon ? SOON_MS : (int)left, event);
}

bool slots_failed(const struct slots *s, const struct fabric_event *event)
{
	if (event->kind != FABRIC_FAILED || !event->op)
		return false;
	return index_of(s, event->op) < 0;
}
