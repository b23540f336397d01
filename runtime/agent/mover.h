/* SPDX-License-Identifier: BSD-3-Clause */
/* mover.h - one file to or from another node: a cairn-fabric that runs */
#ifndef CAIRN_AGENT_MOVER_H
#define CAIRN_AGENT_MOVER_H

#include <stdint.h>

#include "runtime/agent/loop.h"
#include "runtime/base/err.h"

struct mover;

struct mover_order {
	int fd;		      /* the file; stays the caller's */
	uint64_t bytes;	      /* its length */
	int limit_ms;	      /* how long nothing may move */
	const char *key;      /* 64 hex digits */
	const char *peer;     /* the taker's address, or NULL: take */
	const char *provider; /* of libfabric; NULL: its own default */
	const char *source;   /* own IP address */
};

/* In the loop's thread. */
struct mover_ops {
	/* A taker's address, for the giver. */
	void (*address)(void *arg, const char *address);
	/* It is over: 0, or why not.  mover_stop is still due, and allowed. */
	void (*ended)(void *arg, int code, const char *text);
};

/* mover_start - -ENOPKG: this Cairn was built without libfabric. */
int mover_start(struct loop *loop, const struct mover_order *order,
		const struct mover_ops *ops, void *arg, struct mover **mover,
		struct err *err) must_check;
/* mover_stop - end it, also in the middle; NULL allowed. */
void mover_stop(struct mover *m);

#endif
