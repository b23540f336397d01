/* SPDX-License-Identifier: BSD-3-Clause */
/* test_jump.c - jumps out of wrappers, and those that stay inside */
#define _GNU_SOURCE
#include "runtime/process/process.h"
#include "tests/lib/unit.h"

#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>

static sigjmp_buf out, between;
static bool leaves;
static volatile int inner_depth;

static unsigned int depth(void)
{
	return ctx_here()->depth;
}

/* A handler that jumps inside of itself, or away. */
static void handler(int sig)
{
	sigjmp_buf inside;

	(void)sig;
	if (!sigsetjmp(inside, 1))
		siglongjmp(inside, 1);
	inner_depth = (int)depth();
	if (leaves)
		siglongjmp(out, 1);
}

static void install(int flags)
{
	struct sigaction sa = { .sa_handler = handler, .sa_flags = flags };

	sigaction(SIGUSR1, &sa, NULL);
}

/* What a wrapper is, seen from libcairn. */
static __attribute__((noinline)) void wrapper(void (*callback)(void))
{
	struct thread_ctx *ctx = ctx_enter();

	if (callback)
		process_callback((void *)callback, 0, 0, 0, 0, 0);
	else
		raise(SIGUSR1);
	ctx_leave(ctx);
}

static void from_handler(int flags)
{
	install(flags);
	for (volatile int i = 0; i < 20; i++) {
		leaves = false;
		wrapper(NULL);
		CU_ASSERT_EQUAL(inner_depth, 1);
		CU_ASSERT_EQUAL(depth(), 0);
		leaves = true;
		if (!sigsetjmp(out, 1))
			wrapper(NULL);
		CU_ASSERT_EQUAL(depth(), 0);
	}
}

static void test_handler(void)
{
	from_handler(0);
}

static void test_alternate_stack(void)
{
	static char area[65536];
	stack_t stack = { .ss_sp = area, .ss_size = sizeof(area) };

	sigaltstack(&stack, NULL);
	from_handler(SA_ONSTACK);
	stack.ss_flags = SS_DISABLE;
	sigaltstack(&stack, NULL);
}

static void jumps_away(void)
{
	longjmp(out, 1);
}

static void jumps_inside(void)
{
	jmp_buf inside;

	if (!setjmp(inside))
		longjmp(inside, 1);
	CU_ASSERT_EQUAL(depth(), 1);
}

static void test_callback(void)
{
	for (volatile int i = 0; i < 20; i++) {
		if (!setjmp(out))
			wrapper(jumps_away);
		CU_ASSERT_EQUAL(depth(), 0);
		wrapper(jumps_inside);
		CU_ASSERT_EQUAL(depth(), 0);
	}
}

static void handler_between(int sig)
{
	(void)sig;
	siglongjmp(between, 1);
}

static void calls_wrapper(void)
{
	if (!sigsetjmp(between, 1))
		wrapper(NULL);
	CU_ASSERT_EQUAL(depth(), 1);
}

static void test_between(void)
{
	signal(SIGUSR1, handler_between);
	for (volatile int i = 0; i < 20; i++) {
		wrapper(calls_wrapper);
		CU_ASSERT_EQUAL(depth(), 0);
	}
}

static const struct unit_test tests[] = {
	{ "a handler that leaves a wrapper leaves none open", test_handler },
	{ "so does one on another stack", test_alternate_stack },
	{ "so does a callback", test_callback },
	{ "a jump back into a callback leaves the inner wrapper only",
	  test_between },
	{ NULL, NULL },
};

static const struct unit_suite suites[] = {
	{ "jump", tests },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	return unit_main(argc, argv, suites);
}
