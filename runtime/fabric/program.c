/* SPDX-License-Identifier: BSD-3-Clause */
/* program.c - cairn-fabric: move one file, for an agent */
#include "runtime/fabric/transfer.h"

#include <jansson.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "runtime/base/fmt.h"

/*
 * Standard input is one JSON object: "key" (64 hex digits), "bytes",
 * "limit_ms", "provider" and "source" (or null), and for a giver "peer", the
 * taker's address in hex digits; without it this is the taker.  Descriptor 3 is
 * the file.  Standard output is lines: a taker's "address HEX" first, "moved
 * BYTES" now and then, at the end "done" or "failed CODE SENTENCE".  The key so
 * is on no command line and in no environment.
 */
#define FILE_FD	     3
#define REQUEST_MAX  8192
#define MOVED_BYTES  (64u << 20)
#define LIMIT_MAX_MS 600000

struct request {
	struct transfer transfer;
	json_t *json;
	unsigned char peer[FABRIC_ADDRESS_MAX];
	size_t peer_len;
	uint64_t moved, told;
};

static void line(const char *text)
{
	/* Who reads it has gone: so do we. */
	if (printf("%s\n", text) < 0 || fflush(stdout))
		exit(EXIT_FAILURE);
}

static void ready(void *arg, const unsigned char *name, size_t len)
{
	char hex[2 * FABRIC_ADDRESS_MAX + 1];
	char text[sizeof(hex) + 16];

	(void)arg;
	sodium_bin2hex(hex, sizeof(hex), name, len);
	fmt_print(text, sizeof(text), "address %s", hex);
	line(text);
}

static void moved(void *arg, uint64_t bytes)
{
	struct request *r = arg;
	char text[40];

	r->moved += bytes;
	if (r->moved - r->told < MOVED_BYTES)
		return;
	r->told = r->moved;
	fmt_print(text, sizeof(text), "moved %lu", (unsigned long)r->moved);
	line(text);
}

static const struct transfer_ops ops = { ready, moved };

static int read_request(struct request *r, struct err *err)
{
	const char *key = NULL, *peer = NULL;
	char text[REQUEST_MAX];
	json_int_t bytes = 0, limit = 0;
	size_t n = fread(text, 1, sizeof(text), stdin), got = 0;

	r->json = json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL);
	sodium_memzero(text, sizeof(text));
	r->transfer.ops = &ops;
	r->transfer.arg = r;
	r->transfer.fd = FILE_FD;
	if (!r->json ||
	    json_unpack(r->json, "{s:s, s:I, s:I, s?s, s?s, s?s}", "key", &key,
			"bytes", &bytes, "limit_ms", &limit, "provider",
			&r->transfer.fabric.provider, "source",
			&r->transfer.fabric.source, "peer", &peer) ||
	    bytes < 1 || limit < 1 || limit > LIMIT_MAX_MS ||
	    strlen(key) != 2 * WIRE_KEY_BYTES ||
	    sodium_hex2bin(r->transfer.key, WIRE_KEY_BYTES, key, strlen(key),
			   NULL, &got, NULL) ||
	    got != WIRE_KEY_BYTES ||
	    (peer && (sodium_hex2bin(r->peer, sizeof(r->peer), peer,
				     strlen(peer), NULL, &r->peer_len, NULL) ||
		      !r->peer_len)))
		return err_set(err, -EINVAL,
			       "cairn-fabric is started by cairnd; it cannot "
			       "run by itself");
	r->transfer.bytes = (uint64_t)bytes;
	r->transfer.limit_ms = (int)limit;
	return 0;
}

int main(void)
{
	struct request r = { .json = NULL };
	char text[sizeof(((struct err *)0)->text) + 40];
	struct err err;
	int rc;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	if (sodium_init() < 0)
		return EXIT_FAILURE;
	/* Meant for the program's MPI library. */
	unsetenv("FI_PROVIDER");
	rc = read_request(&r, &err);
	if (!rc)
		rc = r.peer_len ? transfer_give(&r.transfer, r.peer, r.peer_len,
						&err) :
				  transfer_take(&r.transfer, &err);
	if (rc)
		fmt_print(text, sizeof(text), "failed %d %s", -rc, err.text);
	line(rc ? text : "done");
	json_decref(r.json);
	sodium_memzero(&r.transfer.key, sizeof(r.transfer.key));
	return rc ? EXIT_FAILURE : EXIT_SUCCESS;
}
