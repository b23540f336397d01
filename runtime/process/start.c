/* SPDX-License-Identifier: BSD-3-Clause */
/* start.c - libcairn.so comes up in a process */
#define _GNU_SOURCE
#define LOG_PREFIX "start: "
#include "runtime/process/capture_private.h"
#include "runtime/process/private.h"

#include "runtime/base/fmt.h"
#include "runtime/base/log.h"
#include "runtime/process/signals.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#define HWCAP2_FSGSBASE 2

const struct epoch_hooks *_Atomic process_hooks;
const struct process_lower *_Atomic process_lower;

void *real_find(const char *name, void *_Atomic *slot)
{
	void *p = *slot;

	if (__builtin_expect(p != NULL, 1))
		return p;
	p = dlsym(RTLD_NEXT, name);
	if (!p) {
		log_err("this libc has no function %s; Cairn does not know it",
			name);
		sys_call(SYS_exit_group, 127);
	}
	*slot = p;
	return p;
}

void process_lower_set(const struct process_lower *lower)
{
	process_lower = lower;
}

static int env_fd(const char *name)
{
	const char *text = getenv(name);

	return text && *text ? atoi(text) : -1;
}

/* The program's own execs pass the numbers on that they have now. */
static void env_fd_set(const char *name, int was, int fd)
{
	char text[16];

	if (fd == was || fd < 0)
		return;
	fmt_print(text, sizeof(text), "%d", fd);
	setenv(name, text, 1);
}

static void inherit_link(void)
{
	int agent = env_fd("CAIRN_AGENT_FD");
	int control = env_fd("CAIRN_CONTROL_FD");
	int agent_now = agent, control_now = control;
	struct err err;

	if (agent < 0 || control < 0)
		return;
	/* A child that was started with its descriptors closed is no rank. */
	if (link_inherit(&agent_now, &control_now, &err)) {
		log_debug("%s", err.text);
		return;
	}
	env_fd_set("CAIRN_AGENT_FD", agent, agent_now);
	env_fd_set("CAIRN_CONTROL_FD", control, control_now);
}

static void in_child(void)
{
	link_forget();
	thread_after_fork();
}

/* The agent would find out; so it knows the code, too.  Also from a wrapper
 * whose child was the rank for a while: its code is what the launcher sees. */
static void tell_end(int code)
{
	struct control_page *page = process_page();
	struct control_msg msg = { .type = CONTROL_EXITING };

	/* Not from between vfork and exec. */
	if (!page || process_link.pid != (int)sys_call(SYS_getpid))
		return;
	msg.value = (uint64_t)code;
	msg.peer = (int32_t)page->world_rank;
	process_send(&msg);
}

static void at_exit(int code, void *arg)
{
	(void)arg;
	tell_end(code);
}

/* Ways out that pass by on_exit: shells take them, and python's os._exit(). */
EXPORT void _exit(int code)
{
	tell_end(code);
	for (;;)
		sys_call(SYS_exit_group, code);
}

EXPORT void _Exit(int code)
{
	_exit(code);
}

/*
 * Before the constructors of everything that was linked or preloaded with us,
 * but for libc: theirs may make threads or install handlers already.
 */
__attribute__((constructor(101))) static void start(void)
{
	const char *off = getenv("CAIRN_NO_FSGSBASE");

	has_fsgsbase = (getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE) &&
		       !(off && *off == '1');
	log_init("rank", getenv("CAIRN_LOG"));
	fd_mark();
	clock_init();
	thread_init();
	sys_call(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0,
		 0);
	pthread_atfork(NULL, NULL, in_child);
	inherit_link();
	signals_init();
	files_start();
	on_exit(at_exit, NULL);
	if (process_link.page)
		link_ready();
}
