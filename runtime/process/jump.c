/* SPDX-License-Identifier: BSD-3-Clause */
/* jump.c - jumps out of wrappers must not leave them open */
#define _GNU_SOURCE
#include "runtime/process/jump.h"

#include "runtime/process/private.h"

#include <setjmp.h>

/*
 * DESIGN
 *
 * A handler of the program that interrupts MPI_Recv() may leave by
 * siglongjmp(), an error handler by longjmp().  The wrapper's ctx_leave() never
 * runs then, the thread would count as inside of MPI for good, and no
 * checkpoint would be possible any more.
 *
 * ctx_enter() is too hot to note where it was called.  But the ways out are
 * few: they begin in a handler that interrupted a wrapper, or in a callback.
 * Where one of those starts, which is rare, a boundary notes the depth and the
 * place on the stack.  A jump to a place that is not below the innermost
 * boundary leaves it; the depth is then that of the boundary which it lands
 * below, 0 without one.
 *
 * An exception that leaves an error handler takes no function of libc's, and
 * those of the C++ library may be several in a process.  But whoever unwinds
 * the stack asks each frame's personality routine, so callbacks are called from
 * a frame that has one.
 *
 * Whatever a wrapper had begun stays begun, as in a native MPI library.
 */

/* libc hides the stack pointer in a jmp_buf; can we read it? */
static bool can_read;

static uintptr_t target_of(const struct __jmp_buf_tag *env)
{
	uint64_t hidden = (uint64_t)env->__jmpbuf[6], guard;

	__asm__("mov %%fs:0x30, %0" : "=r"(guard));
	return (hidden >> 17 | hidden << 47) ^ guard;
}

__attribute__((constructor(102))) static void learn(void)
{
	jmp_buf env;
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);

	if (!_setjmp(env))
		can_read = here - target_of(env) < 4096;
}

uint32_t boundary_begin(struct thread *t, uintptr_t top, uintptr_t resume)
{
	uint32_t before;

	/* Older ones were left by means that we have not seen. */
	if (!t->ctx.depth)
		t->boundaries = 0;
	before = t->boundaries;
	if (t->ctx.depth && before < BOUNDARIES) {
		t->boundary[before] = (struct boundary){ top, resume,
							 t->ctx.depth };
		t->boundaries = before + 1;
	}
	return before;
}

void boundary_end(struct thread *t, uint32_t before)
{
	t->boundaries = before;
}

/* Only `n` boundaries are still there, and the program is below the last. */
static void leave_to(struct thread *t, uint32_t n)
{
	t->boundaries = n;
	t->ctx.depth = n ? t->boundary[n - 1].depth : 0;
	/* No closure of a callback that is no more. */
	if (!n)
		t->ctx.closure = NULL;
}

/* The program goes on at `target`; the stack is used down to `here` now. */
static void jump_to(uintptr_t target, uintptr_t here)
{
	struct thread_ctx *ctx = cairn_ctx;
	struct thread *t = thread_of(ctx);
	uint32_t n;

	if (!ctx || !ctx->depth || !t->boundaries || !can_read)
		return;
	for (n = t->boundaries; n; n--) {
		const struct boundary *b = &t->boundary[n - 1];

		if (target >= here && target <= b->top)
			break;
		here = b->resume;
	}
	leave_to(t, n);
}

/* callback.S */
long callback_call(void *fn, long a1, long a2, long a3, long a4, long a5);

long process_callback(void *fn, long a1, long a2, long a3, long a4, long a5)
{
	struct thread *t = thread_of(ctx_here());
	/* Just above the function that is called. */
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);
	uint32_t before = boundary_begin(t, here, here);
	long ret = callback_call(fn, a1, a2, a3, a4, a5);

	boundary_end(t, before);
	return ret;
}

/* The personality routine of callback_call() (Itanium C++ ABI, Exception
 * Handling, 1.6.2): it catches nothing, but learns that its frame is left. */
#define UA_CLEANUP_PHASE    2
#define URC_CONTINUE_UNWIND 8
int callback_unwound(int version, int actions, uint64_t class, void *exception,
		     void *context);

int callback_unwound(int version, int actions, uint64_t class, void *exception,
		     void *context)
{
	struct thread_ctx *ctx = cairn_ctx;
	struct thread *t = thread_of(ctx);

	(void)version;
	(void)class;
	(void)exception;
	(void)context;
	/* Whose boundary found no room is not left either. */
	if (actions & UA_CLEANUP_PHASE && ctx && t->boundaries &&
	    t->boundaries < BOUNDARIES)
		leave_to(t, t->boundaries - 1);
	return URC_CONTINUE_UNWIND;
}

/* --- what the program calls -------------------------------------------------
 */

#define HERE ((uintptr_t)__builtin_frame_address(0))

REAL_SLOT(longjmp);
REAL_SLOT(_longjmp);
REAL_SLOT(siglongjmp);
REAL_SLOT(__longjmp_chk);

EXPORT void longjmp(struct __jmp_buf_tag env[1], int value)
{
	jump_to(target_of(env), HERE);
	REAL(longjmp)(env, value);
}

EXPORT void _longjmp(struct __jmp_buf_tag env[1], int value)
{
	jump_to(target_of(env), HERE);
	REAL(_longjmp)(env, value);
}

EXPORT void siglongjmp(sigjmp_buf env, int value)
{
	jump_to(target_of(env), HERE);
	REAL(siglongjmp)(env, value);
}

void __longjmp_chk(struct __jmp_buf_tag env[1], int value)
	__attribute__((noreturn));
EXPORT void __longjmp_chk(struct __jmp_buf_tag env[1], int value)
{
	jump_to(target_of(env), HERE);
	REAL(__longjmp_chk)(env, value);
}
