/* SPDX-License-Identifier: BSD-3-Clause */
/* channel.c - authenticated, encrypted JSON messages between Cairn's daemons */
#include "runtime/net/channel.h"

#include "runtime/net/address.h"
#include "runtime/net/buffer.h"
#include "runtime/net/credential.h"
#include "runtime/net/handshake.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FRAME_HEAD 4 /* length of the sealed message, little-endian */
#define SEAL_BYTES crypto_secretstream_xchacha20poly1305_ABYTES
#define READ_PIECE 65536
/* of the first message, a credential: from somebody who is not known yet */
#define FIRST_MAX (CREDENTIAL_MAX + 256)

/*
 * STARTUP    PROVING until both have shown that they know the secret.  With
 *            MUNGE each then has its credential made (MAKING) and sends it as
 *            its first message, takes the other's (AWAITING), and has that
 *            checked (CHECKING).  Credentials are made for what only the two
 *            ends of this very connection know (handshake.c).
 * OPERATION  OPEN: messages both ways.
 * TEARDOWN   The connection's end.
 */
enum stage { PROVING, MAKING, AWAITING, CHECKING, OPEN };

struct channel {
	int fd;
	enum stage stage;
	int64_t proof_deadline_ms; /* of PROVING */
	int64_t deadline_ms;	   /* of all until OPEN */
	struct handshake shake;
	struct credential credential;
	struct buffer in, out;
};

static int channel_create(int fd, bool server, enum channel_auth auth,
			  const unsigned char *secret, struct channel **out,
			  struct err *err)
{
	struct channel *ch;

	if (sodium_init() < 0)
		return err_set(err, -EIO, "libsodium cannot be initialized");
	ch = calloc(1, sizeof(*ch));
	if (!ch)
		return err_set(err, -ENOMEM, "no memory for a connection");
	ch->fd = fd;
	handshake_init(&ch->shake, server, auth, secret);
	if (buffer_add(&ch->out, ch->shake.own_hello, HANDSHAKE_HELLO_BYTES)) {
		free(ch);
		return err_set(err, -ENOMEM, "no memory for a connection");
	}
	*out = ch;
	return 0;
}

int channel_accept(int listen_fd, enum channel_auth auth,
		   const unsigned char *secret, struct channel **out,
		   struct err *err)
{
	int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	int rc;

	if (fd < 0)
		return err_set(err, -errno, "cannot accept a connection: %s",
			       strerror(errno));
	address_tune(fd);
	rc = channel_create(fd, true, auth, secret, out, err);
	if (rc) {
		close(fd);
		return rc;
	}
	(*out)->proof_deadline_ms = clock_ms() + CHANNEL_HANDSHAKE_MS;
	(*out)->deadline_ms = (*out)->proof_deadline_ms + CHANNEL_MUNGE_MS;
	return 0;
}

void channel_close(struct channel *ch)
{
	if (!ch)
		return;
	close(ch->fd);
	credential_stop(&ch->credential);
	free(ch->in.data);
	free(ch->out.data);
	sodium_memzero(ch, sizeof(*ch));
	free(ch);
}

int channel_fd(const struct channel *ch)
{
	/* Nothing that comes meanwhile is of use before the credential. */
	if (ch->stage == MAKING || ch->stage == CHECKING)
		return ch->credential.fd;
	return ch->fd;
}

int channel_is_open(const struct channel *ch)
{
	return ch->stage == OPEN;
}

bool channel_knows_secret(const struct channel *ch)
{
	return ch->stage != PROVING;
}

int channel_deadline_ms(const struct channel *ch)
{
	int64_t left = (ch->stage == PROVING ? ch->proof_deadline_ms :
					       ch->deadline_ms) -
		       clock_ms();

	if (channel_is_open(ch))
		return -1;
	return left > 0 ? (int)left : 0;
}

int channel_wants_write(const struct channel *ch)
{
	return buffer_left(&ch->out) > 0;
}

int channel_flush(struct channel *ch)
{
	struct buffer *b = &ch->out;

	while (buffer_left(b)) {
		ssize_t n = send(ch->fd, b->data + b->done, buffer_left(b),
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EWOULDBLOCK ? -EAGAIN : -errno;
		b->done += (size_t)n;
	}
	b->used = b->done = 0;
	return 0;
}

/* At most `most` bytes, so that a stranger's are bounded before the handshake
 * ends.  -ECONNRESET at the end of the stream. */
static int fill(struct channel *ch, size_t most)
{
	struct buffer *b = &ch->in;
	ssize_t n;
	int rc = buffer_reserve(b, most);

	if (rc)
		return rc;
	do
		n = recv(ch->fd, b->data + b->used, most, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EWOULDBLOCK ? -EAGAIN : -errno;
	if (n == 0)
		return -ECONNRESET;
	b->used += (size_t)n;
	return 0;
}

/* One step of the handshake: 0 when one was made, -EAGAIN for want of bytes. */
static int shake(struct channel *ch, struct err *err)
{
	unsigned char answer[HANDSHAKE_PROOF_BYTES];
	size_t wants = handshake_wants(&ch->shake), len;
	int rc;

	channel_flush(ch); /* our hello, when it did not go out at once */
	while (buffer_left(&ch->in) < wants) {
		rc = fill(ch, wants - buffer_left(&ch->in));
		if (rc)
			return rc == -ENOMEM || rc == -EAGAIN ?
				       rc :
				       err_set(err, rc,
					       "the connection ended before "
					       "it was authenticated");
	}
	rc = handshake_step(&ch->shake, ch->in.data + ch->in.done, answer, &len,
			    err);
	ch->in.done += wants;
	if (rc)
		return rc;
	if (len)
		rc = buffer_add(&ch->out, answer, len);
	channel_flush(ch);
	return rc;
}

static uint32_t frame_length(const unsigned char *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	       (uint32_t)p[3] << 24;
}

static int unseal(struct channel *ch, const unsigned char *frame,
		  uint32_t sealed, json_t **message, struct err *err)
{
	json_error_t why;
	json_t *json = NULL;
	unsigned char *text = malloc(sealed), tag;
	unsigned long long len;

	if (!text)
		return err_set(err, -ENOMEM, "no memory for a message");
	if (!crypto_secretstream_xchacha20poly1305_pull(&ch->shake.rx, text,
							&len, &tag,
							frame + FRAME_HEAD,
							sealed, frame,
							FRAME_HEAD))
		json = json_loadb((char *)text, (size_t)len,
				  JSON_REJECT_DUPLICATES, &why);
	sodium_memzero(text, sealed);
	free(text);
	if (!json_is_object(json)) {
		json_decref(json);
		return err_set(err, -EPROTO,
			       "a control message was damaged; the "
			       "connection is dropped");
	}
	*message = json;
	return 0;
}

/* The next message of those that came: -EAGAIN when it is not whole. */
static int next_frame(struct channel *ch, size_t most, json_t **message,
		      struct err *err)
{
	const unsigned char *frame = ch->in.data + ch->in.done;
	size_t left = buffer_left(&ch->in);
	uint32_t sealed;

	if (left < FRAME_HEAD)
		return -EAGAIN;
	sealed = frame_length(frame);
	if (sealed < SEAL_BYTES || sealed > most + SEAL_BYTES)
		return err_set(err, -EPROTO,
			       "a control message claims %u bytes; the "
			       "connection is dropped",
			       sealed);
	if (left < FRAME_HEAD + (size_t)sealed)
		return -EAGAIN;
	ch->in.done += FRAME_HEAD + sealed;
	return unseal(ch, frame, sealed, message, err);
}

static int receive_sealed(struct channel *ch, size_t most, json_t **message,
			  struct err *err)
{
	int rc = next_frame(ch, most, message, err);

	while (rc == -EAGAIN) {
		rc = fill(ch, READ_PIECE);
		if (rc == -EAGAIN)
			return rc;
		if (rc)
			return err_set(err, rc, "the connection was lost: %s",
				       rc == -ECONNRESET ?
					       "closed by the other side" :
					       strerror(-rc));
		rc = next_frame(ch, most, message, err);
	}
	return rc;
}

static int send_text(struct channel *ch, const char *text, size_t len,
		     struct err *err)
{
	size_t sealed = len + SEAL_BYTES;
	unsigned char *frame;
	int rc = -EMSGSIZE;

	if (len > CHANNEL_MESSAGE_MAX)
		goto out;
	rc = buffer_reserve(&ch->out, FRAME_HEAD + sealed);
	if (rc)
		goto out;
	frame = ch->out.data + ch->out.used;
	for (int i = 0; i < FRAME_HEAD; i++)
		frame[i] = (unsigned char)(sealed >> 8 * i);
	crypto_secretstream_xchacha20poly1305_push(&ch->shake.tx,
						   frame + FRAME_HEAD, NULL,
						   (const unsigned char *)text,
						   len, frame, FRAME_HEAD, 0);
	ch->out.used += FRAME_HEAD + sealed;
	rc = channel_flush(ch);
	if (rc == -EAGAIN)
		rc = 0;
out:
	if (rc)
		err_set(err, rc, "cannot send a message of %zu bytes: %s", len,
			strerror(-rc));
	return rc;
}

static int send_sealed(struct channel *ch, const json_t *message,
		       struct err *err)
{
	char *text = json_dumps(message, JSON_COMPACT);
	int rc;

	if (!text)
		return err_set(err, -EINVAL, "a message is not valid JSON");
	rc = send_text(ch, text, strlen(text), err);
	free(text);
	return rc;
}

/* --- who is there? --- */

static int prove(struct channel *ch, struct err *err)
{
	int rc = shake(ch, err);

	if (rc || !handshake_done(&ch->shake))
		return rc;
	if (ch->shake.auth == CHANNEL_SECRET) {
		ch->stage = OPEN;
		return 0;
	}
	ch->stage = MAKING;
	return credential_make(&ch->credential, ch->shake.own_credential, err);
}

static int bring(struct channel *ch, struct err *err)
{
	json_t *message;
	int rc = credential_result(&ch->credential, err);

	if (rc)
		return rc;
	message = json_pack("{s:s, s:s}", "type", "credential", "credential",
			    ch->credential.output);
	rc = send_sealed(ch, message, err);
	json_decref(message);
	ch->stage = AWAITING;
	return rc;
}

static int await_credential(struct channel *ch, struct err *err)
{
	const char *text = NULL;
	json_t *message;
	int rc = receive_sealed(ch, FIRST_MAX, &message, err);

	if (rc == -ECONNRESET)
		return err_set(err, rc,
			       "the other side ended the connection when it "
			       "was to trade MUNGE credentials; what it said "
			       "itself tells why");
	if (rc)
		return rc;
	if (json_unpack(message, "{s:s}", "credential", &text))
		rc = err_set(err, -EKEYREJECTED,
			     "a connection without a MUNGE credential was "
			     "dropped");
	else
		rc = credential_check(&ch->credential,
				      ch->shake.peer_credential, text, err);
	json_decref(message);
	ch->stage = CHECKING;
	return rc;
}

static int judge(struct channel *ch, struct err *err)
{
	int rc = credential_result(&ch->credential, err);

	if (rc)
		return rc;
	credential_stop(&ch->credential);
	ch->stage = OPEN;
	return 0;
}

/* One step on the way to OPEN: 0 when one was made. */
static int step(struct channel *ch, struct err *err)
{
	static int (*const steps[])(struct channel *, struct err *) = {
		[PROVING] = prove,
		[MAKING] = bring,
		[AWAITING] = await_credential,
		[CHECKING] = judge,
	};

	if (channel_deadline_ms(ch) == 0)
		return err_set(err, -EKEYREJECTED,
			       "a connection that did not prove itself in "
			       "time was dropped");
	return steps[ch->stage](ch, err);
}

/* --- messages --- */

int channel_receive(struct channel *ch, json_t **message, struct err *err)
{
	int rc = 0;

	while (!rc && !channel_is_open(ch))
		rc = step(ch, err);
	return rc ? rc : receive_sealed(ch, CHANNEL_MESSAGE_MAX, message, err);
}

static int is_not_open(struct err *err)
{
	return err_set(err, -ENOTCONN,
		       "a message for a connection that is not yet "
		       "authenticated");
}

int channel_send(struct channel *ch, const json_t *message, struct err *err)
{
	return channel_is_open(ch) ? send_sealed(ch, message, err) :
				     is_not_open(err);
}

int channel_send_text(struct channel *ch, const char *text, size_t len,
		      struct err *err)
{
	return channel_is_open(ch) ? send_text(ch, text, len, err) :
				     is_not_open(err);
}

/* Wait until the socket has something for us; -ETIMEDOUT after the deadline. */
static int await(struct channel *ch, int64_t deadline_ms, struct err *err)
{
	struct pollfd p = { .fd = channel_fd(ch), .events = POLLIN };
	int64_t left = deadline_ms - clock_ms();

	if (left <= 0)
		return err_set(err, -ETIMEDOUT, "no answer in time");
	if (channel_wants_write(ch))
		p.events |= POLLOUT;
	poll(&p, 1, left < 60000 ? (int)left : 60000);
	if (p.revents & POLLOUT)
		channel_flush(ch);
	return 0;
}

int channel_wait(struct channel *ch, int timeout_ms, json_t **message,
		 struct err *err)
{
	int64_t deadline_ms = timeout_ms < 0 ? INT64_MAX :
					       clock_ms() + timeout_ms;
	int rc;

	for (;;) {
		rc = channel_receive(ch, message, err);
		if (rc != -EAGAIN)
			return rc;
		rc = await(ch, deadline_ms, err);
		if (rc)
			return rc;
	}
}

/* How long one address of several has to show that it knows the secret before
 * the next one is tried. */
#define PROOF_MS 2000

static int shake_hands(struct channel *ch, struct err *err)
{
	int rc = 0;

	while (!rc && !channel_is_open(ch)) {
		rc = step(ch, err);
		if (rc != -EAGAIN)
			continue;
		rc = await(ch, clock_ms() + channel_deadline_ms(ch), err);
		if (rc == -ETIMEDOUT)
			rc = 0; /* the next step says what was late */
	}
	return rc;
}

int channel_connect(const char *address, enum channel_auth auth,
		    const unsigned char *secret, int timeout_ms,
		    struct channel **out, struct err *err)
{
	int64_t deadline_ms = clock_ms() + timeout_ms, until_ms;
	bool several = strchr(address, ',');
	struct channel *ch = NULL;
	struct err why = { "" };
	uint64_t tried = 0;
	int rc, fd = -1;

	for (;;) {
		rc = address_connect(address, deadline_ms, &tried, &fd, err);
		if (rc && why.text[0]) /* somebody did answer: say what */
			return err_set(err, rc, "%s", why.text);
		if (rc)
			return rc;
		rc = channel_create(fd, false, auth, secret, &ch, err);
		if (rc) {
			close(fd);
			return rc;
		}
		until_ms = clock_ms() + PROOF_MS;
		if (!several || until_ms > deadline_ms)
			until_ms = deadline_ms;
		ch->proof_deadline_ms = until_ms;
		ch->deadline_ms = deadline_ms;
		rc = shake_hands(ch, err);
		if (!rc) {
			*out = ch;
			return 0;
		}
		channel_close(ch);
		err_prefix(err, rc, "%s", address);
		if (!several)
			return rc;
		why = *err;
	}
}
