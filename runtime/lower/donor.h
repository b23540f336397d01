/* SPDX-License-Identifier: BSD-3-Clause */
/* donor.h - threads of the lower half that lend their TLS */
#ifndef CAIRN_LOWER_DONOR_H
#define CAIRN_LOWER_DONOR_H

#include <stdint.h>

#include "runtime/lower/guest/guest.h"

/* donor_init - serve from this guest; NULL: from none. */
void donor_init(struct guest_boot *boot);
/* donor_must_lend - for the crossing: gives ctx->lower_fs, or ends the process
 * with a sentence. */
uint64_t donor_must_lend(struct thread_ctx *ctx);

#endif
