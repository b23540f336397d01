/* SPDX-License-Identifier: BSD-3-Clause */
/* take.c - one file comes, by the other side's writes or messages */
#include "runtime/fabric/slots.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/fmt.h"
#include "storage/commit.h"

struct taker {
	struct slots s;
	bool known;   /* the giver has said who it is */
	bool granted; /* and been told where it may write */
	bool rma;
	uint64_t next;	       /* all pieces before are in the file */
	bool have[WIRE_SLOTS]; /* of those from next on, by number */
	uint64_t credited;
	uint64_t refused; /* pieces that the giver did not make */
};

/* --- pieces
 * -------------------------------------------------------------------- */

/* What was written is this file's, and has been seen to be the giver's. */
static int piece_store(struct taker *t, uint64_t number, const void *data,
		       struct err *err)
{
	size_t len = slots_len(&t->s, number);
	int rc = commit_pwrite(t->s.t->fd, data, len, number * WIRE_PIECE,
			       "the copy", err);

	if (rc)
		return rc;
	t->have[number % WIRE_SLOTS] = true;
	for (; t->have[t->next % WIRE_SLOTS]; t->next++)
		t->have[t->next % WIRE_SLOTS] = false;
	slots_moved(&t->s, len);
	return 0;
}

static int piece_came(struct taker *t, uint64_t number,
		      const unsigned char *data, struct err *err)
{
	size_t len;

	if (number < t->next || number >= t->s.npieces ||
	    number >= t->next + WIRE_SLOTS || t->have[number % WIRE_SLOTS])
		return 0;
	len = slots_len(&t->s, number);
	if (!wire_tag_is_good(t->s.t->key, number, data, len, data + len)) {
		t->refused++;
		return 0;
	}
	return piece_store(t, number, data, err);
}

static int slot_listen(struct taker *t, int i)
{
	return fabric_receive(t->s.f, &t->s.ops[i],
			      slots_piece(&t->s, (uint64_t)i),
			      WIRE_PIECE + WIRE_TAG_BYTES, &t->s.windows[i]);
}

/* A message that is a piece, in whichever slot; the slot is free again. */
static int slot_came(struct taker *t, const struct fabric_event *e,
		     struct err *err)
{
	int rc = 0, i = e->op->index;

	if (e->kind == FABRIC_RECEIVED && e->has_data &&
	    e->data < t->s.npieces &&
	    e->len == slots_len(&t->s, e->data) + WIRE_TAG_BYTES)
		rc = piece_came(t, e->data, slots_piece(&t->s, (uint64_t)i),
				err);
	if (!rc && slot_listen(t, i))
		rc = err_set(err, -EIO, "libfabric cannot receive");
	return rc;
}

/* --- the giver
 * ----------------------------------------------------------------- */

/* Where pieces are messages the slots take all that comes from now on: a piece
 * must not end in a small place. */
static int hello_came(struct taker *t, const struct wire_message *m,
		      const struct fabric_event *event, struct err *err)
{
	int rc;

	if (m->kind != WIRE_HELLO || t->known)
		return slots_again(&t->s, event, err);
	rc = fabric_peer(t->s.f, m->name, m->name_len, &t->s.peer, err);
	if (rc)
		return rc;
	t->known = true;
	t->rma = m->rma && fabric_has_rma(t->s.f);
	slots_moved(&t->s, 0);
	if (t->rma)
		return slots_again(&t->s, event, err);
	for (int i = 0; i < (int)WIRE_SLOTS && !rc; i++)
		rc = slot_listen(t, i);
	return rc ? err_set(err, rc, "libfabric cannot receive") : 0;
}

/* *later: it could not be said now. */
static int talk(struct taker *t, bool *later, struct err *err)
{
	struct wire_message m = { .kind = WIRE_CREDIT, .count = t->next };
	int rc;

	*later = false;
	if (!t->known || (t->granted && t->credited == t->next))
		return 0;
	if (!t->granted) {
		m.kind = WIRE_GRANT;
		m.rma = t->rma;
		for (size_t i = 0; i < WIRE_SLOTS && t->rma; i++) {
			m.address[i] = t->s.windows[i].address;
			m.keys[i] = t->s.windows[i].key;
		}
	}
	rc = slots_say(&t->s, &m, err);
	*later = rc == -EAGAIN && !t->s.sent.busy;
	if (rc)
		return rc == -EAGAIN ? 0 : rc;
	if (m.kind == WIRE_GRANT)
		t->granted = true;
	else
		t->credited = t->next;
	return 0;
}

static int event_came(struct taker *t, const struct fabric_event *e,
		      struct err *err)
{
	struct wire_message m;

	if (slots_heard(&t->s, e, &m))
		return hello_came(t, &m, e, err);
	if (e->kind == FABRIC_WRITTEN)
		return piece_came(t, e->data, slots_piece(&t->s, e->data), err);
	/* The slots' own operations are receptions. */
	if (e->op >= t->s.ops && e->op < t->s.ops + WIRE_SLOTS)
		return slot_came(t, e, err);
	if (slots_failed(&t->s, e))
		return err_set(err, -ECONNRESET,
			       "the other side is gone after %lu of %lu MiB",
			       (unsigned long)(t->next * WIRE_PIECE >> 20),
			       (unsigned long)(t->s.t->bytes >> 20));
	return 0;
}

static int too_late(const struct taker *t, struct err *err)
{
	if (!t->known)
		return err_set(err, -ETIMEDOUT,
			       "nobody who knows the key came within %d s",
			       (t->s.t->limit_ms + 999) / 1000);
	if (t->refused)
		return err_set(err, -EKEYREJECTED,
			       "%lu pieces were refused: the other side did "
			       "not make them",
			       (unsigned long)t->refused);
	return err_set(err, -ETIMEDOUT,
		       "the other side stalled for %d s after %lu of %lu MiB",
		       (t->s.t->limit_ms + 999) / 1000,
		       (unsigned long)(t->next * WIRE_PIECE >> 20),
		       (unsigned long)(t->s.t->bytes >> 20));
}

/* Until the last credit has left. */
static int run(struct taker *t, struct err *err)
{
	struct fabric_event e;
	bool later;
	int rc = 0;

	while (!rc && (t->credited < t->s.npieces || t->s.sent.busy)) {
		rc = talk(t, &later, err);
		if (rc)
			break;
		rc = slots_next(&t->s, later, &e);
		if (!rc)
			rc = event_came(t, &e, err);
		else if (rc == -EAGAIN)
			rc = 0;
		else
			rc = too_late(t, err);
	}
	return rc;
}

static int make_room(const struct transfer *t, struct err *err)
{
	/* No space shows before a gigabyte was moved for nothing. */
	if (fallocate(t->fd, 0, 0, (off_t)t->bytes) &&
	    (errno == ENOSPC || errno == EDQUOT || errno == EFBIG))
		return err_set(err, -errno,
			       "no space for a copy of %lu MiB: %s",
			       (unsigned long)(t->bytes >> 20),
			       fmt_error(errno));
	fcntl(t->fd, F_SETFL, fcntl(t->fd, F_GETFL) | O_DIRECT); /* a wish */
	return 0;
}

int transfer_take(const struct transfer *transfer, struct err *err)
{
	struct taker t = { .known = false };
	unsigned char name[FABRIC_ADDRESS_MAX];
	int rc = make_room(transfer, err);

	if (rc)
		return rc;
	rc = slots_open(&t.s, transfer, true, err);
	if (!rc)
		rc = slots_listen(&t.s, 1, err);
	if (!rc) {
		transfer->ops->ready(transfer->arg, name,
				     fabric_name(t.s.f, name));
		slots_moved(&t.s, 0);
		rc = run(&t, err);
	}
	slots_close(&t.s);
	if (!rc && fsync(transfer->fd))
		rc = err_set(err, -errno, "cannot make the copy durable: %s",
			     fmt_error(errno));
	return rc;
}
