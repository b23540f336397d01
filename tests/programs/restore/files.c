/* SPDX-License-Identifier: BSD-3-Clause */
/* files.c - descriptors of all kinds */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>

#include "tests/programs/restore/ckpt.h"

static char buf[256];

static int has(int fd, const char *text)
{
	ssize_t n = read(fd, buf, sizeof(buf) - 1);

	buf[n > 0 ? n : 0] = '\0';
	return !strcmp(buf, text);
}

static int opened(const char *name, int flags)
{
	int fd = open(name, flags, 0600);

	if (fd < 0)
		perror(name);
	return fd;
}

int main(void)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u64 = 0xabcdef01 };
	struct itimerspec soon = { .it_value = { 0, 200000000 } };
	int log, half, same, dir, null, pipes[2], event, ep, timer, sig, gone;
	int mem, append, high, drained[2], fifo, fifo_in;
	struct rlimit limit = { 333, 1500 };
	struct stat st;
	uint64_t n = 5;
	sigset_t set;
	char cwd[256];
	char name[] = "/tmp/cairn-files-XXXXXX";

	mkdtemp(name);
	chdir(name);
	umask(0027);
	setrlimit(RLIMIT_NOFILE, &limit);
	log = opened("log", O_CREAT | O_RDWR);
	write(log, "one\ntwo\n", 8);
	append = opened("append", O_CREAT | O_WRONLY | O_APPEND);
	write(append, "a\n", 2);
	half = opened("log", O_RDONLY | O_CLOEXEC);
	read(half, buf, 4);
	same = dup(half);
	high = fcntl(half, F_DUPFD, 300);
	dir = opened(".", O_RDONLY | O_DIRECTORY);
	null = opened("/dev/null", O_RDWR);
	pipe2(pipes, O_NONBLOCK);
	write(pipes[1], "in ", 3);
	write(pipes[1], "pipe", 4);
	pipe(drained);
	write(drained[1], "last", 4);
	close(drained[1]);
	CHECK(!mkfifo("fifo", 0600));
	fifo = opened("fifo", O_RDWR);
	fifo_in = opened("fifo", O_RDONLY | O_NONBLOCK);
	write(fifo, "fi", 2);
	event = eventfd(3, EFD_NONBLOCK);
	write(event, &n, 8);
	timer = timerfd_create(CLOCK_MONOTONIC, 0);
	timerfd_settime(timer, 0, &soon, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sig = signalfd(-1, &set, SFD_NONBLOCK);
	gone = opened("gone", O_CREAT | O_RDWR);
	write(gone, "nameless", 8);
	lseek(gone, 4, SEEK_SET);
	unlink("gone");
	mem = memfd_create("m", MFD_ALLOW_SEALING);
	write(mem, "memory", 6);
	fcntl(mem, F_ADD_SEALS, F_SEAL_GROW);
	ep = epoll_create1(0);
	epoll_ctl(ep, EPOLL_CTL_ADD, pipes[0], &ev);
	ev.data.u64 = 7;
	epoll_ctl(ep, EPOLL_CTL_ADD, timer, &ev);
	flock(log, LOCK_EX);

	test_ckpt();

	fstat(log, &st);
	printf("log had %ld bytes\n", (long)st.st_size);
	write(log, "three\n", 6);
	CHECK(has(half, "two\nthree\n"));
	CHECK(lseek(same, 0, SEEK_CUR) == 14);
	CHECK(lseek(high, 0, SEEK_CUR) == 14);
	lseek(same, 0, SEEK_SET);
	CHECK(lseek(half, 0, SEEK_CUR) == 0);
	CHECK(fcntl(half, F_GETFD) == FD_CLOEXEC);
	CHECK(fcntl(same, F_GETFD) == 0);
	write(append, "b\n", 2);
	fstat(append, &st);
	printf("append %ld\n", (long)st.st_size);
	CHECK((fcntl(append, F_GETFL) & (O_ACCMODE | O_APPEND)) ==
	      (O_WRONLY | O_APPEND));
	CHECK(!fstatat(dir, "log", &st, 0));
	CHECK(write(null, "x", 1) == 1);
	CHECK(epoll_wait(ep, &ev, 1, 0) == 1 && ev.data.u64 == 0xabcdef01);
	CHECK(has(pipes[0], "in pipe"));
	CHECK(read(pipes[0], buf, 1) < 0 && errno == EAGAIN);
	write(pipes[1], "new", 3);
	CHECK(has(pipes[0], "new"));
	CHECK(has(drained[0], "last"));
	CHECK(read(drained[0], buf, 1) == 0);
	write(fifo, "fo", 2);
	CHECK(has(fifo_in, "fifo"));
	CHECK(read(fifo_in, buf, 1) < 0 && errno == EAGAIN);
	write(fifo, "again", 5);
	CHECK(has(fifo, "again"));
	CHECK(read(event, &n, 8) == 8 && n == 8);
	CHECK(epoll_wait(ep, &ev, 1, 5000) == 1 && ev.data.u64 == 7);
	CHECK(read(timer, &n, 8) == 8 && n == 1);
	raise(SIGUSR1);
	CHECK(read(sig, buf, sizeof(buf)) == sizeof(struct signalfd_siginfo));
	CHECK(has(gone, "less"));
	fstat(gone, &st);
	CHECK(st.st_size == 8);
	CHECK(lseek(mem, 0, SEEK_CUR) == 6);
	CHECK(pread(mem, buf, 6, 0) == 6 && !memcmp(buf, "memory", 6));
	CHECK(fcntl(mem, F_GET_SEALS) == F_SEAL_GROW);
	close(high);
	CHECK(open("log", O_RDONLY) >= 0);
	half = opened("log", O_RDONLY);
	CHECK(flock(half, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK);
	CHECK(getcwd(cwd, sizeof(cwd)) && !strcmp(cwd, name));
	CHECK(umask(0) == 0027);
	CHECK(!getrlimit(RLIMIT_NOFILE, &limit) && limit.rlim_cur == 333);
	return test_end();
}
