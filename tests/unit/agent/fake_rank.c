/* SPDX-License-Identifier: BSD-3-Clause */
/* fake_rank.c - a process that speaks control.h as a rank would */
#include "tests/unit/agent/fake_rank.h"

#include "runtime/base/control.h"
#include "runtime/base/sheet.h"
#include "runtime/base/sys.h"
#include "tests/lib/make_sheet.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096ul
#define LEN  (FAKE_PAGES * PAGE)

/* File-scope: the signal handler's, and the process is ours alone. */
static int sock;
static struct control_page *page;
static volatile sig_atomic_t prods;

static void prod_handler(int sig)
{
	(void)sig;
	prods++;
}

static void term_handler(int sig)
{
	struct control_msg msg = { .type = CONTROL_EXITING,
				   .value = FAKE_FINE };

	(void)sig;
	send(sock, &msg, sizeof(msg), MSG_NOSIGNAL);
	_exit(FAKE_FINE);
}

/* --- memory
 * --------------------------------------------------------------------- */

/* Every fourth page is never touched, every fourth one is zero. */
static void pattern(uint64_t *words, unsigned int seed, unsigned int p)
{
	uint64_t x = seed * 1000003ull + p + 1;

	for (size_t i = 0; i < PAGE / 8; i++) {
		x = x * 6364136223846793005ull + 1442695040888963407ull;
		words[i] = p % 4 == 1 ? 0 : x;
	}
}

static void memory_map(void)
{
	if (mmap((void *)FAKE_BASE, LEN, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1,
		 0) != (void *)FAKE_BASE)
		_exit(FAKE_BROKEN);
}

static void memory_write(unsigned int seed)
{
	for (unsigned int p = 0; p < FAKE_PAGES; p++)
		if (p % 4)
			pattern((uint64_t *)(FAKE_BASE + p * PAGE), seed, p);
}

static bool memory_is(unsigned int seed)
{
	uint64_t words[PAGE / 8];

	for (unsigned int p = 0; p < FAKE_PAGES; p++) {
		if (p % 4)
			pattern(words, seed, p);
		else
			memset(words, 0, sizeof(words));
		if (memcmp(words, (void *)(FAKE_BASE + p * PAGE), PAGE)) {
			fprintf(stderr, "# page %u differs\n", p);
			return false;
		}
	}
	return true;
}

/* --- messages
 * -------------------------------------------------------------------- */

static void say_fds(const struct control_msg *msg, const int *fds, size_t n)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(8 * sizeof(int))];
	} control = { 0 };
	struct iovec iov = { (void *)msg, sizeof(*msg) };
	struct msghdr header = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (n) {
		header.msg_control = &control;
		header.msg_controllen = CMSG_SPACE(n * sizeof(int));
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(&control.align), fds, n * sizeof(int));
	}
	if (sendmsg(sock, &header, MSG_NOSIGNAL) < 0)
		_exit(FAKE_DROPPED);
}

static void say(enum control_type type, uint32_t epoch, uint64_t value)
{
	struct control_msg msg = { .type = type,
				   .epoch = epoch,
				   .value = value };

	say_fds(&msg, NULL, 0);
}

static void hear(struct control_msg *msg, int *fd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = { msg, sizeof(*msg) };
	struct msghdr header = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};

	memset(&control, 0, sizeof(control));
	*fd = -1;
	if (recvmsg(sock, &header, 0) <= 0)
		_exit(FAKE_DROPPED);
	if (CMSG_FIRSTHDR(&header))
		memcpy(fd, CMSG_DATA(CMSG_FIRSTHDR(&header)), sizeof(*fd));
	if (msg->type == CONTROL_DENIED) {
		fprintf(stderr, "# denied: %s\n", msg->text);
		_exit(FAKE_DENIED);
	}
}

static void greet(const struct fake_rank *how)
{
	struct control_msg msg = {
		.type = CONTROL_HELLO,
		.peer = (int32_t)how->rank,
		.gid = how->size,
		.epoch = HELLO_LOCAL(how->rank, how->size),
		.text_len = (uint32_t)strlen(how->secret),
	};
	int fd;

	if (how->half_hello) {
		if (send(sock, "hello", 5, MSG_NOSIGNAL) != 5)
			_exit(FAKE_DROPPED);
	} else {
		strcpy(msg.text, how->secret);
		say_fds(&msg, NULL, 0);
	}
	hear(&msg, &fd);
	page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		    0);
	if (msg.type != CONTROL_WELCOME || page == MAP_FAILED ||
	    page->magic != CONTROL_MAGIC || page->world_rank != how->rank)
		_exit(FAKE_BROKEN);
}

/* --- being captured
 * ---------------------------------------------------------------- */

static int sheet_fd(void)
{
	struct region region = { .start = FAKE_BASE,
				 .len = LEN,
				 .flags = REGION_SAVE };
	size_t len;
	struct sheet *sheet = make_sheet(&region, 1, &len);
	int fd = memfd_create("sheet", MFD_CLOEXEC);

	if (fd < 0 || write(fd, sheet, len) != (ssize_t)len)
		_exit(FAKE_BROKEN);
	free(sheet);
	return fd;
}

static int proc_open(pid_t pid, const char *what)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, what);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		_exit(FAKE_BROKEN);
	return fd;
}

/* A twin ends when its life line does. */
static pid_t twin_make(int *lifeline)
{
	int pair[2];
	char byte;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		_exit(FAKE_BROKEN);
	pid = fork();
	if (!pid) {
		close(pair[0]);
		close(sock);
		while (read(pair[1], &byte, 1) > 0)
			;
		_exit(0);
	}
	close(pair[1]);
	*lifeline = pair[0];
	return pid;
}

static pid_t capture(uint32_t epoch, bool stop)
{
	struct control_msg msg = { .type = CONTROL_CAPTURED, .epoch = epoch };
	pid_t pid = getpid();
	int fds[4], n = 3;

	if (!stop) {
		pid = twin_make(&fds[3]);
		n = 4;
	}
	fds[0] = sheet_fd();
	fds[1] = proc_open(pid, "mem");
	fds[2] = proc_open(pid, "pagemap");
	msg.value = (uint64_t)pid;
	say_fds(&msg, fds, (size_t)n);
	while (n--)
		close(fds[n]);
	return stop ? 0 : pid;
}

/* --- epochs
 * ------------------------------------------------------------------------ */

static bool may_hold(uint32_t epoch)
{
	return page->agent.targets_epoch == epoch && !page->agent.owed &&
	       !page->agent.missing && !(page->agent.slice & 1) &&
	       page->slots[0].target <= slot_count(page->slots[0].word);
}

static void page_wait(uint32_t seq)
{
	struct timespec limit = { .tv_sec = 10 };

	sys_call(SYS_futex, &page->agent.seq, FUTEX_WAIT, seq, &limit, 0, 0);
}

/* Until the command is another one than FRONTIER. */
static void frontier(uint32_t epoch)
{
	bool held = false;
	uint32_t told = 0;

	for (;;) {
		uint32_t seq = page->agent.seq;

		if (page->agent.cmd != CMD_FRONTIER ||
		    page->agent.epoch != epoch)
			return;
		if (may_hold(epoch) && (!held || told != seq)) {
			held = true;
			told = seq;
			page->rank.state = STATE_HELD;
			say(CONTROL_HELD, epoch, seq);
		} else if (!may_hold(epoch) && held) {
			held = false;
			say(CONTROL_UNHELD, epoch, 0);
		}
		page_wait(seq);
	}
}

static void cmd_wait(uint32_t epoch, enum control_cmd from)
{
	for (;;) {
		uint32_t seq = page->agent.seq;

		if (page->agent.epoch != epoch || page->agent.cmd != from)
			return;
		page_wait(seq);
	}
}

/* One epoch; the memory is written over as soon as the rank may. */
static void epoch_run(const struct fake_rank *how, uint32_t epoch)
{
	pid_t twin = 0;

	if (how->refuse) {
		struct control_msg msg = { .type = CONTROL_REFUSED,
					   .epoch = epoch };

		msg.text_len = (uint32_t)sprintf(msg.text,
						 "rank %u has a window open",
						 how->rank);
		say_fds(&msg, NULL, 0);
	} else {
		say(CONTROL_PUBLISHED, epoch, 0);
	}
	frontier(epoch);
	if (page->agent.cmd == CMD_DRAIN) {
		if (how->die_quiet)
			_exit(FAKE_BROKEN);
		say(CONTROL_QUIET, epoch, 0);
		cmd_wait(epoch, CMD_DRAIN);
	}
	if (page->agent.cmd == CMD_CAPTURE) {
		twin = capture(epoch, page->agent.capture_stop);
		cmd_wait(epoch, CMD_CAPTURE);
	}
	memory_write(how->seed + epoch);
	say(CONTROL_RESUMED, epoch, 0);
	if (twin && waitpid(twin, NULL, 0) != twin)
		_exit(FAKE_BROKEN);
}

static void run(const struct fake_rank *how)
{
	struct sigaction prod = { .sa_handler = prod_handler,
				  .sa_flags = SA_RESTART };
	struct sigaction term = { .sa_handler = term_handler };
	uint32_t done = 0;

	sigaction(CONTROL_SIGNAL, &prod, NULL);
	sigaction(SIGTERM, &term, NULL);
	memory_map();
	memory_write(how->seed);
	page->slots[0].gid = 0xabc;
	page->slots[0].word = slot_word(5, 0);
	page->slots[0].members = how->size;
	page->rank.nslots = 1;
	page->rank.leader_tid = (uint32_t)getpid();
	page->rank.state = STATE_RUNNING;
	say(CONTROL_READY, 0, (uint64_t)getpid());
	for (;;) {
		uint32_t seq = page->agent.seq;

		if (page->agent.cmd == CMD_FRONTIER &&
		    page->agent.epoch != done) {
			done = page->agent.epoch;
			epoch_run(how, done);
		}
		page_wait(seq);
	}
}

/* --- being restored
 * ------------------------------------------------------------------ */

static void restore(const struct fake_rank *how)
{
	struct control_msg msg;
	struct sheet *sheet;
	int fd, mem;

	say(CONTROL_RESTORE, 0, (uint64_t)getpid());
	hear(&msg, &fd);
	sheet = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
	if (msg.type != CONTROL_SHEET || sheet == MAP_FAILED ||
	    sheet->magic != SHEET_MAGIC || sheet->nregions != 1)
		_exit(FAKE_BROKEN);
	memory_map();
	mem = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	msg = (struct control_msg){ .type = CONTROL_MAPPED };
	say_fds(&msg, &mem, 1);
	hear(&msg, &fd);
	if (msg.type != CONTROL_GO || !memory_is(how->seed))
		_exit(FAKE_BROKEN);
	_exit(FAKE_FINE);
}

pid_t fake_rank_start(const struct fake_rank *how)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	closefrom(3); /* the channel, too: it must be able to end */
	strcpy(name.sun_path, how->socket);
	sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (connect(sock, (struct sockaddr *)&name, sizeof(name)))
		_exit(FAKE_BROKEN);
	greet(how);
	if (how->restore)
		restore(how);
	run(how);
	_exit(FAKE_BROKEN);
}
