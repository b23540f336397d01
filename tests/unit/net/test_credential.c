/* SPDX-License-Identifier: BSD-3-Clause */
/* test_credential.c - what MUNGE must not say of anybody else */
#include "runtime/net/credential.h"

#include "tests/lib/unit.h"
#include "tests/unit/net/munged.h"

#include <errno.h>
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int result(struct credential *c, struct err *err)
{
	struct pollfd p = { .fd = c->fd, .events = POLLIN };
	int rc;

	while ((rc = credential_result(c, err)) == -EAGAIN)
		poll(&p, 1, 6000);
	return rc;
}

static int checked(const unsigned char *payload, const char *text,
		   struct err *err)
{
	struct credential c = { .pid = 0 };
	int rc = credential_check(&c, payload, text, err);

	if (!rc)
		rc = result(&c, err);
	credential_stop(&c);
	return rc;
}

static void made(const unsigned char *payload, char *text)
{
	struct credential c = { .pid = 0 };
	struct err err;

	UNIT_OK(credential_make(&c, payload, &err), &err);
	UNIT_OK(result(&c, &err), &err);
	strcpy(text, c.output);
	credential_stop(&c);
}

/* By MUNGE's own command, as an attacker would. */
static void made_by(const char *command, const unsigned char *payload,
		    char *text)
{
	char hex[65], line[600];
	FILE *f;

	sodium_bin2hex(hex, sizeof(hex), payload, CREDENTIAL_PAYLOAD_SIZE);
	snprintf(line, sizeof(line),
		 "%s -S \"$CAIRN_MUNGE_SOCKET\" -s %s 2>/dev/null", command,
		 hex);
	f = popen(line, "r");
	*text = '\0';
	CU_ASSERT_FATAL(f && fgets(text, CREDENTIAL_MAX, f));
	pclose(f);
	text[strcspn(text, "\n")] = '\0';
}

static void test_credentials(void)
{
	unsigned char payload[CREDENTIAL_PAYLOAD_SIZE];
	char text[CREDENTIAL_MAX], huge[CREDENTIAL_MAX + 1];
	struct err err;

	if (munged_skip())
		return;
	randombytes_buf(payload, sizeof(payload));
	made(payload, text);
	payload[31] ^= 1;
	UNIT_FAILS(checked(payload, text, &err), -EKEYREJECTED, &err,
		   "another connection");
	made(payload, text);
	UNIT_OK(checked(payload, text, &err), &err);
	UNIT_FAILS(checked(payload, text, &err), -EKEYREJECTED, &err,
		   "used before");
	made_by("munge", payload, text);
	UNIT_OK(checked(payload, text, &err), &err);
	if (!geteuid()) {
		made_by("setpriv --reuid 65534 --clear-groups munge", payload,
			text);
		UNIT_FAILS(checked(payload, text, &err), -EKEYREJECTED, &err,
			   "of user 65534");
	}
	memset(huge, 'x', CREDENTIAL_MAX);
	huge[CREDENTIAL_MAX] = '\0';
	UNIT_FAILS(checked(payload, huge, &err), -EKEYREJECTED, &err,
		   "4096 bytes");
}

static void test_expired(void)
{
	unsigned char payload[CREDENTIAL_PAYLOAD_SIZE];
	const struct timespec moment = { .tv_nsec = 1000000 };
	time_t then;
	char text[CREDENTIAL_MAX];
	struct err err;

	if (munged_skip())
		return;
	randombytes_buf(payload, sizeof(payload));
	made_by("munge -t 1", payload, text);
	/* munged counts whole seconds, by time(), which lags a little. */
	for (then = time(NULL) + 2; time(NULL) < then;)
		nanosleep(&moment, NULL);
	UNIT_FAILS(checked(payload, text, &err), -EKEYREJECTED, &err, "clocks");
}

static void test_other_key(void)
{
	unsigned char payload[CREDENTIAL_PAYLOAD_SIZE];
	char text[CREDENTIAL_MAX];
	struct err err;

	if (munged_skip())
		return;
	randombytes_buf(payload, sizeof(payload));
	made(payload, text);
	munged_use_other(true);
	UNIT_FAILS(checked(payload, text, &err), -EKEYREJECTED, &err,
		   "the same key");
	munged_use_other(false);
}

static const struct unit_test credential_tests[] = {
	{ "replayed, foreign and ill-fitting ones are refused",
	  test_credentials },
	{ "an expired one is refused", test_expired },
	{ "one of another key is refused", test_other_key },
	{ NULL, NULL },
};

static const struct unit_suite suites[] = {
	{ "credential", credential_tests },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	if (sodium_init() < 0)
		return 99;
	munged_begin();
	return unit_main(argc, argv, suites);
}
