/* SPDX-License-Identifier: BSD-3-Clause */
/* address.c - "host:port" to a connected socket */
#include "runtime/net/address.h"

#include "runtime/base/fmt.h"
#include "runtime/net/channel.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

int64_t clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void address_tune(int fd)
{
	int on = 1, idle_s = 30;
	unsigned int unacknowledged_ms = NET_UNACKNOWLEDGED_MS;

	/* Control messages are small and awaited; a dead node must show. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacknowledged_ms,
		   sizeof(unacknowledged_ms));
}

/* "host:port" or "[v6]:port" */
static int split(const char *address, char *host, size_t size, char *port,
		 size_t port_size)
{
	const char *colon = strrchr(address, ':');
	size_t n;

	if (!colon || colon == address || !colon[1] ||
	    strlen(colon + 1) >= port_size)
		return -EINVAL;
	n = (size_t)(colon - address);
	if (address[0] == '[' && colon[-1] == ']') {
		address++;
		n -= 2;
	}
	if (n >= size)
		return -EINVAL;
	memcpy(host, address, n);
	host[n] = '\0';
	strcpy(port, colon + 1);
	return 0;
}

/* --- one of several addresses --- */

/* The candidates of one list: those that are being tried have a socket. */
#define CANDIDATES 64

struct race {
	struct pollfd poll[CANDIDATES];
	int index[CANDIDATES]; /* which address of the list */
	size_t n;
	int last; /* why the last one failed; 0: none did */
};

static void start_one(struct race *r, const struct addrinfo *ai, int index)
{
	int fd;

	if (r->n == CANDIDATES)
		return;
	fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
		    0);
	if (fd >= 0 && (!connect(fd, ai->ai_addr, ai->ai_addrlen) ||
			errno == EINPROGRESS)) {
		r->poll[r->n] = (struct pollfd){ .fd = fd, .events = POLLOUT };
		r->index[r->n++] = index;
		return;
	}
	r->last = errno;
	if (fd >= 0)
		close(fd);
}

static int start_address(struct race *r, const char *address, int index,
			 struct err *err)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list, *ai;
	char host[256], port[16];
	int rc;

	if (split(address, host, sizeof(host), port, sizeof(port)))
		return err_set(err, -EINVAL,
			       "\"%s\" is not an address of the form host:port",
			       address);
	rc = getaddrinfo(host, port, &hints, &list);
	if (rc)
		return err_set(err, -EHOSTUNREACH, "cannot find host %s: %s",
			       host, gai_strerror(rc));
	for (ai = list; ai; ai = ai->ai_next)
		start_one(r, ai, index);
	freeaddrinfo(list);
	return 0;
}

/* The first word of a list; what follows it, or NULL. */
static const char *next_address(const char *list, char *address, size_t size)
{
	const char *comma = strchr(list, ',');

	fmt_print(address, size, "%.*s",
		  comma ? (int)(comma - list) : (int)strlen(list), list);
	return comma ? comma + 1 : NULL;
}

static int start_all(struct race *r, const char *addresses, uint64_t tried,
		     struct err *err)
{
	char address[300];
	int rc = 0, index = 0;

	for (const char *at = addresses; at; index++) {
		at = next_address(at, address, sizeof(address));
		if (index < 64 && !(tried >> index & 1))
			rc = start_address(r, address, index, err);
	}
	return r->n ? 0 : rc;
}

static void drop_one(struct race *r, size_t i)
{
	close(r->poll[i].fd);
	r->n--;
	r->poll[i] = r->poll[r->n];
	r->index[i] = r->index[r->n];
}

/* The one that is connected and stands first in the list, or -1. */
static int winner(struct race *r)
{
	int best = -1;

	for (size_t i = 0; i < r->n;) {
		socklen_t len = sizeof(int);
		int error = 0;

		if (r->poll[i].revents)
			getsockopt(r->poll[i].fd, SOL_SOCKET, SO_ERROR, &error,
				   &len);
		if (error) {
			r->last = error;
			drop_one(r, i);
			continue;
		}
		if (r->poll[i].revents &&
		    (best < 0 || r->index[i] < r->index[best]))
			best = (int)i;
		i++;
	}
	return best;
}

int address_connect(const char *addresses, int64_t deadline_ms, uint64_t *tried,
		    int *fd, struct err *err)
{
	struct race r = { .n = 0 };
	int best = -1;
	int rc = start_all(&r, addresses, tried ? *tried : 0, err);

	if (rc)
		return rc;
	while (r.n && best < 0) {
		int64_t left = deadline_ms - clock_ms();

		if (left <= 0 || poll(r.poll, r.n, (int)left) == 0) {
			r.last = ETIMEDOUT;
			break;
		}
		best = winner(&r);
	}
	if (best >= 0) {
		*fd = r.poll[best].fd;
		if (tried)
			*tried |= 1ULL << r.index[best];
		r.poll[best].fd = -1;
		address_tune(*fd);
	}
	for (size_t i = 0; i < r.n; i++)
		if (r.poll[i].fd >= 0)
			close(r.poll[i].fd);
	if (best >= 0)
		return 0;
	return err_set(err, r.last ? -r.last : -EHOSTUNREACH,
		       "cannot connect to %s: %s", addresses,
		       strerror(r.last ? r.last : EHOSTUNREACH));
}
