/* SPDX-License-Identifier: BSD-3-Clause */
/* copies.h - images come from and go to the buffers of other nodes */
#ifndef CAIRN_AGENT_COPIES_H
#define CAIRN_AGENT_COPIES_H

#include <jansson.h>
#include <stdint.h>

#include "runtime/base/err.h"

struct agent;
struct copies;

/*
 * What the coordinator asks for (protocol.md, launcher/copies.md): `take` a
 * copy of another node's image into this node's buffer, `give` one from here;
 * `drop`: neither.  Each runs a cairn-fabric.  The answers are `taking` and
 * `moved`.
 *
 * welcome's "fabric" and "fabric_interface" say how.
 */
int copies_create(struct agent *agent, const json_t *welcome,
		  struct copies **copies, struct err *err) must_check;
/* copies_destroy - stops what is under way; NULL allowed. */
void copies_destroy(struct copies *c);

void copies_message(struct copies *c, const json_t *message);
/* copies_ended - of this epoch's copies that came here: it was committed, or
 * they are removed. */
void copies_ended(struct copies *c, uint32_t epoch, int committed);

#endif
