/* SPDX-License-Identifier: BSD-3-Clause */
/* listen.c - sockets that wait for agents and tools */
#include "runtime/net/channel.h"

#include "runtime/base/fmt.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int listen_at(const struct sockaddr *address, socklen_t len, int *out)
{
	int fd = socket(address->sa_family,
			SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int on = 1, off = 0, rc;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (address->sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(fd, address, len) || listen(fd, SOMAXCONN)) {
		rc = -errno;
		close(fd);
		return rc;
	}
	*out = fd;
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
	int rc, fd = -1;

	if (!host)
		host = "127.0.0.1";
	fmt_print(service, sizeof(service), "%d", port);
	rc = getaddrinfo(host, service, &hints, &list);
	if (rc)
		return err_set(err, -EHOSTUNREACH, "cannot find host %s: %s",
			       host, gai_strerror(rc));
	rc = -EADDRNOTAVAIL;
	for (ai = list; ai && rc; ai = ai->ai_next)
		rc = listen_at(ai->ai_addr, ai->ai_addrlen, &fd);
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

/* --- where other machines can reach us --- */

/* Both families by one socket; a kernel may have IPv6 switched off. */
static int listen_everywhere(int *fd)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
	struct sockaddr_in four = { .sin_family = AF_INET };

	if (!listen_at((struct sockaddr *)&six, sizeof(six), fd))
		return 0;
	return listen_at((struct sockaddr *)&four, sizeof(four), fd);
}

static socklen_t sockaddr_length(const struct sockaddr *a)
{
	return a->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) :
					  sizeof(struct sockaddr_in);
}

/* Not of this machine only, and not of one link only: such an address means
 * another machine on every node. */
static bool is_routable(const struct ifaddrs *i)
{
	const struct sockaddr_in6 *six = (const void *)i->ifa_addr;
	const struct sockaddr_in *four = (const void *)i->ifa_addr;

	if (!i->ifa_addr || !(i->ifa_flags & IFF_UP) ||
	    (i->ifa_flags & IFF_LOOPBACK))
		return false;
	if (i->ifa_addr->sa_family == AF_INET6)
		return !IN6_IS_ADDR_LINKLOCAL(&six->sin6_addr);
	return i->ifa_addr->sa_family == AF_INET &&
	       ntohl(four->sin_addr.s_addr) >> 16 != 0xa9fe; /* 169.254/16 */
}

static bool is_asked(const struct ifaddrs *i, const char *iface)
{
	char number[64];

	if (!i->ifa_addr || (i->ifa_addr->sa_family != AF_INET &&
			     i->ifa_addr->sa_family != AF_INET6))
		return false;
	if (getnameinfo(i->ifa_addr, sockaddr_length(i->ifa_addr), number,
			sizeof(number), NULL, 0, NI_NUMERICHOST))
		return false;
	if (!strcmp(number, iface))
		return true;
	return !strcmp(i->ifa_name, iface) && !strchr(number, '%');
}

static int port_of(int fd)
{
	struct sockaddr_in6 six;
	socklen_t len = sizeof(six);

	if (getsockname(fd, (struct sockaddr *)&six, &len))
		return 0;
	/* both families have the port at the same place */
	return ntohs(six.sin6_port);
}

/* Those that do not fit are left out: a machine with so many has enough. */
static void add_address(const struct sockaddr *a, int port, char *list,
			size_t size)
{
	size_t used = strlen(list);
	char number[64];
	int n;

	if (getnameinfo(a, sockaddr_length(a), number, sizeof(number), NULL, 0,
			NI_NUMERICHOST))
		return;
	n = fmt_print(list + used, size - used,
		      a->sa_family == AF_INET6 ? "%s[%s]:%d" : "%s%s:%d",
		      used ? "," : "", number, port);
	if ((size_t)n >= size - used)
		list[used] = '\0';
}

static void list_family(const struct ifaddrs *all, int family, int port,
			char *list, size_t size)
{
	for (const struct ifaddrs *i = all; i; i = i->ifa_next)
		if (is_routable(i) && i->ifa_addr->sa_family == family)
			add_address(i->ifa_addr, port, list, size);
}

/* An address of the interface, IPv4 if it has one. */
static const struct ifaddrs *find_asked(const struct ifaddrs *all,
					const char *iface)
{
	const struct ifaddrs *best = NULL;

	for (const struct ifaddrs *i = all; i; i = i->ifa_next)
		if (is_asked(i, iface) &&
		    (!best || (best->ifa_addr->sa_family == AF_INET6 &&
			       i->ifa_addr->sa_family == AF_INET)))
			best = i;
	return best;
}

static int listen_on(const struct ifaddrs *all, const char *iface, int *fd,
		     char *list, size_t size, struct err *err)
{
	const struct ifaddrs *best = find_asked(all, iface);
	struct sockaddr_storage address;
	int rc;

	if (!best)
		return err_set(err, -ENODEV,
			       "--iface: this machine has no network interface "
			       "\"%s\" with an address; see `ip addr`",
			       iface);
	memset(&address, 0, sizeof(address));
	memcpy(&address, best->ifa_addr, sockaddr_length(best->ifa_addr));
	rc = listen_at((struct sockaddr *)&address,
		       sockaddr_length(best->ifa_addr), fd);
	if (rc)
		return err_set(err, rc, "cannot listen on %s: %s", iface,
			       strerror(-rc));
	add_address(best->ifa_addr, port_of(*fd), list, size);
	return 0;
}

static int listen_on_all(const struct ifaddrs *all, int *fd, char *list,
			 size_t size, struct err *err)
{
	struct sockaddr_in loop = { .sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int rc = listen_everywhere(fd);

	if (rc)
		return err_set(err, rc, "cannot listen for agents: %s",
			       strerror(-rc));
	list_family(all, AF_INET, port_of(*fd), list, size);
	list_family(all, AF_INET6, port_of(*fd), list, size);
	if (!*list)
		add_address((struct sockaddr *)&loop, port_of(*fd), list, size);
	return 0;
}

int channel_listen_routable(const char *iface, int *fd, char *addresses,
			    size_t size, struct err *err)
{
	struct ifaddrs *all;
	int rc;

	*addresses = '\0';
	if (getifaddrs(&all))
		return err_set(err, -errno,
			       "cannot list this machine's network interfaces: "
			       "%s",
			       strerror(errno));
	rc = iface ? listen_on(all, iface, fd, addresses, size, err) :
		     listen_on_all(all, fd, addresses, size, err);
	freeifaddrs(all);
	return rc;
}

/* --- where we are --- */

static int to_text(const struct sockaddr *a, char text[CHANNEL_IP_MAX])
{
	const struct sockaddr_in6 *six = (const void *)a;
	struct sockaddr_in four = { .sin_family = AF_INET };

	/* An IPv4 connection of a socket for both families. */
	if (a->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&six->sin6_addr)) {
		memcpy(&four.sin_addr, six->sin6_addr.s6_addr + 12, 4);
		a = (const void *)&four;
	}
	return getnameinfo(a, sockaddr_length(a), text, CHANNEL_IP_MAX, NULL, 0,
			   NI_NUMERICHOST) ?
		       -EADDRNOTAVAIL :
		       0;
}

static int interface_text(const char *iface, char text[CHANNEL_IP_MAX])
{
	const struct ifaddrs *one;
	struct ifaddrs *all;
	int rc;

	if (getifaddrs(&all))
		return -errno;
	one = find_asked(all, iface);
	rc = one ? to_text(one->ifa_addr, text) : -ENODEV;
	freeifaddrs(all);
	return rc;
}

int channel_local(const struct channel *ch, const char *iface,
		  char text[CHANNEL_IP_MAX], struct err *err)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);
	int rc;

	if (iface) {
		rc = interface_text(iface, text);
		return rc ? err_set(err, rc,
				    "this machine has no network interface "
				    "\"%s\" with an address; see `ip addr`",
				    iface) :
			    0;
	}
	if (getsockname(channel_fd(ch), (struct sockaddr *)&address, &len))
		rc = -errno;
	else
		rc = to_text((struct sockaddr *)&address, text);
	return rc ? err_set(err, rc, "this machine's address is not known: %s",
			    strerror(-rc)) :
		    0;
}
