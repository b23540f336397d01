/* SPDX-License-Identifier: BSD-3-Clause */
/* credential.h - MUNGE's word about whose process this is */
#ifndef CAIRN_NET_CREDENTIAL_H
#define CAIRN_NET_CREDENTIAL_H

#include <stddef.h>
#include <sys/types.h>

#include "runtime/base/err.h"

#define CREDENTIAL_MAX		4096 /* bytes of one */
#define CREDENTIAL_PAYLOAD_SIZE 32

/* One that is being made or checked.  All zero: none. */
struct credential {
	pid_t pid; /* cairn-munge; 0: none runs */
	int fd;	   /* where its output comes: readable when it has ended */
	size_t used;
	char output[CREDENTIAL_MAX];
};

/*
 * credential_make, credential_check - begin; credential_result tells the rest
 *
 * The payload says what the credential is for: both sides know it, and nobody
 * can make the one that is due for another connection.  Only a process of this
 * very user passes the check.  No call blocks.
 */
int credential_make(struct credential *c, const unsigned char *payload,
		    struct err *err) must_check;
int credential_check(struct credential *c, const unsigned char *payload,
		     const char *text, struct err *err) must_check;
/*
 * credential_result - -EAGAIN: poll c->fd for POLLIN
 *
 * 0: it is good, or made: c->output.  -EKEYREJECTED: it is refused; -ENOKEY:
 * MUNGE does not work on this node.  c->fd stays open until credential_stop.
 */
int credential_result(struct credential *c, struct err *err) must_check;
/* credential_stop - whatever it is at; also at the end. */
void credential_stop(struct credential *c);

/* credential_try - does MUNGE work on this node?  Blocks, for ten seconds at
 * most. */
int credential_try(struct err *err) must_check;

#endif
