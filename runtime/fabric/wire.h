/* SPDX-License-Identifier: BSD-3-Clause */
/* wire.h - what giver and taker write to each other, and how it is known */
#ifndef CAIRN_FABRIC_WIRE_H
#define CAIRN_FABRIC_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/fabric/fabric.h"

/*
 * fabric.md has the picture.  Everything that one side believes of the other
 * carries a tag that only the holder of this transfer's key can make.
 */
#define WIRE_KEY_BYTES 32
#define WIRE_PIECE     (4u << 20) /* bytes of the file in one */
#define WIRE_SLOTS     8	  /* pieces that may be under way */
#define WIRE_TAG_BYTES 16	  /* behind each piece */
/* From one slot to the next: whole pages, as direct I/O wants them. */
#define WIRE_STRIDE	 (WIRE_PIECE + 4096u)
#define WIRE_MESSAGE_MAX 512

enum wire_kind {
	WIRE_HELLO = 1, /* giver: its address */
	WIRE_GRANT = 2, /* taker: where pieces may be written */
	WIRE_CREDIT = 3 /* taker: so many pieces are in its file */
};

struct wire_message {
	enum wire_kind kind;
	unsigned char name[FABRIC_ADDRESS_MAX]; /* HELLO */
	size_t name_len;
	bool rma; /* HELLO: the giver has it; GRANT: write, do not send */
	uint64_t address[WIRE_SLOTS], keys[WIRE_SLOTS]; /* GRANT */
	uint64_t count;					/* CREDIT */
};

/* wire_encode - gives the length. */
size_t wire_encode(const struct wire_message *m,
		   const unsigned char key[WIRE_KEY_BYTES],
		   unsigned char bytes[WIRE_MESSAGE_MAX]);
/* wire_decode - -EKEYREJECTED: somebody else made it; -EPROTO: strange. */
int wire_decode(const unsigned char *bytes, size_t len,
		const unsigned char key[WIRE_KEY_BYTES],
		struct wire_message *m) must_check;

/* wire_tag - of the piece with this number, len bytes at data. */
void wire_tag(const unsigned char key[WIRE_KEY_BYTES], uint64_t number,
	      const void *data, size_t len, unsigned char tag[WIRE_TAG_BYTES]);
bool wire_tag_is_good(const unsigned char key[WIRE_KEY_BYTES], uint64_t number,
		      const void *data, size_t len,
		      const unsigned char tag[WIRE_TAG_BYTES]);

#endif
