/* SPDX-License-Identifier: BSD-3-Clause */
/* slots.h - what giver and taker have in common: pieces, small messages */
#ifndef CAIRN_FABRIC_SLOTS_H
#define CAIRN_FABRIC_SLOTS_H

#include "runtime/fabric/transfer.h"

#define SLOTS_MESSAGES 4 /* small ones that may come before they are read */

struct slots {
	const struct transfer *t;
	struct fabric *f;
	uint64_t peer;
	uint64_t npieces;
	int64_t deadline_ms;

	unsigned char *pieces; /* WIRE_SLOTS, each WIRE_STRIDE long */
	struct fabric_window windows[WIRE_SLOTS];
	struct fabric_op ops[WIRE_SLOTS];

	unsigned char *messages; /* SLOTS_MESSAGES, then the one to be sent */
	struct fabric_window window;
	struct fabric_op received[SLOTS_MESSAGES], sent;
};

/* slots_open - the endpoint and the memory; remote: others may write there. */
int slots_open(struct slots *s, const struct transfer *t, bool remote,
	       struct err *err) must_check;
void slots_close(struct slots *s);

static inline unsigned char *slots_piece(const struct slots *s, uint64_t number)
{
	return s->pieces + (number % WIRE_SLOTS) * WIRE_STRIDE;
}
/* slots_len - how long the piece with this number is. */
size_t slots_len(const struct slots *s, uint64_t number);

/* slots_listen - be ready for n small messages. */
int slots_listen(struct slots *s, int n, struct err *err) must_check;
/* slots_heard - was this a small message that can be believed?  Strangers' do
 * not keep others from coming; after a good one slots_again is due. */
bool slots_heard(struct slots *s, const struct fabric_event *event,
		 struct wire_message *m);
/* slots_again - be ready for another one in the same place. */
int slots_again(struct slots *s, const struct fabric_event *event,
		struct err *err) must_check;
/* slots_say - 0, or -EAGAIN: later. */
int slots_say(struct slots *s, const struct wire_message *m,
	      struct err *err) must_check;

/* slots_moved - there was progress: the time limit begins anew. */
void slots_moved(struct slots *s, uint64_t bytes);
/* slots_next - the next event; -EAGAIN: something may be tried again;
 * -ETIMEDOUT: the time is over (the caller has the words). */
int slots_next(struct slots *s, bool soon, struct fabric_event *event);
/* slots_failed - was it something that we cannot do without? */
bool slots_failed(const struct slots *s, const struct fabric_event *event);

#endif
