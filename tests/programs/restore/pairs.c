/* SPDX-License-Identifier: BSD-3-Clause */
/* pairs.c - socket pairs whose ends are both here, with what waits in them */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "tests/programs/restore/ckpt.h"

static char buf[300000];

static void pair(int type, int ends[2])
{
	CHECK(!socketpair(AF_UNIX, type, 0, ends));
}

static void put(int fd, const char *text)
{
	CHECK(send(fd, text, strlen(text), MSG_NOSIGNAL) ==
	      (ssize_t)strlen(text));
}

static int gets_text(int fd, const char *text)
{
	ssize_t n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);

	return n == (ssize_t)strlen(text) && !memcmp(buf, text, (size_t)n);
}

static int gets_nothing(int fd)
{
	return recv(fd, buf, sizeof(buf), MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

/* As much as goes in without waiting, from a generator. */
static int fill(int fd)
{
	int total = 0;
	ssize_t n;

	for (int i = 0; i < 1000; i++)
		buf[i] = (char)i;
	while ((n = send(fd, buf, 1000, MSG_DONTWAIT)) > 0)
		total += (int)n;
	return total;
}

static int check_filled(int fd, int total)
{
	int got = 0;
	ssize_t n;

	while (got < total &&
	       (n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0) {
		for (ssize_t i = 0; i < n; i++)
			if (buf[i] != (char)((got + i) % 1000))
				return 0;
		got += (int)n;
	}
	return got == total;
}

int main(void)
{
	int stream[2], shut[2], closed[2], dgram[2], packets[2], full[2];
	int size = 30000, same, total, ep = epoll_create1(0);
	socklen_t len = sizeof(size);
	struct epoll_event ev = { .events = EPOLLIN, .data.u64 = 11 };

	pair(SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, stream);
	put(stream[0], "to ");
	put(stream[0], "one");
	put(stream[1], "and to the other");
	same = dup(stream[1]);
	CHECK(!setsockopt(stream[1], SOL_SOCKET, SO_SNDBUF, &size, len));
	CHECK(!epoll_ctl(ep, EPOLL_CTL_ADD, stream[1], &ev));
	pair(SOCK_STREAM, shut);
	put(shut[0], "last words");
	CHECK(!shutdown(shut[0], SHUT_WR));
	pair(SOCK_STREAM, closed);
	put(closed[0], "from beyond");
	close(closed[0]);
	pair(SOCK_DGRAM, dgram);
	put(dgram[0], "first");
	put(dgram[0], "");
	put(dgram[0], "third");
	pair(SOCK_SEQPACKET, packets);
	put(packets[1], "one packet");
	put(packets[1], "");
	put(packets[1], "another");
	CHECK(!shutdown(packets[1], SHUT_WR));
	pair(SOCK_STREAM, full);
	total = fill(full[0]);

	test_ckpt();

	CHECK(gets_text(stream[1], "to one"));
	CHECK(gets_nothing(stream[1]));
	CHECK(gets_text(stream[0], "and to the other"));
	CHECK(epoll_wait(ep, &ev, 1, 0) == 0);
	put(stream[0], "new");
	CHECK(epoll_wait(ep, &ev, 1, 0) == 1 && ev.data.u64 == 11);
	CHECK(recv(same, buf, 3, 0) == 3);
	CHECK(fcntl(stream[1], F_GETFL) & O_NONBLOCK);
	CHECK(fcntl(stream[1], F_GETFD) == FD_CLOEXEC);
	CHECK(fcntl(same, F_GETFD) == 0);
	CHECK(!(fcntl(shut[0], F_GETFL) & O_NONBLOCK));
	CHECK(!getsockopt(stream[1], SOL_SOCKET, SO_SNDBUF, &size, &len));
	CHECK(size == 60000);
	CHECK(gets_text(shut[1], "last words"));
	CHECK(recv(shut[1], buf, 1, 0) == 0);
	put(shut[1], "still open");
	CHECK(gets_text(shut[0], "still open"));
	CHECK(send(shut[0], "x", 1, MSG_NOSIGNAL) < 0 && errno == EPIPE);
	CHECK(gets_text(closed[1], "from beyond"));
	CHECK(recv(closed[1], buf, 1, 0) == 0);
	CHECK(send(closed[1], "x", 1, MSG_NOSIGNAL) < 0 && errno == EPIPE);
	CHECK(gets_text(dgram[1], "first"));
	CHECK(gets_text(dgram[1], ""));
	CHECK(gets_text(dgram[1], "third"));
	CHECK(gets_nothing(dgram[1]));
	CHECK(gets_text(packets[0], "one packet"));
	CHECK(gets_text(packets[0], ""));
	CHECK(gets_text(packets[0], "another"));
	CHECK(recv(packets[0], buf, 1, 0) == 0);
	CHECK(check_filled(full[1], total));
	CHECK(gets_nothing(full[1]));
	return test_end();
}
