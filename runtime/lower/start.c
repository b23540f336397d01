/* SPDX-License-Identifier: BSD-3-Clause */
/* start.c - load the guest and wait until it has opened the MPI library */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/fmt.h"
#include "runtime/base/sys.h"
#include "runtime/lower/arena.h"
#include "runtime/lower/check.h"
#include "runtime/lower/crossing.h"
#include "runtime/lower/donor.h"
#include "runtime/lower/elf.h"
#include "runtime/lower/futex.h"
#include "runtime/lower/lower.h"
#include "runtime/lower/patch.h"
#include "runtime/lower/place.h"
#include "runtime/lower/stack.h"

#define GUEST_THREAD                                                        \
	(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | \
	 CLONE_SYSVSEM)

/* One guest a process; in upper memory, and made anew by each start. */
static struct guest_boot boot;
static const struct lower_loops *loops = &boot.loops;
static void *exit_thunk;

long guest_clone(unsigned long flags, uintptr_t stack, uintptr_t entry,
		 struct thread_ctx *gs);

static void exit_program(int code)
{
	exit(code);
}

static int fill_boot(const struct lower_options *options, struct err *err)
{
	memset(&boot, 0, sizeof(boot));
	lower_loops_early(false);
	boot.mpi_lib = options->mpi_lib;
	boot.symbols = options->symbols;
	boot.table = options->table;
	boot.yield = options->yield;
	if (!exit_thunk) /* thunks stay valid over a restart */
		exit_thunk = lower_callback((void *)exit_program, NULL);
	if (!exit_thunk)
		return err_set(err, -ENOMEM, "no memory for a callback");
	boot.exit_program = (void (*)(int))exit_thunk;
	return 0;
}

static int run_guest(uintptr_t stack, uintptr_t entry, struct err *err)
{
	long tid = guest_clone(GUEST_THREAD, stack, entry, &place_guest_ctx);

	if (tid < 0)
		return err_set(err, (int)tid,
			       "cannot make a thread for the MPI library: %s; "
			       "raise the limit of `ulimit -u`",
			       fmt_error((int)tid));
	return 0;
}

static int wait_for_guest(struct err *err)
{
	while (boot.state == GUEST_STARTING)
		futex_wait(&boot.state, GUEST_STARTING);
	if (boot.state == GUEST_READY)
		return 0;
	return err_set(err, boot.code, "%s", boot.err.text);
}

static int load_guest(const struct lower_options *options, uintptr_t *stack,
		      uintptr_t *entry, struct err *err)
{
	struct elf_image program, loader;
	char address[24];
	char *argv[] = { (char *)"cairn-lower", address, NULL };
	char name[256];
	int rc;

	/* ld.so first: patch.c counts its calls apart */
	rc = elf_interp(options->guest, name, sizeof(name), err);
	if (!rc)
		rc = elf_map(name, &loader, err);
	if (!rc)
		rc = patch_check(PATCH_LOADER, err);
	if (!rc)
		rc = elf_map(options->guest, &program, err);
	if (rc)
		return rc;
	fmt_print(address, sizeof(address), "%lx", (unsigned long)&boot);
	*stack = stack_build(argv, options->envp, &program, &loader);
	if (!*stack)
		return err_set(err, -ENOMEM,
			       "no memory for the MPI library's stack; raise "
			       "the limit of `ulimit -v`");
	*entry = loader.entry;
	return 0;
}

static int start_guest(const struct lower_options *options, struct err *err)
{
	uintptr_t stack, entry;
	int rc;

	rc = check_before(err);
	if (!rc)
		rc = load_guest(options, &stack, &entry, err);
	if (rc) {
		arena_close(); /* nothing runs in it yet */
		return rc;
	}
	rc = run_guest(stack, entry, err);
	if (!rc)
		rc = wait_for_guest(err);
	if (!rc)
		rc = patch_check(PATCH_LIBC, err);
	return rc ? rc : check_after(err);
}

/* The process manager's socket, by which the guest will speak to it. */
static void inherit(char **envp)
{
	for (; envp && *envp; envp++)
		if (!strncmp(*envp, "PMI_FD=", 7))
			place_own_fd(atoi(*envp + 7), true);
}

/*
 * Signals stay blocked meanwhile: the guest's thread inherits the mask, for
 * good, and no handler of the program maps or installs anything between the two
 * checks.
 */
int lower_start(const struct lower_options *options, struct err *err)
{
	uint64_t all = ~0UL, old;
	int rc;

	crossing_choose();
	place_init(options->fd_min);
	inherit(options->envp);
	patch_reset();
	rc = fill_boot(options, err);
	if (!rc)
		rc = arena_open(err);
	if (rc)
		return rc;
	sys_call(SYS_rt_sigprocmask, SIG_SETMASK, &all, &old, sizeof(all));
	rc = start_guest(options, err);
	sys_call(SYS_rt_sigprocmask, SIG_SETMASK, &old, 0, sizeof(old));
	if (!rc)
		rc = donor_init(&boot, err);
	return rc;
}

void lower_forget(void)
{
	arena_reset();
	patch_reset();
	place_init(0);
	donor_forget();
	memset(&boot, 0, sizeof(boot));
}

const struct lower_loops *lower_loops(void)
{
	return loops;
}

void lower_loops_early(bool early)
{
	loops = early ? &boot.early : &boot.loops;
}
