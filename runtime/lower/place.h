/* SPDX-License-Identifier: BSD-3-Clause */
/* place.h - what the guest's system calls may do to the process */
#ifndef CAIRN_LOWER_PLACE_H
#define CAIRN_LOWER_PLACE_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/ctx.h"

/* A system call as the guest made it; patch_entry.S knows this layout. */
struct place_call {
	long nr; /* on return: the result, if place_call gave 0 */
	long arg[6];
};

/*
 * place_call - answer one system call of the guest
 *
 * Runs on the guest's stack; whose FS it is depends on the crossing.  0:
 * call->nr holds the result; 1: the caller performs the call itself, with
 * call's (changed) arguments; 2: so too, and the thread that it makes takes its
 * thread pointer into GS.
 */
int place_call(struct place_call *call);

/* place_wants - is this one of the calls that must be led to place_call? */
bool place_wants(long nr);
/* place_essential - the i-th call without which nothing is safe, or -1 */
long place_essential(unsigned int i);
const char *place_name(long nr);

/* place_init - before the guest runs; forgets what an older guest did. */
void place_init(int fd_min);

/* place_own_fd - this descriptor is, or is no more, the guest's. */
void place_own_fd(int fd, bool on);

/* The GS base of every thread that belongs to the lower half. */
extern struct thread_ctx place_guest_ctx;

/* What GS leads to; NULL on a thread of the lower half whose GS is its own
 * thread pointer. */
static inline struct thread_ctx *place_context(void)
{
	struct thread_ctx *ctx;

	__asm__ volatile("mov %%gs:%c1, %0" : "=r"(ctx) : "i"(CTX_SELF));
	return ctx;
}

/* place_is_program - is this a thread of the program that has crossed? (else
 * one of the lower half's own).  Only inside the lower half. */
static inline bool place_is_program(void)
{
	struct thread_ctx *ctx = place_context();
	uint8_t inside;
	uint64_t fs;

	if (!ctx || ctx == &place_guest_ctx)
		return false;
	__asm__ volatile("movb %%gs:%c1, %0" : "=q"(inside) : "i"(CTX_INSIDE));
	if (inside)
		return true;
	__asm__ volatile("mov %%fs:0, %0" : "=r"(fs));
	return fs == ctx->lower_fs;
}

#endif
