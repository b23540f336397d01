/* SPDX-License-Identifier: BSD-3-Clause */
/* auth.c - the kinds of proof, by name */
#include "runtime/net/channel.h"

#include "runtime/net/credential.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

static const char *const names[] = {
	[CHANNEL_SECRET] = "secret",
	[CHANNEL_MUNGE] = "munge",
};

int channel_auth_from_name(const char *name, enum channel_auth *auth)
{
	if (!name) {
		*auth = CHANNEL_SECRET;
		return 0;
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (!strcmp(name, names[i])) {
			*auth = (enum channel_auth)i;
			return 0;
		}
	}
	return -EINVAL;
}

const char *channel_auth_name(enum channel_auth auth)
{
	return names[auth];
}

int channel_auth_try(enum channel_auth auth, struct err *err)
{
	if (auth == CHANNEL_SECRET)
		return 0;
	if (sodium_init() < 0)
		return err_set(err, -EIO, "libsodium cannot be initialized");
	return credential_try(err);
}
