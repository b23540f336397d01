/* SPDX-License-Identifier: BSD-3-Clause */
/* handshake.c - prove the job's secret, agree on session keys */
#include "runtime/net/handshake.h"

#include "runtime/net/channel.h"

#include <errno.h>
#include <string.h>

/* Where things lie in a hello; see channel.md. */
enum {
	HELLO_MAGIC = 0,
	HELLO_VERSION = 8,
	HELLO_ROLE = 12,
	HELLO_AUTH = 13,
	HELLO_NONCE = 16,
	HELLO_KEY = 48,
};

static const unsigned char magic[8] = {
	'C', 'A', 'I', 'R', 'N', 'N', 'E', 'T'
};

void handshake_init(struct handshake *h, bool server, enum channel_auth auth,
		    const unsigned char *secret)
{
	unsigned char *hello = h->own_hello;

	memset(h, 0, sizeof(*h));
	h->server = server;
	h->auth = auth;
	memcpy(h->secret, secret, sizeof(h->secret));
	memcpy(hello + HELLO_MAGIC, magic, sizeof(magic));
	hello[HELLO_VERSION] = CHANNEL_VERSION;
	hello[HELLO_ROLE] = server ? 'S' : 'C';
	hello[HELLO_AUTH] = (unsigned char)auth;
	randombytes_buf(hello + HELLO_NONCE, 32);
	crypto_box_keypair(hello + HELLO_KEY, h->own_key);
}

size_t handshake_wants(const struct handshake *h)
{
	switch (h->stage) {
	case 0:
		return HANDSHAKE_HELLO_BYTES;
	case 1:
		return HANDSHAKE_PROOF_BYTES;
	default:
		return 0;
	}
}

/* A key that follows from the secret, the exchange and both hellos, so that a
 * replayed or altered hello gives keys that nobody else has. */
static void derive(const struct handshake *h, const unsigned char *shared,
		   const char *purpose, unsigned char key[32])
{
	crypto_generichash_state state;
	const unsigned char *client = h->server ? h->peer_hello : h->own_hello;
	const unsigned char *server = h->server ? h->own_hello : h->peer_hello;

	crypto_generichash_init(&state, h->secret, sizeof(h->secret), 32);
	crypto_generichash_update(&state, (const unsigned char *)purpose,
				  strlen(purpose) + 1);
	crypto_generichash_update(&state, shared, 32);
	crypto_generichash_update(&state, client, HANDSHAKE_HELLO_BYTES);
	crypto_generichash_update(&state, server, HANDSHAKE_HELLO_BYTES);
	crypto_generichash_final(&state, key, 32);
}

/* Both sides ask for the same, or neither goes on: who alters a hello on the
 * way gets no proof that fits it. */
static int check_auth(const struct handshake *h, unsigned char theirs,
		      struct err *err)
{
	static const char *const words[] = {
		[CHANNEL_SECRET] = "the job's secret alone",
		[CHANNEL_MUNGE] = "MUNGE as well",
	};

	if (theirs == h->auth)
		return 0;
	return err_set(err, -EPROTO,
		       "the other side authenticates by %s, this one by %s; "
		       "use the same --auth or CAIRN_AUTH on both",
		       theirs <= CHANNEL_MUNGE ? words[theirs] : "other means",
		       words[h->auth]);
}

static int hello_came(struct handshake *h, const unsigned char *in,
		      unsigned char *out, size_t *out_len, struct err *err)
{
	unsigned char shared[32], key[32];
	int rc;

	if (memcmp(in + HELLO_MAGIC, magic, sizeof(magic)) ||
	    in[HELLO_ROLE] != (h->server ? 'C' : 'S'))
		return err_set(err, -EKEYREJECTED,
			       "a connection that is not Cairn's was dropped");
	if (in[HELLO_VERSION] != CHANNEL_VERSION || in[HELLO_VERSION + 1] ||
	    in[HELLO_VERSION + 2] || in[HELLO_VERSION + 3])
		return err_set(err, -EPROTO,
			       "the other side speaks version %u of Cairn's "
			       "control protocol, this one %u; use one release "
			       "of Cairn on all nodes",
			       in[HELLO_VERSION], CHANNEL_VERSION);
	rc = check_auth(h, in[HELLO_AUTH], err);
	if (rc)
		return rc;
	memcpy(h->peer_hello, in, HANDSHAKE_HELLO_BYTES);
	if (crypto_scalarmult(shared, h->own_key, in + HELLO_KEY))
		return err_set(err, -EKEYREJECTED,
			       "a connection with a degenerate key was "
			       "dropped");

	derive(h, shared, h->server ? "server proof" : "client proof", out);
	derive(h, shared, h->server ? "client proof" : "server proof",
	       h->peer_proof);
	derive(h, shared, h->server ? "to client" : "to server", key);
	derive(h, shared, h->server ? "to server" : "to client",
	       h->receive_key);
	derive(h, shared, h->server ? "server credential" : "client credential",
	       h->own_credential);
	derive(h, shared, h->server ? "client credential" : "server credential",
	       h->peer_credential);
	crypto_secretstream_xchacha20poly1305_init_push(&h->tx, out + 32, key);
	*out_len = HANDSHAKE_PROOF_BYTES;
	sodium_memzero(shared, sizeof(shared));
	sodium_memzero(key, sizeof(key));
	sodium_memzero(h->own_key, sizeof(h->own_key));
	h->stage = 1;
	return 0;
}

static int proof_came(struct handshake *h, const unsigned char *in,
		      struct err *err)
{
	if (sodium_memcmp(in, h->peer_proof, sizeof(h->peer_proof)) ||
	    crypto_secretstream_xchacha20poly1305_init_pull(&h->rx, in + 32,
							    h->receive_key))
		return err_set(err, -EKEYREJECTED,
			       "a connection without this job's secret was "
			       "dropped");
	sodium_memzero(h->receive_key, sizeof(h->receive_key));
	sodium_memzero(h->secret, sizeof(h->secret));
	h->stage = 2;
	return 0;
}

int handshake_step(struct handshake *h, const unsigned char *in,
		   unsigned char *out, size_t *out_len, struct err *err)
{
	*out_len = 0;
	if (h->stage == 0)
		return hello_came(h, in, out, out_len, err);
	return proof_came(h, in, err);
}
