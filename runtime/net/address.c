/* SPDX-License-Identifier: BSD-3-Clause */
/* address.c - "host:port" to sockets */
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

	/* Control messages are small and awaited; a dead node must show. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
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

static int connect_one(const struct addrinfo *ai, int64_t deadline_ms, int *out)
{
	struct pollfd p = { .events = POLLOUT };
	int64_t left = deadline_ms - clock_ms();
	int error = 0;
	socklen_t len = sizeof(error);

	p.fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
		      0);
	if (p.fd < 0)
		return -errno;
	if (connect(p.fd, ai->ai_addr, ai->ai_addrlen) && errno != EINPROGRESS)
		error = errno;
	else if (poll(&p, 1, left > 0 ? (int)left : 0) <= 0)
		error = ETIMEDOUT;
	else
		getsockopt(p.fd, SOL_SOCKET, SO_ERROR, &error, &len);
	if (error) {
		close(p.fd);
		return -error;
	}
	address_tune(p.fd);
	*out = p.fd;
	return 0;
}

int address_connect(const char *address, int64_t deadline_ms, int *fd,
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
	rc = -EHOSTUNREACH;
	for (ai = list; ai && rc; ai = ai->ai_next)
		rc = connect_one(ai, deadline_ms, fd);
	freeaddrinfo(list);
	if (rc)
		return err_set(err, rc, "cannot connect to %s: %s", address,
			       strerror(-rc));
	return 0;
}

static int bound_address(int fd, const char *host, char *address, size_t size)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	char number[64], port[16];
	int rc;

	if (getsockname(fd, (struct sockaddr *)&ss, &len))
		return -errno;
	rc = getnameinfo((struct sockaddr *)&ss, len, number, sizeof(number),
			 port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV);
	if (rc)
		return -EINVAL;
	/* A name that was asked for is what others know us by. */
	rc = fmt_print(address, size, strchr(host, ':') ? "[%s]:%s" : "%s:%s",
		       host, port);
	return (size_t)rc < size ? 0 : -ENAMETOOLONG;
}

int channel_listen(const char *host, int port, int *out, char *address,
		   size_t size, struct err *err)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
				  .ai_flags = AI_PASSIVE },
			*list, *ai;
	char service[16];
	int rc, fd = -1, on = 1;

	if (!host)
		host = "127.0.0.1";
	fmt_print(service, sizeof(service), "%d", port);
	rc = getaddrinfo(host, service, &hints, &list);
	if (rc)
		return err_set(err, -EHOSTUNREACH, "cannot find host %s: %s",
			       host, gai_strerror(rc));
	rc = -EADDRNOTAVAIL;
	for (ai = list; ai && rc; ai = ai->ai_next) {
		fd = socket(ai->ai_family,
			    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		if (fd < 0) {
			rc = -errno;
			continue;
		}
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
		rc = 0;
		if (bind(fd, ai->ai_addr, ai->ai_addrlen) || listen(fd, 64))
			rc = -errno;
		if (rc)
			close(fd);
	}
	freeaddrinfo(list);
	if (rc)
		return err_set(err, rc, "cannot listen on %s: %s", host,
			       strerror(-rc));
	rc = bound_address(fd, host, address, size);
	if (rc) {
		close(fd);
		return err_set(err, rc, "cannot name the socket on %s", host);
	}
	*out = fd;
	return 0;
}
