/* SPDX-License-Identifier: BSD-3-Clause */
/* ctx.h - what the runtime knows of one thread of the program */
#ifndef CAIRN_BASE_CTX_H
#define CAIRN_BASE_CTX_H

/* Offsets for the assembly of the crossing; checked below. */
#define CTX_UPPER_FS 0
#define CTX_LOWER_FS 8
#define CTX_CLOSURE  56
/* Seen from the GS base, whichever of the two it is. */
#define CTX_SELF   128
#define CTX_INSIDE 136
#define CTX_READY  137

#ifndef __ASSEMBLER__

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/*
 * One per thread of the program, in memory of libcairn's own allocator (upper
 * half, so it is in the image).  It is reached in two ways:
 *  - cairn_ctx, a TLS variable of libcairn (initial-exec), where FS is known to
 *    be the program's: fast path of every wrapper; NULL on a thread that
 *    Cairn has not met yet (ctx_here() adopts it);
 *  - the GS base, in either half: crossing, callbacks, signal handlers.  It is
 *    the context's own address, or the donor's thread pointer while the lower
 *    half's code reaches its TLS by GS (runtime/lower/lower.md, Crossing).  So
 *    struct thread_gs lies in both, where glibc's TCB has room that nobody
 *    uses.  A new thread inherits its maker's GS: a handler must check tid
 *    before it believes it.
 */
struct thread_ctx;
struct thread_gs {
	struct thread_ctx *self; /* NULL: a thread of the lower half */
	_Atomic uint8_t inside;	 /* in the lower half, FS is the program's */
	_Atomic uint8_t ready;	 /* may cross without a write of FS */
};

struct thread_ctx {
	uint64_t upper_fs;     /* the program's FS base of this thread */
	uint64_t lower_fs;     /* its donor's FS base; 0: no donor yet */
	_Atomic uint32_t stop; /* leave the lower half's loops, and look */
	uint32_t depth;	       /* wrappers this thread is inside of */
	int32_t tid;	       /* the kernel's number now */
	int32_t app_tid;       /* the number the program's libc believes */
	void *donor;	       /* lower's handle for the donor */
	void *process;	       /* process/'s own part (struct thread) */
	void *mpi;	       /* mpi_wrappers' own part */
	void *closure;	       /* of the callback being entered (lower) */
	uint64_t reserved[8];
	struct thread_gs gs;
};

static inline struct thread_gs *thread_gs(uint64_t gs_base)
{
	return (struct thread_gs *)(gs_base + CTX_SELF);
}

_Static_assert(offsetof(struct thread_ctx, upper_fs) == CTX_UPPER_FS, "asm");
_Static_assert(offsetof(struct thread_ctx, lower_fs) == CTX_LOWER_FS, "asm");
_Static_assert(offsetof(struct thread_ctx, closure) == CTX_CLOSURE, "asm");
_Static_assert(offsetof(struct thread_ctx, gs) == CTX_SELF, "asm");
_Static_assert(CTX_SELF + offsetof(struct thread_gs, inside) == CTX_INSIDE,
	       "asm");
_Static_assert(CTX_SELF + offsetof(struct thread_gs, ready) == CTX_READY,
	       "asm");

#endif
#endif
