/* SPDX-License-Identifier: BSD-3-Clause */
/* test_munge.c - with MUNGE, the secret alone opens nothing */
#include "runtime/net/channel.h"

#include "runtime/net/address.h"
#include "runtime/net/handshake.h"
#include "tests/lib/unit.h"
#include "tests/unit/net/munged.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define OTHER_USER 65534

/* File-scope: a test's body has no argument. */
static unsigned char secret[CHANNEL_SECRET_BYTES];

/* --- the two ends, each in a thread --- */

struct end {
	int listener; /* -1: it connects */
	char address[64];
	enum channel_auth auth;
	struct channel *ch;
	json_t *got;
	struct err err;
	int rc;
	pthread_t thread;
};

/* A server waits for a message, a client for its connection. */
static void *end_run(void *arg)
{
	struct end *e = arg;
	struct pollfd p = { .fd = e->listener, .events = POLLIN };

	if (e->listener < 0) {
		e->rc = channel_connect(e->address, e->auth, secret, 8000,
					&e->ch, &e->err);
		return NULL;
	}
	e->rc = poll(&p, 1, 5000) == 1 ? 0 : -ETIMEDOUT;
	if (!e->rc)
		e->rc = channel_accept(e->listener, e->auth, secret, &e->ch,
				       &e->err);
	if (!e->rc)
		e->rc = channel_wait(e->ch, 8000, &e->got, &e->err);
	/* Its peer hears now that it was refused. */
	if (e->rc) {
		channel_close(e->ch);
		e->ch = NULL;
	}
	return NULL;
}

static void listen_there(struct end *e, enum channel_auth auth)
{
	struct err err;

	memset(e, 0, sizeof(*e));
	e->auth = auth;
	UNIT_OK(channel_listen(NULL, 0, &e->listener, e->address,
			       sizeof(e->address), &err),
		&err);
}

static void connect_to(struct end *e, const struct end *server,
		       enum channel_auth auth)
{
	memset(e, 0, sizeof(*e));
	e->listener = -1;
	e->auth = auth;
	strcpy(e->address, server->address);
}

static void begin(struct end *e)
{
	pthread_create(&e->thread, NULL, end_run, e);
}

static void await_end(struct end *e)
{
	pthread_join(e->thread, NULL);
}

static void end_fini(struct end *e)
{
	channel_close(e->ch);
	json_decref(e->got);
	if (e->listener >= 0)
		close(e->listener);
}

static void test_same_user(void)
{
	json_t *m = json_pack("{s:s}", "type", "hello");
	struct end server, client;
	struct err err;

	if (munged_skip())
		goto out;
	secret_make(secret);
	UNIT_OK(channel_auth_try(CHANNEL_MUNGE, &err), &err);
	listen_there(&server, CHANNEL_MUNGE);
	connect_to(&client, &server, CHANNEL_MUNGE);
	begin(&server);
	begin(&client);
	await_end(&client);
	UNIT_OK(client.rc, &client.err);
	CU_ASSERT_FATAL(client.ch != NULL);
	UNIT_OK(channel_send(client.ch, m, &err), &err);
	await_end(&server);
	UNIT_OK(server.rc, &server.err);
	CU_ASSERT(json_equal(server.got, m));
	end_fini(&client);
	end_fini(&server);
out:
	json_decref(m);
}

/* Both say so, whichever asks for more. */
static void test_one_side_only(void)
{
	if (munged_skip())
		return;
	for (int i = 0; i < 2; i++) {
		struct end server, client;

		secret_make(secret);
		listen_there(&server, i ? CHANNEL_MUNGE : CHANNEL_SECRET);
		connect_to(&client, &server,
			   i ? CHANNEL_SECRET : CHANNEL_MUNGE);
		begin(&server);
		begin(&client);
		await_end(&client);
		await_end(&server);
		UNIT_FAILS(server.rc, -EPROTO, &server.err, "use the same");
		UNIT_FAILS(client.rc, -EPROTO, &client.err, "use the same");
		end_fini(&client);
		end_fini(&server);
	}
}

/* In a process of another user, which knows the secret all the same. */
static pid_t begin_as_other(struct end *e)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	if (setgid(OTHER_USER) || setuid(OTHER_USER))
		_exit(2);
	end_run(e);
	_exit(e->rc ? 1 : 0);
}

static int exit_code(pid_t pid)
{
	int status = -1;

	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_other_user(void)
{
	struct end server, client;
	pid_t other;

	if (munged_skip())
		return;
	if (geteuid()) {
		unit_skip("only root can be another user");
		return;
	}
	secret_make(secret);
	listen_there(&server, CHANNEL_MUNGE);
	connect_to(&client, &server, CHANNEL_MUNGE);
	other = begin_as_other(&client);
	begin(&server);
	await_end(&server);
	UNIT_FAILS(server.rc, -EKEYREJECTED, &server.err, "another user");
	CU_ASSERT_EQUAL(exit_code(other), 1);
	end_fini(&server);

	listen_there(&server, CHANNEL_MUNGE);
	connect_to(&client, &server, CHANNEL_MUNGE);
	other = begin_as_other(&server);
	begin(&client);
	await_end(&client);
	UNIT_FAILS(client.rc, -EKEYREJECTED, &client.err, "another user");
	CU_ASSERT_EQUAL(exit_code(other), 1);
	end_fini(&client);
	end_fini(&server);
}

/* --- somebody who knows the secret and speaks the protocol by hand --- */

struct raw {
	int fd;
	struct handshake shake;
};

static void raw_get(struct raw *r, void *bytes, size_t len)
{
	CU_ASSERT_FATAL(recv(r->fd, bytes, len, MSG_WAITALL) == (ssize_t)len);
}

static void raw_put(struct raw *r, const void *bytes, size_t len)
{
	CU_ASSERT_FATAL(send(r->fd, bytes, len, MSG_NOSIGNAL) == (ssize_t)len);
}

static void raw_shake(struct raw *r, int fd, bool server)
{
	unsigned char in[HANDSHAKE_HELLO_BYTES], out[HANDSHAKE_PROOF_BYTES];
	struct timeval limit = { .tv_sec = 5 };
	struct err err;
	size_t len;

	r->fd = fd;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	handshake_init(&r->shake, server, CHANNEL_MUNGE, secret);
	raw_put(r, r->shake.own_hello, HANDSHAKE_HELLO_BYTES);
	raw_get(r, in, HANDSHAKE_HELLO_BYTES);
	UNIT_OK(handshake_step(&r->shake, in, out, &len, &err), &err);
	raw_put(r, out, len);
	raw_get(r, in, HANDSHAKE_PROOF_BYTES);
	UNIT_OK(handshake_step(&r->shake, in, out, &len, &err), &err);
}

static void raw_connect(struct raw *r, const char *address)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	a.sin_port = htons((uint16_t)atoi(strchr(address, ':') + 1));
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CU_ASSERT_FATAL(!connect(fd, (struct sockaddr *)&a, sizeof(a)));
	raw_shake(r, fd, false);
}

static void raw_accept(struct raw *r, const struct end *e)
{
	struct pollfd p = { .fd = e->listener, .events = POLLIN };
	int fd;

	CU_ASSERT_EQUAL_FATAL(poll(&p, 1, 5000), 1);
	fd = accept4(e->listener, NULL, NULL, SOCK_CLOEXEC);
	CU_ASSERT_FATAL(fd >= 0);
	raw_shake(r, fd, true);
}

#define SEAL crypto_secretstream_xchacha20poly1305_ABYTES

static void raw_say(struct raw *r, const char *text)
{
	unsigned char frame[4 + 8192];
	uint32_t sealed = (uint32_t)(strlen(text) + SEAL);

	memcpy(frame, &sealed, 4); /* x86: little-endian */
	crypto_secretstream_xchacha20poly1305_push(&r->shake.tx, frame + 4,
						   NULL,
						   (const unsigned char *)text,
						   strlen(text), frame, 4, 0);
	raw_put(r, frame, 4 + sealed);
}

static void raw_hear(struct raw *r, char *text, size_t size)
{
	unsigned char frame[4 + 8192], tag;
	unsigned long long len;
	uint32_t sealed;

	raw_get(r, frame, 4);
	memcpy(&sealed, frame, 4);
	CU_ASSERT_FATAL(sealed > SEAL && sealed < 8192 && sealed - SEAL < size);
	raw_get(r, frame + 4, sealed);
	CU_ASSERT_FATAL(
		!crypto_secretstream_xchacha20poly1305_pull(&r->shake.rx,
							    (unsigned char *)
								    text,
							    &len, &tag,
							    frame + 4, sealed,
							    frame, 4));
	text[len] = '\0';
}

/* A relay in the middle, which knows the secret: it passes true credentials of
 * the right user on, and they were made for other connections. */
static void test_relayed(void)
{
	struct end server, trap, client;
	struct raw to_client, to_server;
	char text[8192];

	if (munged_skip())
		return;
	secret_make(secret);
	listen_there(&server, CHANNEL_MUNGE);
	listen_there(&trap, CHANNEL_MUNGE);
	connect_to(&client, &trap, CHANNEL_MUNGE);
	begin(&server);
	begin(&client);
	raw_accept(&to_client, &trap);
	raw_connect(&to_server, server.address);
	raw_hear(&to_client, text, sizeof(text));
	CU_ASSERT(strstr(text, "MUNGE:") != NULL);
	raw_say(&to_server, text);
	raw_hear(&to_server, text, sizeof(text));
	raw_say(&to_client, text);
	await_end(&server);
	await_end(&client);
	UNIT_FAILS(server.rc, -EKEYREJECTED, &server.err, "another connection");
	UNIT_FAILS(client.rc, -EKEYREJECTED, &client.err, "another connection");
	close(to_client.fd);
	close(to_server.fd);
	end_fini(&client);
	end_fini(&server);
	end_fini(&trap);
}

static void first_message(const char *text, int code, const char *words)
{
	struct end server;
	struct raw raw;

	secret_make(secret);
	listen_there(&server, CHANNEL_MUNGE);
	begin(&server);
	raw_connect(&raw, server.address);
	raw_say(&raw, text);
	await_end(&server);
	UNIT_FAILS(server.rc, code, &server.err, words);
	close(raw.fd);
	end_fini(&server);
}

static void test_first_message(void)
{
	char long_one[6000];

	if (munged_skip())
		return;
	first_message("{\"type\":\"hello\",\"node\":\"n1\"}", -EKEYREJECTED,
		      "without a MUNGE");
	first_message("{\"type\":\"credential\",\"credential\":7}",
		      -EKEYREJECTED, "without a MUNGE");
	first_message("{\"type\":\"credential\",\"credential\":\"MUNGE:A:\"}",
		      -EKEYREJECTED, "cannot be used");
	memset(long_one, 'x', sizeof(long_one) - 1);
	long_one[sizeof(long_one) - 1] = '\0';
	first_message(long_one, -EPROTO, "claims");
}

/* --- munged is ill --- */

static void test_no_munged(void)
{
	struct end server, client;
	struct err err;

	if (munged_skip())
		return;
	setenv("CAIRN_MUNGE_SOCKET", "/nowhere/munge", 1);
	UNIT_FAILS(channel_auth_try(CHANNEL_MUNGE, &err), -ENOKEY, &err,
		   "start it");
	UNIT_OK(channel_auth_try(CHANNEL_SECRET, &err), &err);
	secret_make(secret);
	listen_there(&server, CHANNEL_MUNGE);
	connect_to(&client, &server, CHANNEL_MUNGE);
	begin(&server);
	begin(&client);
	await_end(&client);
	await_end(&server);
	/* Whoever is first hears only that the other is gone. */
	CU_ASSERT(client.rc == -ENOKEY || server.rc == -ENOKEY);
	CU_ASSERT(client.rc && server.rc);
	end_fini(&client);
	end_fini(&server);
	munged_use_other(false);
}

/* Nobody waits for it but who asked: no call of the server's blocks, and it
 * ends in time. */
static void test_stopped_munged(void)
{
	int64_t begun_ms, last_ms, longest_ms = 0;
	struct end server, client;
	struct pollfd p = { .events = POLLIN };
	json_t *got;
	struct err err;
	int rc;

	if (munged_skip())
		return;
	secret_make(secret);
	listen_there(&server, CHANNEL_MUNGE);
	connect_to(&client, &server, CHANNEL_MUNGE);
	munged_signal(SIGSTOP);
	begun_ms = clock_ms();
	begin(&client);
	p.fd = server.listener;
	CU_ASSERT_EQUAL_FATAL(poll(&p, 1, 5000), 1);
	UNIT_OK(channel_accept(server.listener, CHANNEL_MUNGE, secret,
			       &server.ch, &err),
		&err);
	do {
		p.fd = channel_fd(server.ch);
		poll(&p, 1, channel_deadline_ms(server.ch));
		last_ms = clock_ms();
		rc = channel_receive(server.ch, &got, &err);
		if (clock_ms() - last_ms > longest_ms)
			longest_ms = clock_ms() - last_ms;
	} while (rc == -EAGAIN);
	UNIT_FAILS(rc, -ENOKEY, &err, "does not answer");
	CU_ASSERT(longest_ms < 1000);
	await_end(&client);
	UNIT_FAILS(client.rc, -ENOKEY, &client.err, "does not answer");
	CU_ASSERT(clock_ms() - begun_ms < 7000);
	munged_signal(SIGCONT);
	end_fini(&client);
	end_fini(&server);
}

static void test_names(void)
{
	enum channel_auth auth = CHANNEL_MUNGE;

	CU_ASSERT(!channel_auth_from_name(NULL, &auth));
	CU_ASSERT_EQUAL(auth, CHANNEL_SECRET);
	CU_ASSERT(!channel_auth_from_name("munge", &auth));
	CU_ASSERT_EQUAL(auth, CHANNEL_MUNGE);
	CU_ASSERT_EQUAL(channel_auth_from_name("", &auth), -EINVAL);
	CU_ASSERT_EQUAL(channel_auth_from_name("none", &auth), -EINVAL);
	CU_ASSERT(!strcmp(channel_auth_name(auth), "munge"));
}

static const struct unit_test munge_tests[] = {
	{ "kinds of proof have names", test_names },
	{ "two of one user exchange messages", test_same_user },
	{ "one side that asks for MUNGE alone is told so", test_one_side_only },
	{ "another user with the secret is refused, on both sides",
	  test_other_user },
	{ "a credential that is relayed is refused, on both sides",
	  test_relayed },
	{ "a first message that is none is refused", test_first_message },
	{ "a node without munged is named", test_no_munged },
	{ "a munged that is stopped blocks nobody", test_stopped_munged },
	{ NULL, NULL },
};

static const struct unit_suite suites[] = {
	{ "munge", munge_tests },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	if (sodium_init() < 0)
		return 99;
	munged_begin();
	return unit_main(argc, argv, suites);
}
