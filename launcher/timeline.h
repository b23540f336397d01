/* SPDX-License-Identifier: BSD-3-Clause */
/* timeline.h - when nodes and ranks came to each phase of an epoch */
#ifndef CAIRN_LAUNCHER_TIMELINE_H
#define CAIRN_LAUNCHER_TIMELINE_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "launcher/tally.h"

/* So many are told of one by one; of more, quantiles and the slowest. */
#define TIMELINE_RANKS	 256
#define TIMELINE_NODES	 64
#define TIMELINE_SLOWEST 16

/* What a rank's time line is made of, each in ms since its node was asked. */
enum timeline_mark {
	MARK_HELD,
	MARK_QUIET,
	MARK_CAPTURED,
	MARK_RESUMED,
	TIMELINE_MARKS,
};

/* The phases of an epoch, as people see them. */
enum timeline_phase {
	TIMELINE_WAIT, /* asked for, and not begun */
	TIMELINE_FRONTIER,
	TIMELINE_DRAIN,
	TIMELINE_CAPTURE,
	TIMELINE_WRITING,
	TIMELINE_COMMIT,
	TIMELINE_PHASES,
};

struct timeline_node {
	char name[65];
	float done_ms[TALLY_PHASES]; /* -1: not yet */
	uint64_t bytes, memory_bytes;
};

struct timeline_rank {
	uint32_t rank, node;
	float ms[TIMELINE_MARKS]; /* -1: not yet */
};

/*
 * One epoch's.  Linear in nodes and ranks while it is under way; what is told
 * of it is bounded.  Nothing depends on it: without memory it is left out.
 */
struct timeline {
	int64_t request_ms, begin_ms; /* clock_ms */
	int64_t entered_ms[TIMELINE_PHASES];
	int64_t spent_ms[TIMELINE_PHASES];
	int phase; /* under way; -1: none */
	int last;  /* that it came to */
	unsigned int slices;
	struct timeline_node *nodes;
	size_t nnodes;
	struct timeline_rank *ranks;
	size_t nranks, room;
	double cpu_s; /* the most of any node: computing, by its CPUs */
};

/* timeline_begin - zeroed before its first use; also to begin anew. */
void timeline_begin(struct timeline *t, size_t nodes, int64_t request_ms,
		    int64_t now_ms);
void timeline_fini(struct timeline *t);
/* timeline_phase - it came to that; the same again (after a slice) adds up. */
void timeline_phase(struct timeline *t, enum timeline_phase phase,
		    int64_t now_ms);
void timeline_slice(struct timeline *t);
/* timeline_done - an agent's `done`, for which the tally has a place. */
void timeline_done(struct timeline *t, size_t node, const char *name,
		   const json_t *message, int64_t now_ms);
/* timeline_end - the phase under way ends. */
void timeline_end(struct timeline *t, int64_t now_ms);
const char *timeline_phase_name(enum timeline_phase phase);
/*
 * timeline_json - {"phases": {name: seconds}, "last", "slices", "nnodes",
 * "nodes":
 * [[number, name, drained, captured, durable (ms), bytes, memory_bytes]],
 * "ranks": [[rank, node's number, held, quiet, captured, resumed (ms)]]}, the
 * caller's
 *
 * Of more nodes or ranks than are told of one by one, the slowest, and
 * "quantiles": {"of": how many, "held": [least, median, 95 %, most], ...}.
 */
json_t *timeline_json(const struct timeline *t);

#endif
