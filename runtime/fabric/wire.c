/* SPDX-License-Identifier: BSD-3-Clause */
/* wire.c - what giver and taker write to each other, and how it is known */
#include "runtime/fabric/wire.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <xxhash.h>

#define MAGIC	    "CAIRNFAB"
#define VERSION	    1
#define AUTH_BYTES  crypto_generichash_BYTES /* 32 */
#define HEAD_BYTES  16
#define GRANT_BYTES (16 * WIRE_SLOTS)

/* --- messages
 * ------------------------------------------------------------------ */

static void put(unsigned char *p, uint64_t value, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		p[i] = (unsigned char)(value >> 8 * i);
}

static uint64_t get(const unsigned char *p, size_t bytes)
{
	uint64_t value = 0;

	for (size_t i = 0; i < bytes; i++)
		value |= (uint64_t)p[i] << 8 * i;
	return value;
}

static void sign(const unsigned char *key, const unsigned char *bytes,
		 size_t len, unsigned char *auth)
{
	crypto_generichash(auth, AUTH_BYTES, bytes, len, key, WIRE_KEY_BYTES);
}

size_t wire_encode(const struct wire_message *m,
		   const unsigned char key[WIRE_KEY_BYTES],
		   unsigned char bytes[WIRE_MESSAGE_MAX])
{
	unsigned char *p = bytes + HEAD_BYTES;

	memset(bytes, 0, HEAD_BYTES);
	memcpy(bytes, MAGIC, 8);
	bytes[8] = VERSION;
	bytes[9] = (unsigned char)m->kind;
	bytes[10] = m->rma;
	switch (m->kind) {
	case WIRE_HELLO:
		memcpy(p, m->name, m->name_len);
		p += m->name_len;
		break;
	case WIRE_GRANT:
		for (size_t i = 0; i < WIRE_SLOTS; i++, p += 16) {
			put(p, m->address[i], 8);
			put(p + 8, m->keys[i], 8);
		}
		break;
	case WIRE_CREDIT:
		put(p, m->count, 8);
		p += 8;
		break;
	}
	sign(key, bytes, (size_t)(p - bytes), p);
	return (size_t)(p - bytes) + AUTH_BYTES;
}

static int decode_body(const unsigned char *p, size_t len,
		       struct wire_message *m)
{
	switch (m->kind) {
	case WIRE_HELLO:
		if (!len || len > sizeof(m->name))
			return -EPROTO;
		memcpy(m->name, p, len);
		m->name_len = len;
		return 0;
	case WIRE_GRANT:
		if (len != GRANT_BYTES)
			return -EPROTO;
		for (size_t i = 0; i < WIRE_SLOTS; i++, p += 16) {
			m->address[i] = get(p, 8);
			m->keys[i] = get(p + 8, 8);
		}
		return 0;
	case WIRE_CREDIT:
		if (len != 8)
			return -EPROTO;
		m->count = get(p, 8);
		return 0;
	}
	return -EPROTO;
}

int wire_decode(const unsigned char *bytes, size_t len,
		const unsigned char key[WIRE_KEY_BYTES], struct wire_message *m)
{
	unsigned char auth[AUTH_BYTES];

	if (len < HEAD_BYTES + AUTH_BYTES || len > WIRE_MESSAGE_MAX)
		return -EKEYREJECTED;
	len -= AUTH_BYTES;
	sign(key, bytes, len, auth);
	if (sodium_memcmp(auth, bytes + len, AUTH_BYTES))
		return -EKEYREJECTED;
	if (memcmp(bytes, MAGIC, 8) || bytes[8] != VERSION)
		return -EPROTO;
	memset(m, 0, sizeof(*m));
	m->kind = (enum wire_kind)bytes[9];
	m->rma = bytes[10] & 1;
	return decode_body(bytes + HEAD_BYTES, len - HEAD_BYTES, m);
}

/* --- pieces
 * -------------------------------------------------------------------- */

/*
 * A hash whose secret nobody else knows and which is used for this piece only,
 * under a pad that is used once, too: fabric.md says why not Poly1305.
 */
void wire_tag(const unsigned char key[WIRE_KEY_BYTES], uint64_t number,
	      const void *data, size_t len, unsigned char tag[WIRE_TAG_BYTES])
{
	struct {
		unsigned char secret[192], pad[WIRE_TAG_BYTES];
	} once;
	unsigned char nonce[crypto_stream_chacha20_NONCEBYTES];
	unsigned char pieces[crypto_stream_chacha20_KEYBYTES];
	XXH128_canonical_t canonical;

	crypto_generichash(pieces, sizeof(pieces),
			   (const unsigned char *)"pieces", 6, key,
			   WIRE_KEY_BYTES);
	put(nonce, number, sizeof(nonce));
	crypto_stream_chacha20((unsigned char *)&once, sizeof(once), nonce,
			       pieces);
	XXH128_canonicalFromHash(&canonical,
				 XXH3_128bits_withSecret(data, len, once.secret,
							 sizeof(once.secret)));
	for (size_t i = 0; i < WIRE_TAG_BYTES; i++)
		tag[i] = canonical.digest[i] ^ once.pad[i];
	sodium_memzero(&once, sizeof(once));
	sodium_memzero(pieces, sizeof(pieces));
}

bool wire_tag_is_good(const unsigned char key[WIRE_KEY_BYTES], uint64_t number,
		      const void *data, size_t len,
		      const unsigned char tag[WIRE_TAG_BYTES])
{
	unsigned char right[WIRE_TAG_BYTES];

	wire_tag(key, number, data, len, right);
	return !sodium_memcmp(right, tag, WIRE_TAG_BYTES);
}
