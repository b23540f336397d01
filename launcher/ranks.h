/* SPDX-License-Identifier: BSD-3-Clause */
/* ranks.h - what the coordinator knows of each rank */
#ifndef CAIRN_LAUNCHER_RANKS_H
#define CAIRN_LAUNCHER_RANKS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/err.h"

enum rank_state { RANK_UNKNOWN, RANK_RUNNING, RANK_FINALIZED, RANK_EXITED };

struct rank_entry {
	int32_t agent; /* -1: unknown */
	uint8_t state; /* enum rank_state */
	int16_t code;  /* when exited */
};

/* Nothing is known before the first rank says how many there are. */
struct ranks {
	size_t n;
	struct rank_entry *v;
	size_t counts[4]; /* by state */
	int first_lost;	  /* the first that ended and did not say how, or -1 */
};

/* ranks_update - a `rank` message; -EPROTO if it is malformed. */
int ranks_update(struct ranks *r, size_t agent, const json_t *message,
		 struct err *err) must_check;
/* ranks_forget - nothing more will be heard of this agent's ranks; gives how
 * many had not ended. */
size_t ranks_forget(struct ranks *r, size_t agent);
/* ranks_are_up - each rank is running, past MPI_Finalize, or has ended, and
 * some rank has not. */
bool ranks_are_up(const struct ranks *r);
int ranks_agent(const struct ranks *r, int rank); /* -1: unknown or exited */
void ranks_fini(struct ranks *r);

#endif
