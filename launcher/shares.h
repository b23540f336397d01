/* SPDX-License-Identifier: BSD-3-Clause */
/* shares.h - ranks that must be on one node, since they share memory */
#ifndef CAIRN_LAUNCHER_SHARES_H
#define CAIRN_LAUNCHER_SHARES_H

#include <jansson.h>

#include "launcher/coordinator.h"
#include "runtime/base/err.h"

/* shares_note - an agent's `shares` message, kept in *list (NULL at first),
 * which the caller gives up by json_decref(). */
void shares_note(json_t **list, const json_t *message);
/* shares_check - all ranks are back: -EXDEV, with the ranks named, if some that
 * shared memory at the checkpoint are on different nodes now. */
int shares_check(const json_t *list, const struct coordinator *c,
		 struct err *err) must_check;

#endif
