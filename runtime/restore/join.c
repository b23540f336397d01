/* SPDX-License-Identifier: BSD-3-Clause */
/* join.c - meet this node's agent, or start it */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/control.h"
#include "runtime/base/fmt.h"
#include "runtime/base/node.h"
#include "runtime/base/where.h"
#include "runtime/restore/rank.h"

#define AGENT_PATH ((int)sizeof(((struct sockaddr_un *)0)->sun_path))

static int message_fd(struct msghdr *mh)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(mh);
	int fd;

	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
		return -1;
	memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	return fd;
}

int message_receive(int sock, struct control_msg *msg, int *fd, struct err *err)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} room;
	struct iovec iov = { .iov_base = msg, .iov_len = sizeof(*msg) };
	struct msghdr mh = { .msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &room,
			     .msg_controllen = sizeof(room) };
	ssize_t n;

	memset(msg, 0, sizeof(*msg));
	do
		n = recvmsg(sock, &mh, 0);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return err_set(err, -ECONNRESET,
			       "this node's agent ended before it answered "
			       "(%s); see its message above",
			       n ? fmt_error(errno) : "end of connection");
	*fd = message_fd(&mh);
	if (n < (ssize_t)offsetof(struct control_msg, text))
		return err_set(err, -EPROTO,
			       "this node's agent sent %zd bytes instead of a "
			       "message; are all of Cairn's parts of one "
			       "version?",
			       n);
	if (msg->type == CONTROL_DENIED)
		return err_set(err, -ECONNREFUSED, "%.*s",
			       (int)sizeof(msg->text) - 1, msg->text);
	return 0;
}

static int try_connect(const char *path, int *fd)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (sock < 0)
		return -errno;
	strcpy(address.sun_path, path);
	if (connect(sock, (struct sockaddr *)&address, sizeof(address))) {
		int rc = -errno;

		close(sock);
		return rc;
	}
	*fd = sock;
	return 0;
}

/* cairnd makes itself a daemon: the process that we start exits with 0 when the
 * daemon listens (runtime/agent/protocol.md). */
static int start_agent(struct err *err)
{
	char path[PATH_MAX];
	int status = 0;
	pid_t pid;
	int rc = where_find("cairnd", path, sizeof(path), err);

	if (rc)
		return rc;
	pid = fork();
	if (pid < 0)
		return err_set(err, -errno, "cannot start the agent: %s",
			       fmt_error(errno));
	if (!pid) {
		execl(path, "cairnd", (char *)NULL);
		_exit(127);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return 0;
	return err_set(err, -ECHILD,
		       "this node's agent (%s) did not start (status 0x%x); "
		       "see its message above",
		       path, (unsigned int)status);
}

/* Only one rank of a node starts the agent: the others wait for the lock. */
static int lock(const char *path, int *fd, struct err *err)
{
	char name[AGENT_PATH + 8];
	int rc;

	fmt_print(name, sizeof(name), "%s.lock", path);
	*fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (*fd < 0)
		return err_set(err, -errno, "cannot open %s: %s", name,
			       fmt_error(errno));
	do
		rc = flock(*fd, LOCK_EX);
	while (rc && errno == EINTR);
	return 0;
}

/* Is it still there, by this name? */
static bool is_at(int fd, const char *path)
{
	struct stat there, st;

	return !fstat(fd, &st) && !lstat(path, &there) &&
	       st.st_ino == there.st_ino && st.st_dev == there.st_dev;
}

/* The agent's folder, made if need be and locked until the agent has locked it
 * itself: any cairnrun removes such folders that nobody has locked. */
static int open_folder(const char *dir)
{
	for (;;) {
		int fd;

		if (mkdir(dir, 0700) && errno != EEXIST)
			return -errno;
		fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0 && errno != ENOENT)
			return -errno;
		if (fd < 0)
			continue;
		flock(fd, LOCK_SH);
		if (is_at(fd, dir))
			return fd;
		close(fd);
	}
}

/*
 * The socket of this node's agent: $CAIRN_AGENT with the node's id behind it,
 * because nodes may share $TMPDIR.  cairnrun's $TMPDIR need not exist here:
 * then the folder of that name lies in /tmp.  The agent that we start is told.
 */
static int find_place(char path[AGENT_PATH], int *folder, struct err *err)
{
	const char *asked = getenv("CAIRN_AGENT");
	const char *slash = strrchr(asked, '/'), *name = slash;
	char id[NODE_ID], dir[AGENT_PATH];
	int n;

	while (name && name > asked && name[-1] != '/')
		name--;
	if (!slash || name == asked)
		return err_set(err, -EINVAL,
			       "CAIRN_AGENT is \"%s\"; it must be a socket's "
			       "path in a folder of its own",
			       asked);
	node_id(id);
	fmt_print(dir, sizeof(dir), "%.*s", (int)(slash - asked), asked);
	*folder = open_folder(dir);
	if (*folder == -ENOENT) {
		fmt_print(dir, sizeof(dir), "/tmp/%.*s", (int)(slash - name),
			  name);
		*folder = open_folder(dir);
	}
	if (*folder < 0)
		return err_set(err, *folder, "cannot make the folder %s: %s",
			       dir, fmt_error(*folder));
	n = fmt_print(path, AGENT_PATH, "%s%s-%s", dir, slash, id);
	if (n >= AGENT_PATH)
		return err_set(err, -ENAMETOOLONG,
			       "%s: too long for a socket; set TMPDIR to a "
			       "shorter path",
			       asked);
	setenv("CAIRN_AGENT", path, 1);
	return 0;
}

static int connect_agent(const char *path, int *fd, struct err *err)
{
	int lock_fd;
	int rc;

	if (!try_connect(path, fd))
		return 0;
	rc = lock(path, &lock_fd, err);
	if (rc)
		return rc;
	rc = try_connect(path, fd);
	if (rc) {
		rc = start_agent(err);
		if (!rc && (rc = try_connect(path, fd)))
			err_set(err, rc,
				"cannot connect to this node's agent at %s: "
				"%s",
				path, fmt_error(rc));
	}
	close(lock_fd);
	return rc;
}

static int greet(int sock, const struct rank_place *place, int *control_fd,
		 struct err *err)
{
	const char *secret = getenv("CAIRN_SECRET");
	struct control_msg msg = {
		.type = CONTROL_HELLO,
		.peer = (int32_t)place->rank,
		.gid = place->size,
		.epoch = HELLO_LOCAL(place->local_rank, place->local_size),
		.value = (uint64_t)getpid(),
	};
	int rc;

	msg.text_len = (uint32_t)fmt_print(msg.text, sizeof(msg.text), "%s",
					   secret ? secret : "");
	if (send(sock, &msg, sizeof(msg), MSG_NOSIGNAL) < 0)
		return err_set(err, -errno,
			       "cannot greet this node's agent: %s",
			       fmt_error(errno));
	rc = message_receive(sock, &msg, control_fd, err);
	if (rc)
		return rc;
	if (msg.type != CONTROL_WELCOME || *control_fd < 0)
		return err_set(err, -EPROTO,
			       "this node's agent answered with message %u "
			       "instead of a welcome; are all of Cairn's parts "
			       "of one version?",
			       msg.type);
	return 0;
}

int rank_join(const struct rank_place *place, int *agent_fd, int *control_fd,
	      struct err *err)
{
	char path[AGENT_PATH];
	int folder = -1;
	int rc = find_place(path, &folder, err);

	if (!rc)
		rc = connect_agent(path, agent_fd, err);
	if (folder >= 0)
		close(folder);
	if (!rc)
		rc = greet(*agent_fd, place, control_fd, err);
	if (!rc)
		rc = rank_fd_up(agent_fd, err);
	if (!rc)
		rc = rank_fd_up(control_fd, err);
	return rc;
}
