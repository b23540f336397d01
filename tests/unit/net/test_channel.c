/* SPDX-License-Identifier: BSD-3-Clause */
/* test_channel.c - only who holds the secret is heard */
#include "runtime/net/channel.h"

#include "runtime/net/address.h"
#include "runtime/net/handshake.h"
#include "tests/lib/unit.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static unsigned char secret[CHANNEL_SECRET_BYTES];

struct server {
	int fd;
	char address[512];
	struct channel *ch;
};

static void server_init(struct server *s)
{
	struct err err;

	memset(s, 0, sizeof(*s));
	secret_make(secret);
	UNIT_OK(channel_listen(NULL, 0, &s->fd, s->address, sizeof(s->address),
			       &err),
		&err);
}

static void server_accept(struct server *s)
{
	struct pollfd p = { .fd = s->fd, .events = POLLIN };
	struct err err;

	CU_ASSERT_EQUAL_FATAL(poll(&p, 1, 5000), 1);
	UNIT_OK(channel_accept(s->fd, CHANNEL_SECRET, secret, &s->ch, &err),
		&err);
}

static void server_fini(struct server *s)
{
	channel_close(s->ch);
	close(s->fd);
}

struct dial {
	const char *address;
	unsigned char secret[CHANNEL_SECRET_BYTES];
	struct channel *ch;
	struct err err;
	int rc;
	pthread_t thread;
};

static void *dial_run(void *arg)
{
	struct dial *d = arg;

	d->rc = channel_connect(d->address, CHANNEL_SECRET, d->secret, 5000,
				&d->ch, &d->err);
	return NULL;
}

static void dial_start(struct dial *d, const char *address)
{
	memset(d, 0, sizeof(*d));
	d->address = address;
	memcpy(d->secret, secret, sizeof(secret));
	pthread_create(&d->thread, NULL, dial_run, d);
}

/* The server's side until the handshake ended one way or the other. */
static int server_receive(struct server *s, json_t **message, struct err *err)
{
	*message = NULL;
	return channel_wait(s->ch, 3000, message, err);
}

/* The server's half of one handshake: 0, or why it ended without a proof. */
static int server_shake(struct server *s, struct err *err)
{
	int rc = -EAGAIN;
	json_t *none;

	while (rc == -EAGAIN && !channel_is_open(s->ch)) {
		struct pollfd p = { .fd = channel_fd(s->ch), .events = POLLIN };

		poll(&p, 1, channel_deadline_ms(s->ch));
		rc = channel_receive(s->ch, &none, err);
	}
	return channel_is_open(s->ch) ? 0 : rc;
}

/*
 * The two find each other, and the first message comes through.  A client that
 * tries several addresses at once leaves connections that it gave up, ahead of
 * the one that it keeps.
 */
static void meet(struct server *s, struct dial *d)
{
	struct err err;
	json_t *hello = json_pack("{s:s}", "type", "hello"), *got = NULL;
	int rc;

	for (;;) {
		server_accept(s);
		rc = server_shake(s, &err);
		if (rc != -ECONNRESET)
			break;
		channel_close(s->ch);
	}
	UNIT_OK(rc, &err);
	pthread_join(d->thread, NULL);
	UNIT_OK(d->rc, &d->err);
	CU_ASSERT_FATAL(d->ch != NULL);
	UNIT_OK(channel_send(d->ch, hello, &err), &err);
	UNIT_OK(server_receive(s, &got, &err), &err);
	CU_ASSERT(json_equal(hello, got));
	json_decref(hello);
	json_decref(got);
}

static void joined(struct server *s, struct dial *d)
{
	server_init(s);
	dial_start(d, s->address);
	meet(s, d);
}

static void test_both_ways(void)
{
	struct server s;
	struct dial d;
	struct err err;
	json_t *got = NULL, *m = json_pack("{s:i}", "n", 7);

	joined(&s, &d);
	for (int i = 0; i < 1000; i++) {
		UNIT_OK(channel_send(s.ch, m, &err), &err);
		UNIT_OK(channel_wait(d.ch, 3000, &got, &err), &err);
		CU_ASSERT(json_equal(m, got));
		json_decref(got);
	}
	json_decref(m);
	channel_close(d.ch);
	UNIT_FAILS(server_receive(&s, &got, &err), -ECONNRESET, &err, "lost");
	server_fini(&s);
}

static void test_large(void)
{
	struct server s;
	struct dial d;
	struct err err;
	size_t n = 20u << 20;
	char *text = malloc(n + 1);
	json_t *got = NULL, *m;

	memset(text, 'x', n);
	text[n] = '\0';
	m = json_pack("{s:s}", "text", text);
	joined(&s, &d);
	UNIT_OK(channel_send(d.ch, m, &err), &err);
	while (channel_flush(d.ch) == -EAGAIN) {
		int rc = channel_receive(s.ch, &got, &err);

		if (!rc)
			break;
		CU_ASSERT_EQUAL(rc, -EAGAIN);
	}
	if (!got)
		UNIT_OK(server_receive(&s, &got, &err), &err);
	CU_ASSERT(json_equal(m, got));
	json_decref(m);
	json_decref(got);
	free(text);
	channel_close(d.ch);
	server_fini(&s);
}

static void test_wrong_secret(void)
{
	struct server s;
	struct dial d;
	struct err err;
	json_t *got;

	server_init(&s);
	memset(&d, 0, sizeof(d));
	d.address = s.address;
	memcpy(d.secret, secret, sizeof(secret));
	d.secret[31] ^= 1;
	pthread_create(&d.thread, NULL, dial_run, &d);
	server_accept(&s);
	UNIT_FAILS(server_receive(&s, &got, &err), -EKEYREJECTED, &err,
		   "secret");
	pthread_join(d.thread, NULL);
	UNIT_FAILS(d.rc, -EKEYREJECTED, &d.err, "secret");
	CU_ASSERT(d.ch == NULL);
	server_fini(&s);
}

/* A stranger that sends these bytes and ends gives this result. */
static void stranger(const void *bytes, size_t len, int code, const char *words)
{
	struct server s;
	struct err err;
	json_t *got;
	int fd = -1;

	server_init(&s);
	UNIT_OK(address_connect(s.address, clock_ms() + 2000, NULL, &fd, &err),
		&err);
	CU_ASSERT(send(fd, bytes, len, MSG_NOSIGNAL) == (ssize_t)len);
	shutdown(fd, SHUT_WR);
	server_accept(&s);
	UNIT_FAILS(server_receive(&s, &got, &err), code, &err, words);
	CU_ASSERT(!channel_is_open(s.ch));
	close(fd);
	server_fini(&s);
}

static void test_garbage(void)
{
	unsigned char bytes[4096];

	stranger("GET / HTTP/1.1\r\n\r\n", 18, -ECONNRESET, "before");
	for (int i = 0; i < 50; i++) {
		randombytes_buf(bytes, sizeof(bytes));
		stranger(bytes, sizeof(bytes), -EKEYREJECTED, "not Cairn's");
	}
}

static void test_good_hello_no_proof(void)
{
	unsigned char bytes[HANDSHAKE_HELLO_BYTES + HANDSHAKE_PROOF_BYTES];
	struct handshake h;

	randombytes_buf(bytes, sizeof(bytes));
	handshake_init(&h, false, CHANNEL_SECRET, bytes);
	memcpy(bytes, h.own_hello, HANDSHAKE_HELLO_BYTES);
	stranger(bytes, sizeof(bytes), -EKEYREJECTED, "secret");
	/* every shorter beginning just ends */
	for (size_t n = 0; n < sizeof(bytes); n += 7)
		stranger(bytes, n, -ECONNRESET, "authenticated");
	/* a key of low order would make the product known to all */
	memset(bytes + 48, 0, 32);
	stranger(bytes, sizeof(bytes), -EKEYREJECTED, "degenerate");
}

static void test_version(void)
{
	unsigned char bytes[HANDSHAKE_HELLO_BYTES];
	struct handshake h;

	handshake_init(&h, false, CHANNEL_SECRET, secret);
	memcpy(bytes, h.own_hello, sizeof(bytes));
	bytes[8] = 99;
	stranger(bytes, sizeof(bytes), -EPROTO, "version 99");
}

static void test_reflection(void)
{
	struct server s;
	struct err err;
	unsigned char hello[HANDSHAKE_HELLO_BYTES];
	json_t *got;
	int fd = -1;

	server_init(&s);
	UNIT_OK(address_connect(s.address, clock_ms() + 2000, NULL, &fd, &err),
		&err);
	server_accept(&s);
	CU_ASSERT_EQUAL(channel_receive(s.ch, &got, &err), -EAGAIN);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	poll(&p, 1, 3000);
	CU_ASSERT(recv(fd, hello, sizeof(hello), MSG_WAITALL) ==
		  (ssize_t)sizeof(hello));
	CU_ASSERT(send(fd, hello, sizeof(hello), MSG_NOSIGNAL) ==
		  (ssize_t)sizeof(hello));
	UNIT_FAILS(server_receive(&s, &got, &err), -EKEYREJECTED, &err,
		   "not Cairn's");
	close(fd);
	server_fini(&s);
}

/* What a wire-tapper recorded of one client is worth nothing on the next
 * connection: the server's nonce and key differ. */
static void test_replay(void)
{
	struct handshake client, server1, server2;
	unsigned char proof[HANDSHAKE_PROOF_BYTES], out[HANDSHAKE_PROOF_BYTES];
	struct err err;
	size_t len;

	secret_make(secret);
	handshake_init(&client, false, CHANNEL_SECRET, secret);
	handshake_init(&server1, true, CHANNEL_SECRET, secret);
	handshake_init(&server2, true, CHANNEL_SECRET, secret);
	UNIT_OK(handshake_step(&client, server1.own_hello, proof, &len, &err),
		&err);
	CU_ASSERT_EQUAL(len, HANDSHAKE_PROOF_BYTES);
	UNIT_OK(handshake_step(&server1, client.own_hello, out, &len, &err),
		&err);
	UNIT_OK(handshake_step(&server2, client.own_hello, out, &len, &err),
		&err);
	UNIT_FAILS(handshake_step(&server2, proof, out, &len, &err),
		   -EKEYREJECTED, &err, "secret");
	UNIT_OK(handshake_step(&server1, proof, out, &len, &err), &err);
}

/* One byte at a time, for ever: the deadline ends it, and memory stays small.
 */
static void test_slow_loris(void)
{
	struct server s;
	struct handshake h;
	struct err err;
	json_t *got;
	int fd = -1, rc = -EAGAIN, left;
	size_t i = 0;

	server_init(&s);
	handshake_init(&h, false, CHANNEL_SECRET, secret);
	UNIT_OK(address_connect(s.address, clock_ms() + 2000, NULL, &fd, &err),
		&err);
	server_accept(&s);
	left = channel_deadline_ms(s.ch);
	CU_ASSERT(left > 0 && left <= CHANNEL_HANDSHAKE_MS);
	while (rc == -EAGAIN) {
		struct pollfd p = { .fd = fd, .events = 0 };

		if (i < HANDSHAKE_HELLO_BYTES)
			send(fd, h.own_hello + i++, 1, MSG_NOSIGNAL);
		poll(&p, 1, 80);
		rc = channel_receive(s.ch, &got, &err);
	}
	UNIT_FAILS(rc, -EKEYREJECTED, &err, "in time");
	CU_ASSERT_EQUAL(channel_deadline_ms(s.ch), 0);
	close(fd);
	server_fini(&s);
}

/* A peer in the middle: passes the handshake on, then alters one byte. */
static void test_altered_frame(void)
{
	struct server s;
	struct dial d;
	struct err err;
	json_t *got, *m = json_pack("{s:s}", "type", "hello");
	unsigned char junk[64];

	joined(&s, &d);
	/* Bytes that the stream did not seal, in a frame of a fair length. */
	memset(junk, 0, sizeof(junk));
	junk[0] = 60;
	CU_ASSERT(send(channel_fd(d.ch), junk, sizeof(junk), MSG_NOSIGNAL) ==
		  (ssize_t)sizeof(junk));
	UNIT_FAILS(server_receive(&s, &got, &err), -EPROTO, &err, "damaged");
	channel_close(d.ch);
	server_fini(&s);

	joined(&s, &d);
	memset(junk, 0xff, sizeof(junk));
	CU_ASSERT(send(channel_fd(d.ch), junk, sizeof(junk), MSG_NOSIGNAL) ==
		  (ssize_t)sizeof(junk));
	UNIT_FAILS(server_receive(&s, &got, &err), -EPROTO, &err, "claims");
	channel_close(d.ch);
	server_fini(&s);
	json_decref(m);
}

static void test_truncated_frame(void)
{
	struct server s;
	struct dial d;
	struct err err;
	json_t *got;
	unsigned char head[8] = { 200 };

	joined(&s, &d);
	CU_ASSERT(send(channel_fd(d.ch), head, sizeof(head), MSG_NOSIGNAL) ==
		  (ssize_t)sizeof(head));
	channel_close(d.ch);
	UNIT_FAILS(server_receive(&s, &got, &err), -ECONNRESET, &err, "lost");
	server_fini(&s);
}

static void test_nobody_there(void)
{
	struct channel *ch = NULL;
	struct server s;
	struct err err;

	server_init(&s);
	close(s.fd);
	UNIT_FAILS(channel_connect(s.address, CHANNEL_SECRET, secret, 1000, &ch,
				   &err),
		   -ECONNREFUSED, &err, "cannot connect");
	UNIT_FAILS(channel_connect("nowhere", CHANNEL_SECRET, secret, 1000, &ch,
				   &err),
		   -EINVAL, &err, "host:port");
}

/* A listener that never answers must not hold the client for ever. */
static void test_mute_server(void)
{
	struct channel *ch = NULL;
	struct server s;
	struct err err;

	server_init(&s);
	UNIT_FAILS(channel_connect(s.address, CHANNEL_SECRET, secret, 300, &ch,
				   &err),
		   -EKEYREJECTED, &err, "in time");
	server_fini(&s);
}

/* Of several addresses the one that proves itself is taken, whatever else
 * listens there. */
static void test_several_addresses(void)
{
	struct server none, other, s;
	struct pollfd p = { .events = POLLIN };
	char list[3 * 512 + 3];
	struct dial d;

	server_init(&none);
	close(none.fd);
	server_init(&other);
	server_init(&s);
	snprintf(list, sizeof(list), "%s,%s,%s", none.address, other.address,
		 s.address);
	dial_start(&d, list);
	p.fd = other.fd;
	CU_ASSERT_EQUAL_FATAL(poll(&p, 1, 5000), 1);
	close(other.fd); /* that was somebody else's: it hangs up */
	meet(&s, &d);
	channel_close(d.ch);
	server_fini(&s);
}

static void test_routable(void)
{
	struct server s = { .fd = -1 };
	struct dial d;
	struct err err;

	secret_make(secret);
	UNIT_OK(channel_listen_routable(NULL, &s.fd, s.address,
					sizeof(s.address), &err),
		&err);
	dial_start(&d, s.address);
	meet(&s, &d);
	channel_close(d.ch);
	server_fini(&s);
	UNIT_FAILS(channel_listen_routable("no such", &s.fd, s.address,
					   sizeof(s.address), &err),
		   -ENODEV, &err, "no such");
	UNIT_OK(channel_listen_routable("lo", &s.fd, s.address,
					sizeof(s.address), &err),
		&err);
	CU_ASSERT(!strncmp(s.address, "127.0.0.1:", 10));
	close(s.fd);
	UNIT_OK(channel_listen_routable("::1", &s.fd, s.address,
					sizeof(s.address), &err),
		&err);
	CU_ASSERT(!strncmp(s.address, "[::1]:", 6));
	close(s.fd);
}

static void test_hex(void)
{
	unsigned char a[CHANNEL_SECRET_BYTES], b[CHANNEL_SECRET_BYTES];
	char hex[65];

	secret_make(a);
	secret_to_hex(a, hex);
	CU_ASSERT_EQUAL(strlen(hex), 64);
	CU_ASSERT_EQUAL(secret_from_hex(hex, b), 0);
	CU_ASSERT(!memcmp(a, b, sizeof(a)));
	hex[63] = 'g';
	CU_ASSERT_EQUAL(secret_from_hex(hex, b), -EINVAL);
	hex[63] = '\0';
	CU_ASSERT_EQUAL(secret_from_hex(hex, b), -EINVAL);
	CU_ASSERT_EQUAL(secret_from_hex(NULL, b), -EINVAL);
}

static const struct unit_test channel_tests[] = {
	{ "two who know the secret exchange messages", test_both_ways },
	{ "a message larger than any socket buffer arrives", test_large },
	{ "a wrong secret is refused on both sides", test_wrong_secret },
	{ "garbage is dropped", test_garbage },
	{ "a good hello without a proof is refused, at any length",
	  test_good_hello_no_proof },
	{ "another version is named", test_version },
	{ "our own hello sent back is refused", test_reflection },
	{ "a recorded proof is worth nothing", test_replay },
	{ "one byte at a time ends at the deadline", test_slow_loris },
	{ "of several addresses the right one is found",
	  test_several_addresses },
	{ "other machines' way in is listed, or one interface's",
	  test_routable },
	{ "bytes put into the stream end it", test_altered_frame },
	{ "a frame cut short is a lost connection", test_truncated_frame },
	{ "nobody listening is said", test_nobody_there },
	{ "a mute server does not hold the client", test_mute_server },
	{ "secrets survive their text form", test_hex },
	{ NULL, NULL },
};

static const struct unit_suite suites[] = {
	{ "channel", channel_tests },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	return unit_main(argc, argv, suites);
}
