/* SPDX-License-Identifier: BSD-3-Clause */
/* secret.c - the 32 random bytes that only a job's own parts know */
#include "runtime/net/channel.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

void secret_make(unsigned char secret[CHANNEL_SECRET_BYTES])
{
	if (sodium_init() < 0)
		sodium_misuse();
	randombytes_buf(secret, CHANNEL_SECRET_BYTES);
}

void secret_to_hex(const unsigned char *secret, char hex[65])
{
	sodium_bin2hex(hex, 65, secret, CHANNEL_SECRET_BYTES);
}

int secret_from_hex(const char *hex, unsigned char *secret)
{
	unsigned char bytes[CHANNEL_SECRET_BYTES];
	const char *end;
	size_t n;

	if (!hex || strlen(hex) != 2 * CHANNEL_SECRET_BYTES)
		return -EINVAL;
	if (sodium_hex2bin(bytes, sizeof(bytes), hex, strlen(hex), NULL, &n,
			   &end) ||
	    n != sizeof(bytes) || *end)
		return -EINVAL;
	memcpy(secret, bytes, sizeof(bytes));
	sodium_memzero(bytes, sizeof(bytes));
	return 0;
}
