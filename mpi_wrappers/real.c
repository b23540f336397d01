/* SPDX-License-Identifier: BSD-3-Clause */
/* real.c - the real library's entry points, and starting its half */
#define _GNU_SOURCE /* environ */
#include "mpi_wrappers/api.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mpi_wrappers/lock.h"
#define LOG_PREFIX "mpi: "
#include "runtime/base/log.h"
#include "runtime/base/where.h"

void *real_table[REAL_COUNT];

static struct lock start_lock = LOCK_INIT;
static bool started;
static bool infos_wait; /* for a new lower half, to be made again in it */

/* More ranks here than cores?  Then progress loops give up the core. */
static bool cores_are_short(char **envp)
{
	const struct control_page *page = process_page();
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	long local = page ? (long)page->local_size : 0;

	for (; !local && envp && *envp; envp++)
		if (!strncmp(*envp, "MPI_LOCALNRANKS=", 16))
			local = atol(*envp + 16);
	return local > cores;
}

/* What libcairn must know of the lower half. */
static struct process_lower lower_here = {
	.owns = lower_owns,
	.ranges = lower_ranges,
	.donor_return = lower_donor_return,
	.owns_fd = lower_owns_fd,
	.context = lower_context,
};

/* A variable of this launch: after a restart the program's own environment is
 * still that of the first. */
static const char *launch_variable(char **envp, const char *name)
{
	size_t len = strlen(name);

	for (; envp && *envp; envp++)
		if (!strncmp(*envp, name, len) && (*envp)[len] == '=')
			return (*envp)[len + 1] ? *envp + len + 1 : NULL;
	return NULL;
}

static int lower_bring_up(char **envp, struct err *err)
{
	char guest[4096];
	const char *named = launch_variable(envp, "CAIRN_LOWER");
	int ret = 0;

	if (named && strlen(named) < sizeof(guest))
		strcpy(guest, named);
	else
		ret = where_find("cairn-lower", guest, sizeof(guest), err);
	if (ret)
		return ret;
	ret = lower_start(
		&(struct lower_options){
			.guest = guest,
			.mpi_lib = launch_variable(envp, "CAIRN_MPI_LIB"),
			.envp = envp,
			.symbols = api_symbols,
			.table = real_table,
			.fd_min = CONTROL_FD_MIN,
			.yield = cores_are_short(envp) },
		err);
	if (ret)
		return ret;
	/* Its threads, memory and descriptors are not the program's. */
	process_lower_set(&lower_here);
	return 0;
}

/* What a process that is not between MPI_Init and MPI_Finalize does in an
 * epoch: nothing, but for going on if others are in MPI_Init; it looks
 * everything up again after a restart, when it calls MPI again.  Of MPI's
 * objects only infos and MPI_T's live outside of the two. */
static int idle_held_step(struct err *err)
{
	(void)err;
	return 0;
}

static int idle_drain(struct control_page *page, struct err *err)
{
	(void)page;
	(void)err;
	return 0;
}

static int idle_check(struct err *err)
{
	int ret = opaque_check(err);

	/* Without a library they are still as they were kept before. */
	return ret || !started ? ret : info_describe(err);
}

static int idle_restart(char **envp, struct err *err)
{
	(void)envp;
	(void)err;
	real_forget();
	infos_wait = true;
	frontier_restarted(process_page());
	return 0;
}

const struct epoch_hooks real_idle_hooks = {
	.publish = frontier_publish,
	.refuse = opaque_check,
	.may_hold = frontier_may_hold,
	.held_step = idle_held_step,
	.drain = idle_drain,
	.check = idle_check,
	.resume = frontier_end,
	.restart = idle_restart,
};

void real_early(bool early)
{
	lower_loops_early(early);
	real_table[FN_MPI_Test] = lower_loops()->test;
}

void real_start(void)
{
	struct err err;
	int ret = 0;

	/* ctx_enter has adopted this thread: it has a context to cross with. */
	lock_take(&start_lock);
	if (!started) {
		objects_init();
		ret = lower_bring_up(environ, &err);
		started = !ret;
		if (started)
			real_early(true);
		if (started && infos_wait)
			ret = info_rebuild(&err);
		if (!ret && started && infos_wait)
			ret = tool_rebuild(&err);
		infos_wait = false;
	}
	lock_give(&start_lock);
	if (!ret)
		return;
	log_err("%s", err.text);
	sys_call(SYS_exit_group, 1);
}

void real_forget(void)
{
	memset(real_table, 0, sizeof(real_table));
	started = false;
	lower_forget();
}

int real_restart(char **envp, struct err *err)
{
	int ret;

	real_forget();
	ret = lower_bring_up(envp, err);
	started = !ret;
	return ret;
}

/* Called in the lower half, with its FS: touches no TLS. */
static int real_absent(void)
{
	return MPI_ERR_UNSUPPORTED_OPERATION;
}

void *real_fn_slow(int function)
{
	real_start();
	return real_table[function] ? real_table[function] :
				      (void *)real_absent;
}
