/* SPDX-License-Identifier: BSD-3-Clause */
/* mini_agent.c - capture one process, and bring it back, without the real agent
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/control.h"
#include "runtime/base/node.h"
#include "runtime/base/sheet_flags.h"

/*
 * usage: mini_agent [--stop] [--killed] [--term] [--quick] [--refused WORDS]
 *                   CAIRN_RANK DIR PROGRAM [ARGUMENTS]
 *
 * Runs PROGRAM under cairn-rank.  When it prints the line "ready" it is driven
 * through an epoch and its memory is written to DIR/image; then DIR/gate is
 * made, for which the program waits.  With --killed it is killed instead (so
 * that nothing of what it does afterwards is there at the restart); with --term
 * it is sent TERM before, while it is held.  Then it is
 * restored twice from the image, with the gate made at once.  What each life
 * prints after "ready", and its exit code (0), must be the same; TAP on
 * standard output.  With --quick the rank must not have waited for its own
 * smaps.  With --refused the capture must be refused with a sentence
 * that has these words, and the program must run on to its end.
 *
 * It knows one rank, plays the coordinator too, and keeps the image in a format
 * of its own: address, length, bytes.
 */

#define EPOCH	 7
#define OUTPUT	 65536
#define FDS_MAX	 8
#define WAIT_MS	 20000
#define CHECK_MS 50

static const char *rank_program, *dir;
static char asked_path[80], socket_path[100], gate_path[400], image_path[400];
static char **program;
static bool stop_mode, killed_mode, term_mode, quick_mode;
static const char *refused_words;

/* One life of the program. */
struct life {
	pid_t pid;
	int sock, page_fd, out;
	struct control_page *page;
	const struct sheet *sheet; /* that it is restored by */
	char text[OUTPUT];	   /* what it printed so far */
	size_t len;
};

struct message {
	struct control_msg msg;
	int fds[FDS_MAX];
	size_t nfds;
};

/* The process that lives now, which must not be left behind. */
static pid_t living;

static void fail(const char *what)
{
	printf("Bail out! %s (%s)\n", what, strerror(errno));
	if (living > 0)
		kill(living, SIGKILL);
	exit(1);
}

static int listen_here(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	strcpy(a.sun_path, socket_path);
	unlink(socket_path);
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, 4))
		fail("cannot listen");
	return fd;
}

static void message_send(int sock, const struct control_msg *msg, int fd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} room = { .bytes = { 0 } };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)msg,
			     .iov_len = sizeof(*msg) };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (fd >= 0) {
		mh.msg_control = &room;
		mh.msg_controllen = sizeof(room);
		room.align.cmsg_level = SOL_SOCKET;
		room.align.cmsg_type = SCM_RIGHTS;
		room.align.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&room.align), &fd, sizeof(fd));
	}
	if (sendmsg(sock, &mh, MSG_NOSIGNAL) < 0)
		fail("cannot send to the rank");
}

static bool message_take(int sock, struct message *m)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(FDS_MAX * sizeof(int))];
	} room;
	struct iovec iov = { .iov_base = &m->msg, .iov_len = sizeof(m->msg) };
	struct msghdr mh = { .msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &room,
			     .msg_controllen = sizeof(room) };
	struct cmsghdr *c;

	memset(m, 0, sizeof(*m));
	if (recvmsg(sock, &mh, MSG_CMSG_CLOEXEC) <= 0)
		return false;
	c = CMSG_FIRSTHDR(&mh);
	if (c) {
		m->nfds = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(m->fds, CMSG_DATA(c), m->nfds * sizeof(int));
	}
	return true;
}

static void take_output(struct life *l)
{
	ssize_t n = read(l->out, l->text + l->len, OUTPUT - 1 - l->len);

	if (n > 0)
		l->len += (size_t)n;
	l->text[l->len] = '\0';
	if (n <= 0) {
		close(l->out);
		l->out = -1;
	}
}

/* The restorer wants shared memory, as large as the sheet says. */
static void give_object(const struct life *l, const struct control_msg *asked)
{
	const struct region *r = (const void *)((const char *)l->sheet +
						l->sheet->regions);
	const struct region *end = r + l->sheet->nregions;
	const struct control_msg msg = { .type = CONTROL_OBJECT,
					 .epoch = EPOCH };
	int fd = memfd_create("object", MFD_CLOEXEC);

	while (r < end && (r->kind != REGION_SHM || r->dev != asked->gid ||
			   r->ino != asked->value))
		r++;
	if (r == end || ftruncate(fd, (off_t)r->object_len))
		fail("cannot make the shared memory that was asked for");
	message_send(l->sock, &msg, fd);
	close(fd);
}

/* Waits for a message of this type; output is taken meanwhile.  The signal is
 * repeated as control.h says. */
static void wait_message(struct life *l, uint32_t type, struct message *m)
{
	for (int waited = 0; waited < WAIT_MS;) {
		struct pollfd p[2] = { { .fd = l->sock, .events = POLLIN },
				       { .fd = l->out, .events = POLLIN } };

		if (!poll(p, 2, CHECK_MS)) {
			waited += CHECK_MS;
			if (l->page->agent.cmd != CMD_RUN &&
			    l->page->rank.leader_tid)
				syscall(SYS_tgkill, l->pid,
					l->page->rank.leader_tid,
					CONTROL_SIGNAL);
			continue;
		}
		if (p[1].revents)
			take_output(l);
		if (!p[0].revents)
			continue;
		if (!message_take(l->sock, m)) {
			printf("# output so far: %s\n", l->text);
			fail("the rank ended");
		}
		if (m->msg.type == CONTROL_REFUSED)
			printf("# refused: %.*s\n", (int)m->msg.text_len,
			       m->msg.text);
		if (m->msg.type == CONTROL_OBJECT)
			give_object(l, &m->msg);
		if (m->msg.type == type)
			return;
	}
	printf("# waited for message %u\n", type);
	fail("no answer from the rank");
}

static void command(struct life *l, enum control_cmd cmd)
{
	l->page->agent.epoch = EPOCH;
	l->page->agent.targets_epoch = EPOCH;
	l->page->agent.cmd = cmd;
	l->page->agent.seq++;
	syscall(SYS_futex, &l->page->agent.seq, FUTEX_WAKE, 64, 0, 0, 0);
	if (l->page->rank.leader_tid)
		syscall(SYS_tgkill, l->pid, l->page->rank.leader_tid,
			CONTROL_SIGNAL);
}

static void exec_rank(bool restart, int out)
{
	char *args[64] = { (char *)(uintptr_t)rank_program };
	size_t n = 1;

	dup2(out, 1);
	setenv("CAIRN_AGENT", asked_path, 1);
	setenv("CAIRN_SECRET", "mini", 1);
	if (restart) {
		args[n++] = (char *)(uintptr_t) "--restart";
	} else {
		for (char **p = program; *p && n < 63; p++)
			args[n++] = *p;
	}
	execv(rank_program, args);
	fail("cannot exec cairn-rank");
}

static void make_page(struct life *l)
{
	l->page_fd = memfd_create("page", MFD_CLOEXEC);
	if (ftruncate(l->page_fd, sizeof(struct control_page)))
		fail("ftruncate");
	l->page = mmap(NULL, sizeof(struct control_page),
		       PROT_READ | PROT_WRITE, MAP_SHARED, l->page_fd, 0);
	l->page->magic = CONTROL_MAGIC;
	l->page->agent.flags = AGENT_ALL_BACK; /* it is alone */
	l->page->version = CONTROL_VERSION;
	l->page->world_size = l->page->local_size = 1;
	l->page->agent.capture_stop = stop_mode;
}

static void life_begin(struct life *l, bool restart)
{
	struct control_msg welcome = { .type = CONTROL_WELCOME };
	struct message m;
	int listener = listen_here();
	int ends[2];

	memset(l, 0, sizeof(*l));
	make_page(l);
	if (pipe2(ends, O_CLOEXEC))
		fail("pipe");
	l->out = ends[0];
	l->pid = fork();
	if (!l->pid)
		exec_rank(restart, ends[1]);
	living = l->pid;
	close(ends[1]);
	/* a rank that cannot start never connects */
	struct pollfd p = { .fd = listener, .events = POLLIN };
	if (poll(&p, 1, WAIT_MS) != 1)
		fail("cairn-rank did not connect");
	l->sock = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	close(listener);
	wait_message(l, CONTROL_HELLO, &m);
	message_send(l->sock, &welcome, l->page_fd);
}

static int life_end(struct life *l)
{
	int status = -1;

	while (l->out >= 0)
		take_output(l);
	waitpid(l->pid, &status, 0);
	living = 0;
	close(l->sock);
	close(l->page_fd);
	munmap(l->page, sizeof(*l->page));
	return status;
}

/* --- the image -------------------------------------------------------------
 */

static bool is_zero(const char *p, size_t len)
{
	return !*p && !memcmp(p, p + 1, len - 1);
}

static void save_region(FILE *image, int mem, const struct region *r)
{
	static char buf[4096];

	for (uint64_t at = r->start; at < r->start + r->len; at += 4096) {
		uint64_t head[2] = { at, 4096 };

		if (pread(mem, buf, 4096, (off_t)at) != 4096) {
			printf("# cannot read page 0x%lx: %s\n",
			       (unsigned long)at, strerror(errno));
			continue;
		}
		if (is_zero(buf, 4096))
			continue;
		fwrite(head, sizeof(head), 1, image);
		fwrite(buf, 4096, 1, image);
	}
}

/* The rank had no time for its smaps: the twin's tells the same. */
static void add_flags(struct sheet *sheet, int smaps)
{
	static struct sheet_flags_room room;
	struct err err;

	if (sheet_flags_add(sheet, dup(smaps), FLAGS_OF_TWIN, &room, &err)) {
		printf("# %s\n", err.text);
		fail("no flags");
	}
}

static void save(struct message *m)
{
	FILE *image = fopen(image_path, "w");
	struct stat st;
	struct sheet *sheet;
	const struct region *r;
	uint64_t len;
	bool flags_later = m->nfds >= 4 && m->nfds % 2;
	int mem = m->fds[1],
	    rank_mem = m->nfds >= 6 ? m->fds[m->nfds - 2] : mem;

	fstat(m->fds[0], &st);
	sheet = malloc((size_t)st.st_size);
	if (pread(m->fds[0], sheet, (size_t)st.st_size, 0) != st.st_size)
		fail("cannot read the sheet");
	if (quick_mode && !flags_later)
		fail("the rank has read its own smaps");
	if (flags_later)
		add_flags(sheet, m->fds[4]);
	len = (uint64_t)st.st_size;
	fwrite(&len, sizeof(len), 1, image);
	fwrite(sheet, len, 1, image);
	r = (const struct region *)((char *)sheet + sheet->regions);
	for (uint32_t i = 0; i < sheet->nregions; i++)
		if (r[i].flags & REGION_SAVE)
			save_region(image,
				    r[i].flags & REGION_FROM_RANK ? rank_mem :
								    mem,
				    &r[i]);
	if (fclose(image))
		fail("cannot write the image");
	free(sheet);
	for (size_t i = 0; i < m->nfds; i++)
		close(m->fds[i]);
}

/* A memory file for the restorer; *sheet stays ours. */
static int load_sheet(FILE *image, const struct sheet **sheet)
{
	uint64_t len;
	int fd = memfd_create("sheet", MFD_CLOEXEC);
	char *p;

	if (fread(&len, sizeof(len), 1, image) != 1)
		fail("image");
	p = malloc(len);
	if (fread(p, len, 1, image) != 1 || write(fd, p, len) != (ssize_t)len)
		fail("image");
	*sheet = (const void *)p;
	return fd;
}

static void load_pages(FILE *image, int mem)
{
	uint64_t head[2];
	char page[4096];

	while (fread(head, sizeof(head), 1, image) == 1) {
		if (fread(page, head[1], 1, image) != 1)
			fail("image");
		if (pwrite(mem, page, head[1], (off_t)head[0]) !=
		    (ssize_t)head[1]) {
			printf("# address 0x%lx\n", (unsigned long)head[0]);
			fail("cannot write the memory of the restored process");
		}
	}
}

/* --- the story
 * ---------------------------------------------------------------- */

static void gate(bool open)
{
	if (open)
		close(creat(gate_path, 0600));
	else
		unlink(gate_path);
}

/* Is this line in the text?  What follows it, or NULL. */
static char *after(char *text, const char *line)
{
	char *hit = strstr(text, line);

	return hit ? strchr(hit, '\n') : NULL;
}

static void wait_line(struct life *l, const char *line)
{
	while (!after(l->text, line)) {
		if (l->out < 0) {
			printf("# output: %s\n", l->text);
			fail("the program ended before it was ready");
		}
		take_output(l);
	}
}

/* The rank says no, and goes on as if nothing had been. */
static bool drive_refusal(struct life *l)
{
	struct message m;
	bool good;

	wait_message(l, CONTROL_REFUSED, &m);
	good = strstr(m.msg.text, refused_words) != NULL;
	if (!good)
		printf("# wanted: %s\n", refused_words);
	command(l, CMD_ABORT);
	wait_message(l, CONTROL_RESUMED, &m);
	command(l, CMD_RUN);
	return good;
}

static bool drive_epoch(struct life *l)
{
	struct message m;

	command(l, CMD_FRONTIER);
	wait_message(l, CONTROL_HELD, &m);
	if (term_mode)
		kill(l->pid, SIGTERM);
	command(l, CMD_DRAIN);
	wait_message(l, CONTROL_QUIET, &m);
	command(l, CMD_CAPTURE);
	if (refused_words)
		return drive_refusal(l);
	wait_message(l, CONTROL_CAPTURED, &m);
	save(&m);
	if (killed_mode)
		kill(l->pid, SIGKILL);
	command(l, CMD_RELEASE);
	if (!killed_mode) {
		wait_message(l, CONTROL_RESUMED, &m);
		command(l, CMD_RUN);
	}
	return true;
}

static bool first_life(char *expected)
{
	static struct life l;
	struct message m;
	int status;
	bool good;

	gate(false);
	life_begin(&l, false);
	wait_message(&l, CONTROL_READY, &m);
	wait_line(&l, "ready");
	good = drive_epoch(&l);
	gate(true);
	status = life_end(&l);
	strcpy(expected, after(l.text, "ready"));
	if (!killed_mode && status)
		printf("# status 0x%x, output: %s\n", (unsigned int)status,
		       l.text);
	return good && (killed_mode || !status);
}

static bool next_life(char *expected, bool compare)
{
	static struct life l;
	struct control_msg msg = { .type = CONTROL_SHEET,
				   .epoch = EPOCH,
				   .value = 1 };
	FILE *image = fopen(image_path, "r");
	struct message m;
	int status, sheet_fd;

	life_begin(&l, true);
	wait_message(&l, CONTROL_RESTORE, &m);
	sheet_fd = load_sheet(image, &l.sheet);
	message_send(l.sock, &msg, sheet_fd);
	wait_message(&l, CONTROL_MAPPED, &m);
	load_pages(image, m.fds[0]);
	fclose(image);
	close(m.fds[0]);
	msg.type = CONTROL_GO;
	message_send(l.sock, &msg, -1);
	status = life_end(&l);
	if (!compare)
		memcpy(stpcpy(expected, "\n"), l.text, OUTPUT - 1);
	if (!status && !strcmp(expected + 1, l.text))
		return true;
	printf("# status 0x%x\n# expected: %s\n# got: %s\n",
	       (unsigned int)status, expected + 1, l.text);
	return false;
}

int main(int argc, char **argv)
{
	static char expected[OUTPUT];
	char id[NODE_ID];
	int arg = 1;

	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);
	for (; arg < argc && argv[arg][0] == '-'; arg++) {
		stop_mode |= !strcmp(argv[arg], "--stop");
		term_mode |= !strcmp(argv[arg], "--term");
		killed_mode |= term_mode || !strcmp(argv[arg], "--killed");
		quick_mode |= !strcmp(argv[arg], "--quick");
		if (!strcmp(argv[arg], "--refused") && argv[arg + 1])
			refused_words = argv[++arg];
	}
	if (argc - arg < 3) {
		fprintf(stderr,
			"usage: mini_agent [--stop] [--killed] [--term] "
			"[--quick] [--refused WORDS] CAIRN_RANK DIR PROGRAM "
			"[ARGUMENTS]\n");
		return 2;
	}
	rank_program = argv[arg];
	dir = argv[arg + 1];
	program = argv + arg + 2;
	snprintf(asked_path, sizeof(asked_path), "%s/agent", dir);
	/* cairn-rank puts its node's id behind what it was told */
	node_id(id);
	snprintf(socket_path, sizeof(socket_path), "%s-%s", asked_path, id);
	snprintf(gate_path, sizeof(gate_path), "%s/gate", dir);
	snprintf(image_path, sizeof(image_path), "%s/image", dir);
	setenv("GATE", gate_path, 1);
	if (refused_words) {
		printf("1..1\n%sok 1 - it is refused, and runs on\n",
		       first_life(expected) ? "" : "not ");
		return 0;
	}
	printf("1..3\n");
	printf("%sok 1 - it runs on after the capture\n",
	       first_life(expected) ? "" : "not ");
	printf("%sok 2 - it comes back\n",
	       next_life(expected, !killed_mode) ? "" : "not ");
	printf("%sok 3 - it comes back from the same image again\n",
	       next_life(expected, true) ? "" : "not ");
	return 0;
}
