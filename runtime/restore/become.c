/* SPDX-License-Identifier: BSD-3-Clause */
/* become.c - get this rank's sheet from the agent and become the restorer */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/base/control.h"
#include "runtime/base/fmt.h"
#include "runtime/base/where.h"
#include "runtime/restore/rank.h"

/* The rank had ended when the epoch was taken: this process is its stand-in,
 * for the launcher, which counts ranks and collects their codes.  If MPI was
 * used all others are past MPI_Finalize, too, and wait for nobody. */
static void end_again(const struct control_msg *ended)
{
	_exit((int)ended->value);
}

static int ask_for_sheet(int agent_fd, struct control_msg *msg, int *sheet_fd,
			 struct err *err)
{
	int rc;

	*msg = (struct control_msg){ .type = CONTROL_RESTORE,
				     .value = (uint64_t)getpid() };
	if (send(agent_fd, msg, sizeof(*msg), MSG_NOSIGNAL) < 0)
		return err_set(err, -errno,
			       "cannot ask this node's agent for the "
			       "checkpoint: %s",
			       fmt_error(errno));
	rc = message_receive(agent_fd, msg, sheet_fd, err);
	if (rc)
		return rc;
	if (msg->type == CONTROL_ENDED)
		end_again(msg);
	if (msg->type != CONTROL_SHEET || *sheet_fd < 0)
		return err_set(err, -EPROTO,
			       "this node's agent answered with message %u "
			       "instead of the sheet; are all of Cairn's parts "
			       "of one version?",
			       msg->type);
	return 0;
}

static bool is_secret(const char *variable)
{
	return !strncmp(variable, "CAIRN_SECRET=", 13) ||
	       !strncmp(variable, "CAIRN_COORDINATOR=", 18);
}

/* This launch's environment, for the new lower half: the program's own comes
 * back with its memory. */
static int write_environment(int *fd, struct err *err)
{
	*fd = memfd_create("cairn-environment", 0);
	if (*fd < 0)
		return err_set(err, -errno, "cannot make a memory file: %s",
			       fmt_error(errno));
	for (char **e = environ; *e; e++) {
		size_t len = strlen(*e) + 1;

		if (is_secret(*e))
			continue;
		if (write(*fd, *e, len) != (ssize_t)len)
			return err_set(err, -EIO,
				       "cannot write the environment into a "
				       "memory file: %s",
				       fmt_error(errno));
	}
	return 0;
}

static int exec_restorer(const int fds[4], const struct control_msg *msg,
			 struct err *err)
{
	char text[7][24];
	char path[PATH_MAX];
	char *argv[9] = { "cairn-restore" };
	char *envp[] = { NULL };
	struct rank_place place;
	int rc = where_find("cairn-restore", path, sizeof(path), err);

	if (rc)
		return rc;
	rank_place_get(&place);
	for (size_t i = 0; i < 7; i++) {
		const long values[] = { fds[0],	   fds[1],     fds[2],
					fds[3],	   msg->epoch, (long)msg->value,
					place.rank };

		fmt_print(text[i], sizeof(text[i]), "%ld", values[i]);
		argv[i + 1] = text[i];
	}
	/* With a fixed layout new mappings come to lie at the very top, where
	 * the saved program, placed at random, rarely has one: its stack keeps
	 * room to grow. */
	personality(ADDR_NO_RANDOMIZE);
	execve(path, argv, envp);
	return err_set(err, -errno, "cannot run %s: %s", path,
		       fmt_error(errno));
}

int rank_restore(int agent_fd, int control_fd, struct err *err)
{
	int fds[4] = { agent_fd, control_fd, -1, -1 };
	struct control_msg msg;
	int rc = ask_for_sheet(agent_fd, &msg, &fds[2], err);

	if (!rc)
		rc = rank_fd_up(&fds[2], err);
	if (!rc)
		rc = write_environment(&fds[3], err);
	if (!rc)
		rc = rank_fd_up(&fds[3], err);
	return rc ? rc : exec_restorer(fds, &msg, err);
}
