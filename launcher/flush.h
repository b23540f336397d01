/* SPDX-License-Identifier: BSD-3-Clause */
/* flush.h - epochs go from the burst buffers to the checkpoint folder */
#ifndef CAIRN_LAUNCHER_FLUSH_H
#define CAIRN_LAUNCHER_FLUSH_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "launcher/loop.h"
#include "runtime/base/err.h"

struct session;

/*
 * One flush at a time, of the newest epoch that lies in burst buffers only.
 * Agents copy; when all have, the manifest is replaced by one that says so
 * (storage/tier.h), and older epochs may go.  flush.md is the design.
 *
 * Embedded in the session, zeroed; flush_init before its use.
 */
struct flush {
	struct session *session;
	json_t *newest; /* manifest of the newest epoch in buffers only */
	long since;	/* epochs committed since a flush began */

	/* under way */
	uint32_t epoch; /* 0: none */
	json_t *manifest;
	bool *awaited; /* by agent number */
	size_t nawaited;
	bool urgent, failed;
	struct err why;
	int64_t began_ms;

	uint32_t flushed;      /* the newest in the folder that we know of */
	uint32_t failed_epoch; /* its last flush failed */
	char said[480];	       /* the last failure that was said (I7) */

	/* the end */
	void (*then)(struct session *s); /* when nothing is left to flush */
	enum { FLUSH_RUNNING, FLUSH_LAST, FLUSH_SWEEPING, FLUSH_OVER } end;
	size_t sweeping; /* agents that still remove */
	struct timer sweep_timer;
};

void flush_init(struct flush *f, struct session *s);
void flush_fini(struct flush *f);

/* flush_committed - an epoch is committed, in whichever tier. */
void flush_committed(struct flush *f, json_t *manifest);
/* flush_back - a restart is back: go on with what the last run left. */
void flush_back(struct flush *f);
/* flush_message - `flushed` or `swept` of an agent. */
void flush_message(struct flush *f, size_t agent, const char *type,
		   const json_t *message);
/* flush_lost - an agent is gone, or does not answer. */
void flush_lost(struct flush *f, size_t agent);
/*
 * flush_then - an announced end: the newest epoch first
 *
 * Calls `then` when it is in the checkpoint folder, or cannot come there (which
 * was said loudly); at once if there is nothing to do.  Without a throttle.
 */
void flush_then(struct flush *f, void (*then)(struct session *s));
/*
 * flush_settled - the job is over: is there nothing left to do for the agents?
 *
 * The first call begins with it: the newest epoch is flushed, then the buffers
 * are emptied.  session_look is called when that changes.
 */
bool flush_settled(struct flush *f);
/* flush_is_busy - must the end wait? */
bool flush_is_busy(const struct flush *f);
/* flush_give_up - nobody wants to wait for it. */
void flush_give_up(struct flush *f);
/* flush_busy_epoch - which is under way; 0: none. */
uint32_t flush_busy_epoch(const struct flush *f);
/* flush_sweep - tell the agents which epochs the buffers need not hold. */
void flush_sweep(struct flush *f);

#endif
