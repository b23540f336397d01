/* SPDX-License-Identifier: BSD-3-Clause */
/* handshake.h - prove the job's secret, agree on session keys */
#ifndef CAIRN_NET_HANDSHAKE_H
#define CAIRN_NET_HANDSHAKE_H

#include <sodium.h>
#include <stdbool.h>
#include <stddef.h>

#include "runtime/base/err.h"
#include "runtime/net/channel.h"

/*
 * A pure state machine on bytes (channel.md has the picture).  Both sides:
 *
 *	handshake_init, send handshake_hello;
 *	feed exactly handshake_wants() bytes to handshake_step, send what it
 *	gives, until handshake_done.
 */
#define HANDSHAKE_HELLO_BYTES 80
#define HANDSHAKE_PROOF_BYTES \
	(32 + crypto_secretstream_xchacha20poly1305_HEADERBYTES)

struct handshake {
	bool server;
	enum channel_auth auth;
	int stage; /* 0: the peer's hello is awaited, 1: its proof, 2: done */
	unsigned char secret[32];
	unsigned char own_hello[HANDSHAKE_HELLO_BYTES];
	unsigned char peer_hello[HANDSHAKE_HELLO_BYTES];
	unsigned char own_key[32];    /* of the key exchange, secret half */
	unsigned char peer_proof[32]; /* what we expect */
	/* what MUNGE credentials are made for, if they are asked for */
	unsigned char own_credential[32], peer_credential[32];
	unsigned char receive_key[32];
	crypto_secretstream_xchacha20poly1305_state tx, rx;
};

/* handshake_init - a fresh key pair and nonce; h->own_hello can be sent. */
void handshake_init(struct handshake *h, bool server, enum channel_auth auth,
		    const unsigned char *secret);
/* handshake_wants - how many bytes the next step takes; 0 when done. */
size_t handshake_wants(const struct handshake *h);
/*
 * handshake_step - take the peer's bytes; out gets *out_len bytes to send
 *
 * out has room for HANDSHAKE_PROOF_BYTES.  -EKEYREJECTED from a stranger,
 * -EPROTO from another version of Cairn, or one that asks for another kind of
 * proof (which held none either).
 */
int handshake_step(struct handshake *h, const unsigned char *in,
		   unsigned char *out, size_t *out_len,
		   struct err *err) must_check;
static inline bool handshake_done(const struct handshake *h)
{
	return h->stage == 2;
}

#endif
