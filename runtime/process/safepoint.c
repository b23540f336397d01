/* SPDX-License-Identifier: BSD-3-Clause */
/* safepoint.c - what the MPI side asks of an epoch */
#include "runtime/process/epoch.h"

bool process_uses_mpi;

void hooks_set(const struct epoch_hooks *hooks)
{
	process_hooks = hooks;
}

/* This process calls MPI, so it is the rank, and this thread its leader. */
void process_mpi_begin(void)
{
	struct control_page *page;

	link_take_over();
	page = process_page();
	process_uses_mpi = true;
	if (page) {
		atomic_store(&page->rank.uses_mpi, 1);
		atomic_store(&page->rank.leader_tid, (uint32_t)tid_here());
	}
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
		part.t->program_mask = mask;
		thread_run_apart(part.t, take_part, &part, top);
	}
	mask_restore(mask);
	return part.stopped;
}
