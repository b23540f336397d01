/* SPDX-License-Identifier: BSD-3-Clause */
/* safepoint.c - what wrappers ask of an epoch */
#include "runtime/process/private.h"

/* How often this process came back; changed by the resume code alone. */
static unsigned int restarts;

unsigned int process_restarts(void)
{
	return restarts;
}

void hooks_set(const struct epoch_hooks *hooks)
{
	process_hooks = hooks;
}

void process_mpi_begin(void)
{
	struct control_page *page;

	link_take_over();
	page = process_page();
	if (!page)
		return;
	atomic_store(&page->rank.uses_mpi, 1);
	atomic_store(&page->rank.leader_tid, (uint32_t)tid_here());
}

bool safepoint(struct thread_ctx *ctx)
{
	/* Without an agent no epoch is ever pending. */
	ctx->stop = 0;
	return false;
}
