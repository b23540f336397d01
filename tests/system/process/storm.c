/* SPDX-License-Identifier: BSD-3-Clause */
/* storm.c - play the agent to one program: many epochs that capture nothing */
#define _GNU_SOURCE
#include "runtime/base/control.h"

#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/*
 * storm [-i MS] [-n EPOCHS] [-r] LIBCAIRN PROGRAM [ARGS]
 *
 * Runs PROGRAM as rank 0 of 1 with an epoch every MS milliseconds: FRONTIER,
 * then DRAIN, then ABORT (every third one is aborted while held, every fifth
 * while threads still gather).  Gives PROGRAM's exit code; 99 if the rank did
 * not answer for 10 s, 98 if fewer than EPOCHS were completed, 97 if one was
 * refused (without -r).  One line of numbers goes to stderr.
 */
#define ANSWER_MS 10000

struct storm {
	struct control_page *page;
	int fd;
	pid_t pid;
	unsigned int epoch, quiet, refused;
	double longest_ms;
	bool exited;
};

static double now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static void command(struct storm *s, enum control_cmd cmd)
{
	struct control_page *p = s->page;

	atomic_store(&p->agent.epoch, s->epoch);
	atomic_store(&p->agent.targets_epoch, s->epoch);
	atomic_store(&p->agent.cmd, cmd);
	atomic_fetch_add(&p->agent.seq, 1);
	syscall(SYS_futex, &p->agent.seq, FUTEX_WAKE, 1 << 30, NULL, NULL, 0);
}

static void prod(struct storm *s)
{
	syscall(SYS_tgkill, atomic_load(&s->page->rank.pid),
		atomic_load(&s->page->rank.leader_tid), CONTROL_SIGNAL);
}

/* One message of this epoch (or READY); false at the end of the program. */
static bool receive(struct storm *s, struct control_msg *msg, int limit_ms)
{
	struct pollfd p = { .fd = s->fd, .events = POLLIN };
	ssize_t n;

	if (poll(&p, 1, limit_ms) <= 0) {
		msg->type = 0;
		return true;
	}
	n = recv(s->fd, msg, sizeof(*msg), MSG_DONTWAIT);
	if (n <= 0) {
		s->exited = true;
		return false;
	}
	if (getenv("STORM_VERBOSE"))
		fprintf(stderr, "storm: message %u epoch %u (at %u) %s\n",
			msg->type, msg->epoch, s->epoch,
			msg->text_len ? msg->text : "");
	if (msg->type == CONTROL_EXITING)
		s->exited = true;
	return !s->exited;
}

/* Wait for a message of this type; 1: it came, 0: refused, -1: the end. */
static int await(struct storm *s, uint32_t type)
{
	double limit = now_ms() + ANSWER_MS;
	struct control_msg msg;
	int wait_ms = 10;

	while (receive(s, &msg, wait_ms)) {
		if (msg.type == type &&
		    (msg.epoch == s->epoch || type == CONTROL_READY))
			return 1;
		if (msg.type == CONTROL_REFUSED && msg.epoch == s->epoch) {
			fprintf(stderr, "storm: refused: %s\n", msg.text);
			s->refused++;
			return 0;
		}
		if (!msg.type && type != CONTROL_READY) {
			prod(s); /* signals may be lost in one another */
			wait_ms = wait_ms < 100 ? wait_ms * 2 : 100;
		}
		if (now_ms() > limit) {
			fprintf(stderr,
				"storm: no answer %u in epoch %u; state %u\n",
				type, s->epoch,
				atomic_load(&s->page->rank.state));
			kill(s->pid, SIGABRT);
			exit(99);
		}
	}
	return -1;
}

static bool one_epoch(struct storm *s)
{
	double begin = now_ms(), took;
	int answer;

	s->epoch++;
	command(s, CMD_FRONTIER);
	prod(s);
	answer = await(s, CONTROL_PUBLISHED);
	if (answer > 0 && s->epoch % 5)
		answer = await(s, CONTROL_HELD);
	if (answer > 0 && s->epoch % 5 && s->epoch % 3) {
		command(s, CMD_DRAIN);
		answer = await(s, CONTROL_QUIET);
		s->quiet += answer > 0;
	}
	command(s, CMD_ABORT);
	prod(s);
	if (answer > 0)
		answer = await(s, CONTROL_RESUMED);
	took = now_ms() - begin;
	if (took > s->longest_ms)
		s->longest_ms = took;
	return answer >= 0;
}

static void run(struct storm *s, char **argv, int rank_fd, int page_fd)
{
	char number[16], preload[4096];

	snprintf(number, sizeof(number), "%d", rank_fd);
	setenv("CAIRN_AGENT_FD", number, 1);
	snprintf(number, sizeof(number), "%d", page_fd);
	setenv("CAIRN_CONTROL_FD", number, 1);
	snprintf(preload, sizeof(preload), "%s%s%s", argv[0],
		 getenv("STORM_PRELOAD") ? ":" : "",
		 getenv("STORM_PRELOAD") ? getenv("STORM_PRELOAD") : "");
	close(s->fd);
	setenv("LD_PRELOAD", preload, 1);
	execvp(argv[1], argv + 1);
	perror(argv[1]);
	_exit(127);
}

int main(int argc, char **argv)
{
	struct storm s = { 0 };
	unsigned int interval_ms = 20, least = 0;
	bool may_refuse = false;
	int opt, pair[2], page_fd, status;

	while ((opt = getopt(argc, argv, "+i:n:r")) != -1) {
		if (opt == 'i')
			interval_ms = (unsigned int)atoi(optarg);
		else if (opt == 'n')
			least = (unsigned int)atoi(optarg);
		else
			may_refuse = true;
	}
	if (argc - optind < 2)
		return 2;
	page_fd = memfd_create("page", 0);
	if (page_fd < 0 || ftruncate(page_fd, sizeof(*s.page)) ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair))
		return 2;
	s.page = mmap(NULL, sizeof(*s.page), PROT_READ | PROT_WRITE, MAP_SHARED,
		      page_fd, 0);
	s.page->magic = CONTROL_MAGIC;
	s.page->version = CONTROL_VERSION;
	s.page->world_size = s.page->local_size = 1;
	s.fd = pair[0];
	s.pid = fork();
	if (!s.pid)
		run(&s, argv + optind, pair[1], page_fd);
	close(pair[1]);
	if (await(&s, CONTROL_READY) > 0) {
		while (!s.exited && one_epoch(&s)) {
			struct control_msg msg;
			double until = now_ms() + interval_ms;

			while (now_ms() < until &&
			       receive(&s, &msg, (int)interval_ms))
				;
		}
	}
	command(&s, CMD_RUN);
	if (waitpid(s.pid, &status, 0) < 0)
		return 2;
	fprintf(stderr, "storm: %u epochs, %u quiet, longest %.1f ms\n",
		s.epoch, s.quiet, s.longest_ms);
	if (s.quiet < least)
		return 98;
	if (s.refused && !may_refuse)
		return 97;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
