/* SPDX-License-Identifier: BSD-3-Clause */
/* timing.h - when this node's ranks came to each phase of an epoch */
#ifndef CAIRN_AGENT_TIMING_H
#define CAIRN_AGENT_TIMING_H

#include <jansson.h>
#include <stdint.h>

#include "runtime/agent/agent.h"

/* timing_begin - an epoch begins: nothing is known of any rank yet. */
void timing_begin(struct agent *agent);
/* timing_pause_ms - the longest that any rank has stood still. */
double timing_pause_ms(const struct agent *agent);
/*
 * timing_list - for `done durable`: a list of `[rank, held, quiet, captured,
 * resumed]`, milliseconds since begin_ns; -1: not yet
 *
 * One entry a rank of this node that lives.  By this node's clock alone, so
 * that nodes need not agree on the time.  The caller's reference.
 */
json_t *timing_list(const struct agent *agent, uint64_t begin_ns);
/* timing_cpu_ms - of this process and its threads so far; and timing_cpus, how
 * many CPUs this node lets it use: what an epoch may take from the ranks. */
double timing_cpu_ms(void);
int timing_cpus(void);

#endif
