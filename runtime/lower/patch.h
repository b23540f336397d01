/* SPDX-License-Identifier: BSD-3-Clause */
/* patch.h - lead the guest's system calls to place_call */
#ifndef CAIRN_LOWER_PATCH_H
#define CAIRN_LOWER_PATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/err.h"

/*
 * patch_text - patch code that has just been mapped and that nobody runs yet
 *
 * prot is what the mapping has and gets again.  0 or -Exxx.  No TLS, no libc.
 */
int patch_text(uintptr_t start, size_t size, int prot);

/* patch_reset - forget what was found. */
void patch_reset(void);
/* patch_check - were the essential calls found?  After ld.so was mapped with
 * loader_only, after libc without. */
enum patch_stage { PATCH_LOADER, PATCH_LIBC };
int patch_check(enum patch_stage stage, struct err *err);

/* patch_found - was this system call found in the first code, ld.so's? */
bool patch_found(long nr);

/* patch_find - the site of a system call that ends before code[at], for tests:
 * length of what would be replaced, or 0. */
struct patch_site {
	size_t from;	/* first replaced byte */
	size_t syscall; /* offset of the two bytes 0f 05 */
	long nr;	/* -1: libc's syscall(), any number */
	int rip_at;	/* offset from `from` of a displacement that counts
			   from RIP, or -1; the instruction ends behind it */
};
/* patch_next - the next site at or behind *at; 0 at the end, else 1. */
int patch_next(const uint8_t *code, size_t size, size_t *at,
	       struct patch_site *site);

#endif
