/* SPDX-License-Identifier: BSD-3-Clause */
/* tally.h - what each agent has done of an epoch, added up */
#ifndef CAIRN_LAUNCHER_TALLY_H
#define CAIRN_LAUNCHER_TALLY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "launcher/ranks.h"
#include "runtime/base/err.h"

enum tally_phase { PHASE_DRAIN, PHASE_CAPTURE, PHASE_DURABLE, TALLY_PHASES };

struct tally_agent {
	bool done[TALLY_PHASES];
	uint64_t bytes; /* written so far */
};

struct tally {
	size_t n;
	struct tally_agent *agents;
	size_t done[TALLY_PHASES];
	json_t *images;	 /* the manifest's array */
	json_t *explain; /* of the lowest rank seen */
	json_int_t explain_rank;
	size_t ranks; /* in all images so far */
	uint64_t bytes, memory_bytes;
	double pause_ms;
	uint64_t waited; /* ranks that had no room for a twin */
};

void tally_init(struct tally *t, size_t nagents); /* also to begin anew */
void tally_fini(struct tally *t);
/* tally_done - a `done` message of an agent, the one on node: 0 or -EPROTO with
 * a sentence. */
int tally_done(struct tally *t, size_t agent, const char *node,
	       const json_t *message, struct err *err) must_check;
bool tally_all(const struct tally *t, enum tally_phase phase);
void tally_progress(struct tally *t, size_t agent, const json_t *message);
uint64_t tally_bytes(const struct tally *t);
/* tally_manifest - the epoch's part of a manifest (the caller's reference), or
 * NULL with a sentence if a rank is not in one of the images.  Ranks that had
 * ended when it was captured are in none, and noted with their exit codes. */
json_t *tally_manifest(const struct tally *t, uint32_t epoch,
		       const struct ranks *ranks, int64_t ms, struct err *err);

#endif
