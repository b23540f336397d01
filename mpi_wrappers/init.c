/* SPDX-License-Identifier: BSD-3-Clause */
/* init.c - MPI_Init, MPI_Finalize, and what may be called before and after */
#include "mpi_wrappers/gid.h"
#include "mpi_wrappers/api.h"

#include "mpi_wrappers/barrier.h"
#include "mpi_wrappers/comm_private.h"
#include "mpi_wrappers/drain.h"
#include "mpi_wrappers/init.h"
#include "mpi_wrappers/partitioned.h"
#define LOG_PREFIX "mpi: "
#include "runtime/base/log.h"
#include "runtime/base/sys.h"

/* File-scope: one life of MPI a process. */
static struct {
	_Atomic bool initialized, finalized;
	bool up; /* the real library is */
	int threads;
	const struct thread_ctx *main; /* the thread that called MPI_Init */
} life;

/*
 * MPI_Init cannot be interrupted and waits for all ranks, so it counts as a
 * collective of those that will call it: while one is inside, the others must
 * go on until they are (TRAPS, MPI 11).  This stands for a communicator that
 * all ranks have from the start.
 */
static struct vcomm gate = { .gid = GID_INIT, .size = 1 };

static void gate_make(void)
{
	struct control_page *page = process_page();

	if (page && !gate.slot) {
		gate.size = (int)page->world_size;
		frontier_register(&gate);
	}
}

__attribute__((constructor)) static void init_load(void)
{
	gate_make();
	hooks_set(&real_idle_hooks);
}

static void init_enter(struct thread_ctx *ctx, int function)
{
	real_start();
	process_mpi_begin();
	gate_make();
	coll_enter(ctx, &gate, function);
}

int init_threads(void)
{
	return life.threads;
}

static void init_records(void)
{
	struct err err;
	int ret = comm_init(&err);
	int n = comm_world ? comm_world->size : 0;

	if (!ret)
		ret = part_init(&err);
	if (!ret && attr_predefined_read())
		ret = err_set(
			&err, -1,
			"the attributes of MPI_COMM_WORLD cannot be read");
	if (!ret)
		ret = drain_init(n, &err);
	if (ret) {
		log_err("%s", err.text);
		REAL(Abort, MPI_COMM_WORLD, 1);
	}
	request_init(life.threads == MPI_THREAD_MULTIPLE);
	hooks_set(&rebuild_hooks);
}

/* The real library is up. */
static void init_up(void)
{
	int provided = MPI_THREAD_SINGLE;

	real_early(false);
	REAL(Query_thread, &provided);
	life.threads = provided;
	init_records();
	life.up = true;
}

static void init_done(struct thread_ctx *ctx)
{
	if (!life.up)
		init_up();
	life.main = ctx;
	atomic_store(&life.initialized, true);
}

/* Up for a session, and MPI_Init was not called yet. */
static bool is_for_session(void)
{
	return life.up && !atomic_load(&life.initialized);
}

/* As MPICH does, with all that threads may want. */
static int up_for_session(struct thread_ctx *ctx)
{
	int provided, ret;

	if (life.up)
		return MPI_SUCCESS;
	if (comm_world) /* it was, and cannot be again (MPICH 4.0.2 crashes) */
		return MPI_ERR_OTHER;
	init_enter(ctx, FN_MPI_Session_init);
	ret = REAL(Init_thread, NULL, NULL, MPI_THREAD_MULTIPLE, &provided);
	if (!ret) {
		init_up();
		life.main = ctx;
	}
	return ret;
}

/* Threads may open their sessions at the same time; MPI_Init cannot be
 * interrupted anyway. */
int init_for_session(struct thread_ctx *ctx)
{
	static atomic_flag busy = ATOMIC_FLAG_INIT;
	int ret;

	while (atomic_flag_test_and_set(&busy))
		sys_call(SYS_sched_yield);
	ret = up_for_session(ctx);
	atomic_flag_clear(&busy);
	return ret;
}

int PMPI_Init(int *argc, char ***argv)
{
	struct thread_ctx *ctx = ctx_enter();
	int ret = MPI_SUCCESS;

	if (!is_for_session()) {
		init_enter(ctx, FN_MPI_Init);
		ret = REAL(Init, argc, argv);
	}
	if (!ret)
		init_done(ctx);
	else
		ret = error_world(ret, FN_MPI_Init);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Init);

int PMPI_Init_thread(int *argc, char ***argv, int required, int *provided)
{
	struct thread_ctx *ctx = ctx_enter();
	int ret = MPI_SUCCESS;

	if (!is_for_session()) {
		init_enter(ctx, FN_MPI_Init_thread);
		ret = REAL(Init_thread, argc, argv, required, provided);
	} else if (provided) {
		*provided = life.threads;
	} else {
		ret = MPI_ERR_ARG;
	}
	if (!ret)
		init_done(ctx);
	else
		ret = error_world(ret, FN_MPI_Init_thread);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Init_thread);

/* MPI_COMM_SELF's attributes go first: their delete functions may call MPI. */
static int finalize_attributes(void)
{
	int ret = attr_delete_all(&comm_self->attrs, MPI_COMM_SELF);

	if (!ret)
		ret = attr_delete_all(&comm_world->attrs, MPI_COMM_WORLD);
	return ret;
}

/*
 * MPI_Finalize waits for all ranks, which may take long: first in a barrier
 * that can be stepped out of, then, when all have come, in the real one.  They
 * count as one collective: from the barrier on nothing holds this rank.
 */
static int finalize_real(struct thread_ctx *ctx)
{
	int ret;

	if (life.up) {
		barrier_enter(ctx, comm_world, FN_MPI_Finalize);
		drain_finalize();
		file_finalize();
		request_finalize();
		part_fini();
		comm_fini();
	}
	ret = REAL(Finalize);
	if (!ret) {
		life.up = false;
		hooks_set(&real_idle_hooks);
		process_send(
			&(struct control_msg){ .type = CONTROL_FINALIZED });
	}
	return ret;
}

/* MPI_Init and MPI_Finalize have a life of their own. */
int init_no_session(struct thread_ctx *ctx)
{
	if (is_for_session() || atomic_load(&life.finalized))
		return finalize_real(ctx);
	return MPI_SUCCESS;
}

int PMPI_Finalize(void)
{
	struct thread_ctx *ctx = ctx_enter();
	int ret = MPI_SUCCESS;

	if (is_for_session()) {
		ret = error_world(MPI_ERR_OTHER, FN_MPI_Finalize);
		ctx_leave(ctx);
		return ret;
	}
	if (life.up && !atomic_load(&life.finalized)) {
		ret = finalize_attributes();
		if (ret)
			ret = error_world(ret, FN_MPI_Finalize);
	}
	/* The last session ends it. */
	ret = sessions_open() ? MPI_SUCCESS : finalize_real(ctx);
	if (!ret)
		atomic_store(&life.finalized, true);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Finalize);

/* May be called at any time: the real library need not be there. */
static int answer(bool is, int *flag, int function)
{
	struct thread_ctx *ctx;
	int ret;

	if (flag) {
		*flag = is;
		return MPI_SUCCESS;
	}
	ctx = ctx_enter();
	ret = error_world(MPI_ERR_ARG, function);
	ctx_leave(ctx);
	return ret;
}

int PMPI_Initialized(int *flag)
{
	return answer(atomic_load(&life.initialized), flag, FN_MPI_Initialized);
}
API_ALIAS(MPI_Initialized);

int PMPI_Finalized(int *flag)
{
	return answer(atomic_load(&life.finalized), flag, FN_MPI_Finalized);
}
API_ALIAS(MPI_Finalized);

/* Before MPI_Init and after MPI_Finalize the real library complains. */
static bool is_running(void)
{
	return is_for_session() || (atomic_load(&life.initialized) &&
				    !atomic_load(&life.finalized));
}

int PMPI_Query_thread(int *provided)
{
	struct thread_ctx *ctx = ctx_enter();
	int ret = MPI_SUCCESS;

	if (is_running() && provided)
		*provided = life.threads;
	else
		ret = error_world(REAL(Query_thread, provided),
				  FN_MPI_Query_thread);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Query_thread);

int PMPI_Is_thread_main(int *flag)
{
	struct thread_ctx *ctx = ctx_enter();
	int ret = MPI_SUCCESS;

	if (is_running() && flag)
		*flag = ctx == life.main;
	else
		ret = error_world(REAL(Is_thread_main, flag),
				  FN_MPI_Is_thread_main);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Is_thread_main);

int PMPI_Abort(MPI_Comm comm, int errorcode)
{
	struct thread_ctx *ctx = ctx_enter();
	int ret;

	error_flush();
	ret = REAL(Abort, real_comm(comm), errorcode);
	ctx_leave(ctx);
	return ret;
}
API_ALIAS(MPI_Abort);
