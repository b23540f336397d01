/* SPDX-License-Identifier: BSD-3-Clause */
/* flush.h - this node's images go from the burst buffer to the folder */
#ifndef CAIRN_AGENT_FLUSH_H
#define CAIRN_AGENT_FLUSH_H

#include <jansson.h>

#include "runtime/base/err.h"

struct agent;
struct flush;

int flush_create(struct agent *agent, struct flush **flush,
		 struct err *err) must_check;
void flush_destroy(struct flush *f); /* NULL allowed; what goes on is stopped */

/*
 * flush_message - from the coordinator (protocol.md)
 *
 * `flush`: copy this node's images of an epoch, in the background; the answer
 * is `flushed`.  For the epoch that is being copied it only sets the rate; for
 * another one it stops that.  `sweep`: remove epochs from the buffer; the
 * answer is `swept`.
 */
void flush_message(struct flush *f, const json_t *message);

#endif
