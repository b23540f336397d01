/* SPDX-License-Identifier: BSD-3-Clause */
/* busy.h - whom an epoch waits for, for people */
#ifndef CAIRN_AGENT_BUSY_H
#define CAIRN_AGENT_BUSY_H

#include "runtime/agent/agent.h"

/* busy_send - tell the coordinator of a rank here that does not hold yet, and
 * where it is; rather of one that computes than of one that waits itself. */
void busy_send(struct agent *agent, uint32_t epoch);

#endif
