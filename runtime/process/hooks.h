/* SPDX-License-Identifier: BSD-3-Clause */
/* hooks.h - where the MPI side takes part in one rank's checkpoint */
#ifndef CAIRN_PROCESS_HOOKS_H
#define CAIRN_PROCESS_HOOKS_H

#include <stdbool.h>

#include "runtime/base/control.h"
#include "runtime/base/ctx.h"
#include "runtime/base/err.h"

/*
 * libcairn runs a rank through an epoch (process/epoch.c); a rank that uses MPI
 * registers these at MPI_Init.  Without hooks a rank may hold at once and has
 * nothing to drain.  All are called in the upper half with the program's FS,
 * unless said otherwise.
 */
struct epoch_hooks {
	/* Signal handler, either half, no TLS: copy the collective counts to
	 * the control page.  Called once for each epoch, on whichever thread
	 * took the signal first, after membarrier() where there are several
	 * threads. */
	void (*publish)(struct control_page *page, uint32_t epoch);

	/* Signal handler as well, right after publish: 0, or -EBUSY with a
	 * sentence that names an object that cannot be restored.  A thread may
	 * be blocked by it in a call that nothing interrupts, so that this rank
	 * never comes to hold: then the epoch is refused at once. */
	int (*refuse)(struct err *err);

	/* Targets known and reached, nothing owed?  Any thread, also in the
	 * handler at depth 0.  Must not block. */
	bool (*may_hold)(struct control_page *page);

	/* Leader thread, all others parked, after HELD: one round of receiving
	 * incoming messages into the drain queue.  Gives the number received,
	 * or -Exxx with a sentence: then the epoch is refused. */
	int (*held_step)(struct err *err);

	/* Leader, at CMD_DRAIN: returns when I3 holds for this rank, or -Exxx.
	 * -ECANCELED when the command changed to CMD_ABORT meanwhile. */
	int (*drain)(struct control_page *page, struct err *err);

	/* Leader, at the start of an epoch's HOLD and again before CAPTURE:
	 * 0, or -EBUSY with a sentence that names an MPI object that cannot be
	 * restored yet (I8). */
	int (*check)(struct err *err);

	/* Leader, after RELEASE or ABORT, before the others are woken. */
	void (*resume)(bool aborted);

	/* Leader, after a restart, before any other thread runs: a new lower
	 * half, MPI_Init, rebuild, a barrier over all ranks.  environ is the
	 * new launch's, NULL-terminated. */
	int (*restart)(char **envp, struct err *err);
};

/* hooks_set - register (or, with NULL, remove) the MPI side's hooks.  At any
 * time: libmpi.so.12 has hooks from when it is loaded. */
#ifndef PROCESS_API
#define PROCESS_API __attribute__((visibility("default")))
#endif
PROCESS_API void hooks_set(const struct epoch_hooks *hooks);

#endif
