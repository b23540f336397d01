/* SPDX-License-Identifier: BSD-3-Clause */
/* transfer.h - move one file from a giver to a taker */
#ifndef CAIRN_FABRIC_TRANSFER_H
#define CAIRN_FABRIC_TRANSFER_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/base/err.h"
#include "runtime/fabric/fabric.h"
#include "runtime/fabric/wire.h"

struct transfer_ops {
	/* Taker: it listens, and the giver may be told its address. */
	void (*ready)(void *arg, const unsigned char *name, size_t len);
	/* So many bytes have left or come; may be NULL. */
	void (*moved)(void *arg, uint64_t bytes);
};

/*
 * Both sides have the same key and length, from somebody they trust; fabric.md
 * is the design.  The calls block: at most limit_ms without anything moved,
 * then -ETIMEDOUT.  They hold WIRE_SLOTS pieces of memory each.
 */
struct transfer {
	struct fabric_options fabric;
	unsigned char key[WIRE_KEY_BYTES];
	int fd;		/* the file: whole length at offset 0 */
	uint64_t bytes; /* at least 1 */
	int limit_ms;
	const struct transfer_ops *ops;
	void *arg;
};

/* transfer_take - 0: the file is whole and fsynced. */
int transfer_take(const struct transfer *t, struct err *err) must_check;
/* transfer_give - to the taker with this address.  0: it has all of it, perhaps
 * not yet on its disk.  -ECONNRESET: it is gone. */
int transfer_give(const struct transfer *t, const unsigned char *name,
		  size_t len, struct err *err) must_check;

#endif
