/* SPDX-License-Identifier: BSD-3-Clause */
/* rebuild.c - the MPI side of an epoch: what is checked, kept and made again */
#include "mpi_wrappers/api.h"

#include <errno.h>

#include "mpi_wrappers/clock.h"
#include "mpi_wrappers/comm_private.h"
#include "mpi_wrappers/drain.h"
#include "mpi_wrappers/init.h"
#include "mpi_wrappers/win.h"
#define LOG_PREFIX "mpi: "
#include "runtime/base/log.h"

/* --- before a capture
 * --------------------------------------------------------------- */

static int (*const describe_steps[])(struct err *err) = {
	opaque_check,  /* nothing lives that cannot be restored */
	request_check, /* nor is under way */
	type_describe, group_describe, info_describe, comm_describe,
	win_describe,
};

static int rebuild_check(struct err *err)
{
	for (size_t i = 0; i < sizeof(describe_steps) / sizeof(*describe_steps);
	     i++) {
		int ret = describe_steps[i](err);

		if (ret)
			return ret;
	}
	clock_describe();
	return 0;
}

/* --- after a restart
 * ------------------------------------------------------------------- */

static int init_again(struct err *err)
{
	int provided = 0;

	if (REAL(Init_thread, NULL, NULL, init_threads(), &provided) ||
	    provided < init_threads())
		return err_set(err, -EIO,
			       "MPI_Init_thread failed at level %d, which the "
			       "program had",
			       init_threads());
	return 0;
}

static int world_again(struct err *err)
{
	int rank = -1, size = -1;

	REAL(Comm_rank, MPI_COMM_WORLD, &rank);
	REAL(Comm_size, MPI_COMM_WORLD, &size);
	if (rank != comm_world->rank || size != comm_world->size)
		return err_set(err, -EINVAL,
			       "rank %d of %d came back as rank %d of %d",
			       comm_world->rank, comm_world->size, rank, size);
	if (attr_predefined_read())
		return err_set(err, -EINVAL,
			       "the MPI library's largest tag is smaller than "
			       "the one that the program has seen; restart "
			       "with the library that it was started with");
	if (comm_world_group())
		return err_set(err, -EIO, "MPI_COMM_WORLD has no group");
	return comm_private_make(err);
}

static int requests_again(struct err *err)
{
	int ret = request_rebuild();

	return ret ? err_set(err, ret,
			     "pending receives cannot be posted "
			     "again") :
		     0;
}

static int all_arrived(struct err *err)
{
	return REAL(Barrier, comm_private.id) ?
		       err_set(err, -EIO,
			       "the barrier after a restart failed") :
		       0;
}

/* Each step needs those before it; the order is the same on all ranks. */
typedef int rebuild_step(struct err *err);
static rebuild_step *const rebuild_library[] = {
	init_again,
	world_again,
	tool_rebuild,
	errcode_rebuild,
	datarep_rebuild,
};

static rebuild_step *const rebuild_objects[] = {
	info_rebuild, group_rebuild,	  type_rebuild,
	op_rebuild,   errhandler_rebuild, comm_rebuild,	 win_rebuild,
	file_rebuild,
};

static rebuild_step *const rebuild_messages[] = {
	requests_again,
	drain_restart,
	all_arrived,
};

#define RUN_STEPS(steps, err) \
	run_steps(steps, sizeof(steps) / sizeof(*(steps)), err)

static int run_steps(rebuild_step *const steps[], size_t n, struct err *err)
{
	int ret = 0;

	for (size_t i = 0; i < n && !ret; i++)
		ret = steps[i](err);
	return ret;
}

static int rebuild_restart(char **envp, struct err *err)
{
	struct control_page *page = process_page();
	int ret = real_restart(envp, err);

	file_restarting(envp);
	if (!ret)
		ret = RUN_STEPS(rebuild_library, err);
	if (!ret)
		ret = RUN_STEPS(rebuild_objects, err);
	if (!ret)
		ret = RUN_STEPS(rebuild_messages, err);
	if (ret)
		return ret;
	if (page)
		frontier_restarted(page);
	clock_rebuild();
	return 0;
}

/* For tests, on all ranks at once, with nothing under way: the objects are made
 * anew while the old real ones are left behind. */
int __attribute__((visibility("default"))) cairn_test_rebuild(void);

int cairn_test_rebuild(void)
{
	struct thread_ctx *ctx = ctx_enter();
	struct err err;
	int ret = file_settle(&err);

	if (!ret)
		ret = rebuild_check(&err);
	if (!ret)
		ret = RUN_STEPS(rebuild_objects, &err);
	if (ret)
		log_err("%s", err.text);
	ctx_leave(ctx);
	return ret;
}

/* --- the hooks
 * ---------------------------------------------------------------------------
 */

static int rebuild_drain(struct control_page *page, struct err *err)
{
	int ret = comm_bury_finish(page, err);

	if (!ret)
		ret = win_drain(err);
	if (!ret)
		ret = drain_run(page, err);
	/* Nobody writes any more, and nobody does again before all are here. */
	return ret ? ret : file_settle(err);
}

static int rebuild_held_step(struct err *err)
{
	win_held();
	request_file_step();
	return drain_held_step(err);
}

static void rebuild_resume(bool aborted)
{
	drain_resume(aborted);
	file_settle_end(aborted);
	frontier_end(aborted);
}

const struct epoch_hooks rebuild_hooks = {
	.publish = frontier_publish,
	.refuse = opaque_check,
	.may_hold = frontier_may_hold,
	.held_step = rebuild_held_step,
	.drain = rebuild_drain,
	.check = rebuild_check,
	.resume = rebuild_resume,
	.restart = rebuild_restart,
};
