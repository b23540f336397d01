/* SPDX-License-Identifier: BSD-3-Clause */
/* link.c - this process's page and socket: is it a rank, and of which agent? */
#define _GNU_SOURCE
#define LOG_PREFIX "link: "
#include "runtime/process/capture_private.h"
#include "runtime/process/private.h"

#include "runtime/base/fmt.h"
#include "runtime/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

/*
 * DESIGN
 *
 * cairn-rank execs the program with two inherited descriptors, named by
 * CAIRN_AGENT_FD and CAIRN_CONTROL_FD.  They are not close-on-exec and the
 * variables stay in the environment: `env`, `numactl` or a shell's exec pass
 * them on, and the process keeps its number.  The first process that comes up
 * writes its number into the page (rank.pid); a process with another number, a
 * child of the rank, sees that and stays an ordinary process.  Unless it calls
 * MPI_Init while the rank has not: then the rank so far was a wrapper
 * (`sh -c "./app; rm tmp"`) and the child takes its place (TRAPS, Process 16).
 */

/* The one link of this process: handlers need it. */
struct process_link process_link = { .agent_fd = -1, .control_fd = -1 };
/* Descriptors of a process that is not the rank, in case it becomes it. */
static int spare_agent_fd = -1, spare_control_fd = -1;

static int pid_here(void)
{
	return (int)sys_call(SYS_getpid);
}

static struct control_page *page_map(int fd, void *at, struct err *err)
{
	struct control_page *page;
	long p = sys_call(SYS_mmap, at, sizeof(*page), PROT_READ | PROT_WRITE,
			  MAP_SHARED | (at ? MAP_FIXED : 0), fd, 0);

	if (sys_is_error(p)) {
		err_set(err, (int)p, "cannot map the control page: %s",
			fmt_error((int)p));
		return NULL;
	}
	page = (void *)p;
	if (page->magic != CONTROL_MAGIC || page->version != CONTROL_VERSION) {
		sys_call(SYS_munmap, page, sizeof(*page));
		err_set(err, -EPROTO,
			"the control page is not of this version of Cairn; "
			"use one installation for all of a job");
		return NULL;
	}
	/* Neither the twin nor a child of the program has any use for it. */
	sys_call(SYS_madvise, page, sizeof(*page), MADV_DONTFORK);
	return page;
}

/* Ours across an exec: not close-on-exec. */
static int keep(int fd)
{
	fd = process_fd_reserve(fd);
	if (fd >= 0)
		sys_call(SYS_fcntl, fd, F_SETFD, 0);
	return fd;
}

int link_set(int agent_fd, int control_fd, struct err *err)
{
	struct control_page *old = process_link.page;
	struct control_page *page = page_map(control_fd, old, err);

	if (!page)
		return -EPROTO;
	/* After a restart the old numbers mean nothing any more. */
	fd_unreserve(process_link.agent_fd);
	fd_unreserve(process_link.control_fd);
	process_link.agent_fd = keep(agent_fd);
	process_link.control_fd = keep(control_fd);
	process_link.pid = pid_here();
	process_link.page = page;
	return 0;
}

/* Takes the descriptors that cairn-rank left, if this process is its rank. */
int link_inherit(int *agent_fd, int *control_fd, struct err *err)
{
	struct control_page *page = page_map(*control_fd, NULL, err);
	uint32_t nobody = 0;
	int result = 0;
	bool ours;

	if (!page)
		return -EPROTO;
	ours = atomic_compare_exchange_strong(&page->rank.pid, &nobody,
					      (uint32_t)pid_here()) ||
	       nobody == (uint32_t)pid_here();
	sys_call(SYS_munmap, page, sizeof(*page));
	if (ours) {
		result = link_set(*agent_fd, *control_fd, err);
		*agent_fd = process_link.agent_fd;
		*control_fd = process_link.control_fd;
		return result;
	}
	*agent_fd = spare_agent_fd = keep(*agent_fd);
	*control_fd = spare_control_fd = keep(*control_fd);
	return 0;
}

/* What another program registered before this one took its place. */
static void slots_clear(struct control_page *page)
{
	uint32_t n = atomic_exchange(&page->rank.nslots, 0);

	for (uint32_t i = 0; i < n && i < CONTROL_SLOTS; i++)
		atomic_store(&page->slots[i].gid, 0);
}

/* A child of a wrapper that is the program after all. */
void link_take_over(void)
{
	struct err err;
	struct control_page *page;
	bool taken;

	if (process_link.page || spare_control_fd < 0)
		return;
	page = page_map(spare_control_fd, NULL, &err);
	if (!page)
		return;
	taken = atomic_load(&page->rank.uses_mpi) != 0;
	if (!taken)
		atomic_store(&page->rank.pid, (uint32_t)pid_here());
	sys_call(SYS_munmap, page, sizeof(*page));
	if (taken || link_set(spare_agent_fd, spare_control_fd, &err))
		return;
	spare_agent_fd = spare_control_fd = -1;
	slots_clear(process_link.page);
	link_ready();
}

void link_ready(void)
{
	struct control_page *page = process_link.page;
	struct control_msg msg = { .type = CONTROL_READY };

	msg.value = (uint64_t)pid_here();
	msg.peer = (int32_t)page->world_rank;
	atomic_store(&page->rank.leader_tid, (uint32_t)tid_here());
	atomic_store(&page->rank.state, STATE_RUNNING);
	process_send(&msg);
}

/* In a child the page is not mapped any more; what was sent would be the
 * parent's. */
void link_forget(void)
{
	if (process_link.page) {
		spare_agent_fd = process_link.agent_fd;
		spare_control_fd = process_link.control_fd;
	}
	process_link.page = NULL;
	process_link.agent_fd = -1;
	track_close();
}

struct control_page *process_page(void)
{
	return process_link.page;
}

int process_send(const struct control_msg *msg)
{
	size_t len = offsetof(struct control_msg, text) + msg->text_len;
	long n;

	if (process_link.agent_fd < 0)
		return -ENOTCONN;
	do {
		n = sys_call(SYS_sendto, process_link.agent_fd, msg, len,
			     MSG_NOSIGNAL, 0, 0);
	} while (n == -EINTR);
	return n < 0 ? (int)n : 0;
}
