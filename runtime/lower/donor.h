/* SPDX-License-Identifier: BSD-3-Clause */
/* donor.h - threads of the lower half that lend their TLS */
#ifndef CAIRN_LOWER_DONOR_H
#define CAIRN_LOWER_DONOR_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/lower/guest/guest.h"

/* donor_init - serve from this guest, which has come up: 0 or -Exxx. */
int donor_init(struct guest_boot *boot, struct err *err) must_check;
/* donor_forget - after a restart: there is no guest. */
void donor_forget(void);
/* donor_unready - who has a donor crosses with FS from now on. */
void donor_unready(void);
/* donor_change_to_fs - is no other thread inside the lower half with the
 * program's FS?  Then the calling one is not, either. */
bool donor_change_to_fs(void);
/* donor_must_lend - for the crossing: gives ctx->lower_fs, or ends the process
 * with a sentence. */
uint64_t donor_must_lend(struct thread_ctx *ctx);

#endif
