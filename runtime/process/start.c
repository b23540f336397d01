/* SPDX-License-Identifier: BSD-3-Clause */
/* start.c - libcairn.so comes up in a process */
#define _GNU_SOURCE
#define LOG_PREFIX "start: "
#include "runtime/process/private.h"

#include "runtime/base/log.h"

#include <errno.h>
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

static void inherit_link(void)
{
	int agent = env_fd("CAIRN_AGENT_FD");
	int control = env_fd("CAIRN_CONTROL_FD");
	struct err err;

	if (agent < 0 || control < 0)
		return;
	if (link_inherit(agent, control, &err)) {
		log_err("%s", err.text);
		sys_call(SYS_exit_group, 127);
	}
}

static void in_child(void)
{
	link_forget();
	thread_after_fork();
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
	thread_init();
	pthread_atfork(NULL, NULL, in_child);
	inherit_link();
	if (process_link.page)
		link_ready();
}
