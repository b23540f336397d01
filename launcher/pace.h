/* SPDX-License-Identifier: BSD-3-Clause */
/* pace.h - a session's --interval auto */
#ifndef CAIRN_LAUNCHER_PACE_H
#define CAIRN_LAUNCHER_PACE_H

#include "launcher/coordinator.h"

struct session;

/* pace_up - all ranks are there: begin with what is known so far.
 * pace_epoch - one was committed, and so its cost is known.
 * Both do nothing without --interval auto. */
void pace_up(struct session *s);
void pace_epoch(struct session *s, const struct epoch_result *result);

#endif
