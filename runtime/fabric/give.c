/* SPDX-License-Identifier: BSD-3-Clause */
/* give.c - one file goes, by writes into the other side's memory */
#include "runtime/fabric/slots.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/fmt.h"

#define NONE UINT64_MAX

struct giver {
	struct slots s;
	bool greeted, granted;
	struct wire_message grant;
	uint64_t next;	   /* the first piece that is not under way */
	uint64_t prepared; /* the piece that is read and tagged, or NONE */
	uint64_t credit;   /* so many are in the taker's file */
};

static int piece_read(struct giver *g, uint64_t number, struct err *err)
{
	unsigned char *data = slots_piece(&g->s, number);
	size_t len = slots_len(&g->s, number), got = 0;
	off_t at = (off_t)(number * WIRE_PIECE);

	while (got < len) {
		ssize_t n = pread(g->s.t->fd, data + got, len - got,
				  at + (off_t)got);
		int error = n < 0 ? errno : EIO;

		if (n > 0)
			got += (size_t)n;
		else if (!n || error != EINTR)
			return err_set(err, -error, "cannot read the file: %s",
				       n ? fmt_error(error) :
					   "it is cut short");
	}
	/* The program may need that memory. */
	posix_fadvise(g->s.t->fd, at, (off_t)len, POSIX_FADV_DONTNEED);
	wire_tag(g->s.t->key, number, data, len, data + len);
	return 0;
}

static int piece_begin(struct giver *g, uint64_t number)
{
	size_t i = number % WIRE_SLOTS;
	size_t len = slots_len(&g->s, number) + WIRE_TAG_BYTES;

	if (!g->grant.rma)
		return fabric_send(g->s.f, &g->s.ops[i], g->s.peer,
				   slots_piece(&g->s, number), len,
				   &g->s.windows[i], true, number);
	return fabric_write(g->s.f, &g->s.ops[i], g->s.peer,
			    slots_piece(&g->s, number), len, &g->s.windows[i],
			    g->grant.address[i], g->grant.keys[i], number);
}

static bool may_go(const struct giver *g)
{
	return g->granted && g->next < g->s.npieces &&
	       g->next < g->credit + WIRE_SLOTS &&
	       !g->s.ops[g->next % WIRE_SLOTS].busy;
}

static int push(struct giver *g, bool *later, struct err *err)
{
	int rc = 0;

	while (!rc && may_go(g)) {
		if (g->prepared != g->next)
			rc = piece_read(g, g->next, err);
		if (rc)
			return rc;
		g->prepared = g->next;
		rc = piece_begin(g, g->next);
		if (!rc)
			g->next++;
	}
	*later = rc == -EAGAIN;
	if (!rc || rc == -EAGAIN)
		return 0;
	return err_set(err, -ECONNRESET,
		       "the other side cannot be written to: %s",
		       fmt_error(rc));
}

static int greet(struct giver *g, bool *later, struct err *err)
{
	struct wire_message m = { .kind = WIRE_HELLO,
				  .rma = fabric_has_rma(g->s.f) };
	int rc;

	if (g->greeted)
		return 0;
	m.name_len = fabric_name(g->s.f, m.name);
	rc = slots_say(&g->s, &m, err);
	g->greeted = !rc;
	*later = rc == -EAGAIN;
	return rc == -EAGAIN ? 0 : rc;
}

static int message_came(struct giver *g, const struct wire_message *m,
			const struct fabric_event *event, struct err *err)
{
	uint64_t before = g->credit;

	if (m->kind == WIRE_GRANT && !g->granted) {
		g->grant = *m;
		g->granted = true;
		slots_moved(&g->s, 0);
	} else if (m->kind == WIRE_CREDIT && m->count > before &&
		   m->count <= g->next) {
		g->credit = m->count;
		slots_moved(&g->s, (g->credit == g->s.npieces ?
					    g->s.t->bytes :
					    g->credit * WIRE_PIECE) -
					   before * WIRE_PIECE);
	}
	return slots_again(&g->s, event, err);
}

static int too_late(const struct giver *g, struct err *err)
{
	int s = (g->s.t->limit_ms + 999) / 1000;

	if (!g->granted)
		return err_set(err, -ETIMEDOUT,
			       "the other side did not answer within %d s", s);
	return err_set(err, -ETIMEDOUT,
		       "the other side stalled for %d s after %lu of %lu MiB",
		       s, (unsigned long)(g->credit * WIRE_PIECE >> 20),
		       (unsigned long)(g->s.t->bytes >> 20));
}

static int run(struct giver *g, struct err *err)
{
	struct wire_message m;
	struct fabric_event e;
	int rc = 0;

	while (!rc && g->credit < g->s.npieces) {
		bool later = false;

		rc = greet(g, &later, err);
		if (!rc)
			rc = push(g, &later, err);
		if (rc)
			break;
		rc = slots_next(&g->s, later, &e);
		if (rc == -EAGAIN) {
			rc = 0;
			continue;
		}
		if (rc)
			rc = too_late(g, err);
		else if (slots_heard(&g->s, &e, &m))
			rc = message_came(g, &m, &e, err);
		else if (slots_failed(&g->s, &e))
			rc = err_set(err, -ECONNRESET,
				     "the other side is gone after %lu of %lu "
				     "MiB",
				     (unsigned long)(g->credit * WIRE_PIECE >>
						     20),
				     (unsigned long)(g->s.t->bytes >> 20));
	}
	return rc;
}

int transfer_give(const struct transfer *t, const unsigned char *name,
		  size_t len, struct err *err)
{
	struct giver g = { .prepared = NONE };
	int rc = slots_open(&g.s, t, false, err);

	if (!rc)
		rc = fabric_peer(g.s.f, name, len, &g.s.peer, err);
	if (!rc)
		rc = slots_listen(&g.s, SLOTS_MESSAGES, err);
	if (!rc)
		rc = run(&g, err);
	slots_close(&g.s);
	return rc;
}
