/* SPDX-License-Identifier: BSD-3-Clause */
/* safepoint.c - what the MPI side asks of an epoch */
#include "runtime/process/epoch.h"

/* MPI_Init is not interruptible (TRAPS, MPI 11): an epoch that comes meanwhile
 * is taken up at the end of it. */
_Atomic bool process_mpi_starting;

/* This process calls MPI, so it is the rank, and this thread its leader. */
static struct control_page *mpi_page(void)
{
	struct control_page *page;

	link_take_over();
	page = process_page();
	if (page) {
		atomic_store(&page->rank.uses_mpi, 1);
		atomic_store(&page->rank.leader_tid, (uint32_t)tid_here());
	}
	return page;
}

void hooks_set(const struct epoch_hooks *hooks)
{
	if (hooks)
		mpi_page();
	process_hooks = hooks;
	process_mpi_starting = false;
}

void process_mpi_begin(void)
{
	process_mpi_starting = mpi_page() != NULL;
}

struct part {
	struct thread *t;
	bool stopped;
};

static void take_part(void *arg)
{
	struct part *part = arg;

	part->stopped = epoch_take_part(part->t);
}

bool safepoint(struct thread_ctx *ctx)
{
	struct part part = { .t = thread_of(ctx) };
	uint64_t mask;
	void *top;

	/* A wrapper inside a callback of another one: the outer one decides. */
	if (part.t->on_stack || ctx->depth != 1)
		return false;
	atomic_store(&ctx->stop, 0);
	if (!epoch_pending())
		return false;
	atomic_store(&ctx->stop, 1);
	mask = mask_all();
	top = thread_stack_top(part.t);
	if (top) {
		part.t->on_stack = true;
		stack_call(take_part, &part, top);
		part.t->on_stack = false;
	}
	mask_restore(mask);
	return part.stopped;
}
