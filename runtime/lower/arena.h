/* SPDX-License-Identifier: BSD-3-Clause */
/* arena.h - the addresses of the lower half */
#ifndef CAIRN_LOWER_ARENA_H
#define CAIRN_LOWER_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/err.h"

#define ARENA_PAGE   4096UL
#define ARENA_PIECES 256

/*
 * Everything here may run inside a system call of the guest: no TLS, no libc,
 * general registers only.  Sizes are rounded up to pages.
 */

/* arena_open - choose a gap and reserve the first piece: 0 or -Exxx. */
int arena_open(struct err *err) must_check;
/* arena_reset - forget all pieces without unmapping (after a restart). */
void arena_reset(void);
/* arena_close - unmap all pieces; only when no code of theirs runs any more. */
void arena_close(void);

/*
 * arena_alloc - an unused range, PROT_NONE, for a fixed mapping to replace
 *
 * align is a power of two, 0 for a page.  With near != 0 the range lies within
 * reach of a 32-bit displacement of it.  0 when there is no room.
 */
uintptr_t arena_alloc(size_t size, size_t align, uintptr_t near);
/* arena_free - unmap a range of the arena (it stays reserved). */
void arena_free(uintptr_t start, size_t size);
/* arena_vacate - as arena_free, for a range that the kernel has unmapped. */
void arena_vacate(uintptr_t start, size_t size);
/* arena_claim - the guest itself chose this range for a fixed mapping. */
void arena_claim(uintptr_t start, size_t size);
/* arena_seal - keep a fresh mapping of the arena out of forked children. */
void arena_seal(uintptr_t start, size_t size);
/* arena_holds - does the whole range lie in one piece? */
bool arena_holds(uintptr_t start, size_t size);

static inline size_t arena_round(size_t size)
{
	return (size + ARENA_PAGE - 1) & ~(ARENA_PAGE - 1);
}

#endif
