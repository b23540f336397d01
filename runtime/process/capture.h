/* SPDX-License-Identifier: BSD-3-Clause */
/* capture.h - the picture that one process makes of itself */
#ifndef CAIRN_PROCESS_CAPTURE_H
#define CAIRN_PROCESS_CAPTURE_H

#include <stdbool.h>

#include "runtime/base/control.h"
#include "runtime/base/err.h"

/*
 * capture_rank - at CMD_CAPTURE, on the leader thread, all others parked
 *
 * Sends CONTROL_CAPTURED.  stop: no twin; the agent reads this process, which
 * waits.  0 in the process that goes on, 1 in one that was restarted from the
 * image (its page and socket are the new ones then), -Exxx with a sentence.
 * Calls context_save(&self->regs) (thread.h) where it wants to come back.
 */
int capture_rank(struct control_page *page, bool stop, struct err *err)
	__attribute__((weak, warn_unused_result));

#endif
