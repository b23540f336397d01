/* SPDX-License-Identifier: BSD-3-Clause */
/* channel.h - authenticated, encrypted JSON messages between Cairn's daemons */
#ifndef CAIRN_NET_CHANNEL_H
#define CAIRN_NET_CHANNEL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "runtime/base/err.h"

#define CHANNEL_SECRET_BYTES 32
#define CHANNEL_MESSAGE_MAX  (64u << 20) /* bytes of one message */
#define CHANNEL_VERSION	     2
#define CHANNEL_HANDSHAKE_MS 5000  /* what a peer has to prove itself */
#define CHANNEL_MUNGE_MS     10000 /* and then to bring its credential */

/* What a peer must show: the job's secret; and also, by MUNGE, that it is a
 * process of the same user.  The numbers are on the wire. */
enum channel_auth { CHANNEL_SECRET = 0, CHANNEL_MUNGE = 1 };

/*
 * A channel joins two processes that hold the same job secret.  Both prove it
 * before any message is read (key exchange by libsodium; crypto_secretstream
 * in both directions; version in the greeting), and with CHANNEL_MUNGE whose
 * they are: a stranger's bytes are bounded and dropped.  Messages are JSON
 * objects.  Not thread-safe.
 */
struct channel;

/* channel_listen - a listening TCP socket on host (NULL: 127.0.0.1), port 0 for
 * any; gives its descriptor and address "host:port" (size bytes). */
int channel_listen(const char *host, int port, int *fd, char *address,
		   size_t size, struct err *err) must_check;
/* channel_listen_routable - where other machines can reach it, any port: on all
 * interfaces, or on one (its name or its address) only.  addresses is a list
 * for channel_connect.  -ENODEV: there is no such interface. */
int channel_listen_routable(const char *iface, int *fd, char *addresses,
			    size_t size, struct err *err) must_check;
/* channel_local - an IP address of this machine, as text: of this interface (by
 * its name or address), or, iface NULL, the one that the channel uses. */
#define CHANNEL_IP_MAX 64
int channel_local(const struct channel *ch, const char *iface,
		  char text[CHANNEL_IP_MAX], struct err *err) must_check;
/* channel_accept - take one connection; the handshake goes on inside
 * channel_receive.  *ch belongs to the caller. */
int channel_accept(int listen_fd, enum channel_auth auth,
		   const unsigned char *secret, struct channel **ch,
		   struct err *err) must_check;
/* channel_connect - connect and finish the handshake within timeout_ms.  Of a
 * list "host:port,host:port" the first that proves itself: another machine may
 * have an address of ours, too. */
int channel_connect(const char *address, enum channel_auth auth,
		    const unsigned char *secret, int timeout_ms,
		    struct channel **ch, struct err *err) must_check;
void channel_close(struct channel *ch); /* NULL allowed */

/* channel_fd - for poll/epoll.  Until the channel is open it may be another one
 * after each channel_receive, and the old one may be closed. */
int channel_fd(const struct channel *ch);
/* channel_is_open - has the peer proved itself? */
int channel_is_open(const struct channel *ch);
/* channel_knows_secret - or at least that it knows the secret? */
bool channel_knows_secret(const struct channel *ch);
/* channel_deadline_ms - how long a peer still has to do so; -1: it did.  Who
 * accepts closes a channel whose time is over, and bounds their number. */
int channel_deadline_ms(const struct channel *ch);
/* channel_send - queue and try to write; 0 or -Exxx.  Steals nothing. */
int channel_send(struct channel *ch, const json_t *message,
		 struct err *err) must_check;
/* channel_send_text - the same for a message that is encoded already, without
 * line breaks (JSON_COMPACT): for one that goes to many. */
int channel_send_text(struct channel *ch, const char *text, size_t len,
		      struct err *err) must_check;
/* channel_flush - write what is queued; 0, -EAGAIN: poll for POLLOUT. */
int channel_flush(struct channel *ch);
int channel_wants_write(const struct channel *ch);
/* channel_receive - the next message (caller's reference), -EAGAIN when there
 * is none yet (call until then: what was read ahead does not show in poll),
 * -ECONNRESET at the end, -EKEYREJECTED from a stranger, -ENOKEY where MUNGE
 * does not work on this node. */
int channel_receive(struct channel *ch, json_t **message,
		    struct err *err) must_check;
/* channel_wait - receive with a time limit. */
int channel_wait(struct channel *ch, int timeout_ms, json_t **message,
		 struct err *err) must_check;

/* Secrets: 32 random bytes, as 64 hex digits in $CAIRN_SECRET and in files. */
void secret_make(unsigned char secret[CHANNEL_SECRET_BYTES]);
void secret_to_hex(const unsigned char *secret, char hex[65]);
int secret_from_hex(const char *hex, unsigned char *secret) must_check;

/* Kinds of proof by name: "secret" (also NULL), "munge"; else -EINVAL. */
int channel_auth_from_name(const char *name,
			   enum channel_auth *auth) must_check;
const char *channel_auth_name(enum channel_auth auth);
/* channel_auth_try - can this node take part?  With CHANNEL_MUNGE a credential
 * is made and looked at, which may take ten seconds if munged is ill. */
int channel_auth_try(enum channel_auth auth, struct err *err) must_check;

#endif
