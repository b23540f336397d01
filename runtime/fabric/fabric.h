/* SPDX-License-Identifier: BSD-3-Clause */
/* fabric.h - one libfabric endpoint: windows, messages, completions */
#ifndef CAIRN_FABRIC_FABRIC_H
#define CAIRN_FABRIC_FABRIC_H

#include <rdma/fabric.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/err.h"

/*
 * A reliable-datagram endpoint, used by one thread.  Progress is manual: what
 * is under way moves on only inside fabric_next, on both sides, also where the
 * other side writes into our memory.
 */
struct fabric;

#define FABRIC_PROVIDER	   "tcp;ofi_rxm"
#define FABRIC_ADDRESS_MAX 128 /* bytes of an endpoint's name */

struct fabric_options {
	const char *provider; /* NULL: FABRIC_PROVIDER */
	const char *source;   /* own IP address; NULL: the provider's choice */
	bool messages;	      /* as if the provider had no RMA */
};

/* Memory that is sent from or received into. */
struct fabric_window {
	void *mr; /* NULL: the provider wants no registration */
	void *desc;
	uint64_t address, key; /* for the other side's writes */
};

/* One operation; belongs to the library until its event has come. */
struct fabric_op {
	struct fi_context2 context; /* first: the event points here */
	int index;		    /* the caller's */
	bool busy;
};

enum fabric_kind {
	FABRIC_DONE,	 /* op: sent or written; its memory is free again */
	FABRIC_RECEIVED, /* op: len bytes came */
	FABRIC_WRITTEN,	 /* data: somebody's write is in our memory */
	FABRIC_FAILED,	 /* op (may be NULL) failed; code */
};

struct fabric_event {
	enum fabric_kind kind;
	struct fabric_op *op;
	size_t len;
	bool has_data;
	uint64_t data; /* what came with it */
	int code;
};

int fabric_open(const struct fabric_options *options, struct fabric **fabric,
		struct err *err) must_check;
void fabric_close(struct fabric *f); /* NULL allowed */

/* fabric_name - this endpoint's address, as bytes for the other side. */
size_t fabric_name(const struct fabric *f,
		   unsigned char name[FABRIC_ADDRESS_MAX]);
/* fabric_peer - the other side by its name. */
int fabric_peer(struct fabric *f, const unsigned char *name, size_t len,
		uint64_t *peer, struct err *err) must_check;
/* fabric_has_rma - else pieces are messages. */
bool fabric_has_rma(const struct fabric *f);

/* fabric_register - remote: the other side may write there, with a key that
 * nobody guesses. */
int fabric_register(struct fabric *f, void *memory, size_t len, bool remote,
		    struct fabric_window *w, struct err *err) must_check;
void fabric_unregister(struct fabric_window *w);

/* Begin an operation.  -EAGAIN: call fabric_next, then again. */
int fabric_receive(struct fabric *f, struct fabric_op *op, void *memory,
		   size_t len, const struct fabric_window *w) must_check;
int fabric_send(struct fabric *f, struct fabric_op *op, uint64_t peer,
		const void *memory, size_t len, const struct fabric_window *w,
		bool has_data, uint64_t data) must_check;
int fabric_write(struct fabric *f, struct fabric_op *op, uint64_t peer,
		 const void *memory, size_t len, const struct fabric_window *w,
		 uint64_t address, uint64_t key, uint64_t data) must_check;

/* fabric_next - the next event, within timeout_ms; -EAGAIN: none came. */
int fabric_next(struct fabric *f, int timeout_ms,
		struct fabric_event *event) must_check;

#endif
