/* SPDX-License-Identifier: BSD-3-Clause */
/* donor.c - threads of the lower half that lend their TLS */
#include "runtime/lower/donor.h"

#include <errno.h>
#include <signal.h>

#define LOG_PREFIX "lower half: "
#include "runtime/base/fmt.h"
#include "runtime/base/log.h"
#include "runtime/base/sys.h"
#include "runtime/lower/crossing.h"
#include "runtime/lower/futex.h"

/*
 * A thread of the program that crosses needs TLS of the lower half's libc.  It
 * borrows that of a donor: a thread which the guest made with pthread_create
 * and which sleeps for good.  A donor serves one thread at a time, and the next
 * when that thread has ended; what the library keeps in TLS stays with it.
 */
static struct guest_boot *guest;
static struct donor *unused;
static struct donor *_Atomic all; /* read without the lock */
static _Atomic uint32_t lock;

/* With the lock held. */
static struct donor *make_donor(void)
{
	uint32_t ticket = atomic_fetch_add(&guest->asked, 1) + 1;
	uint32_t seen;

	futex_wake(&guest->asked, 1);
	while ((seen = atomic_load(&guest->answered)) != ticket)
		futex_wait(&guest->answered, seen);
	if (guest->donor) {
		guest->donor->older = all;
		all = guest->donor;
	}
	return guest->donor;
}

/* Is there room in the donor's TCB, and does it have the program's canary? */
static int check_tcb(const struct donor *d, struct err *err)
{
	const uint64_t *tcb = (const uint64_t *)d->fs;
	uint64_t canary;

	__asm__("mov %%fs:0x28, %0" : "=r"(canary));
	if (tcb[0x28 / 8] != canary)
		crossing_doubt("the halves' canaries differ");
	if (tcb[CTX_SELF / 8] || tcb[CTX_INSIDE / 8])
		return err_set(err, -ENOTSUP,
			       "this system's C library uses a part of its "
			       "threads' memory that Cairn needs; set "
			       "CAIRN_CROSSING=fs");
	return 0;
}

void donor_forget(void)
{
	lock = 0;
	unused = NULL;
	all = NULL;
	guest = NULL;
}

/* The first donor is made at once: the first call needs it anyway. */
int donor_init(struct guest_boot *boot, struct err *err)
{
	struct donor *d;

	donor_forget();
	guest = boot;
	d = make_donor();
	if (!d)
		return err_set(err, -EAGAIN,
			       "cannot make a thread for the MPI library; "
			       "raise the limit of `ulimit -u`");
	d->next = NULL;
	unused = d;
	return crossing_rewrites() ? check_tcb(d, err) : 0;
}

/* --- crossing without FS (lower.md) --------------------------------------- */

static uint64_t gs_here(void)
{
	uint64_t gs;

	__asm__ volatile("rdgsbase %0" : "=r"(gs));
	return gs;
}

static void gs_write(uint64_t gs)
{
	__asm__ volatile("wrgsbase %0" : : "r"(gs) : "memory");
}

static void lend_gs(struct thread_ctx *ctx)
{
	struct thread_gs *gs = thread_gs(ctx->lower_fs);

	if (!crossing_rewrites())
		return;
	gs->self = ctx;
	atomic_store(&gs->inside, 0);
	gs_write(ctx->lower_fs);
	atomic_store(&gs->ready, 1);
	if (crossing_in_doubt())
		atomic_store(&gs->ready, 0);
}

static void return_gs(struct thread_ctx *ctx, uint64_t fs)
{
	struct thread_gs *gs = thread_gs(fs);

	if (!crossing_rewrites())
		return;
	gs_write((uint64_t)ctx);
	atomic_store(&gs->ready, 0);
	gs->self = NULL;
}

void donor_unready(void)
{
	for (struct donor *d = all; d; d = d->older)
		atomic_store(&thread_gs(d->fs)->ready, 0);
}

bool donor_change_to_fs(void)
{
	uint64_t here = gs_here();

	for (struct donor *d = all; d; d = d->older)
		if (d->fs != here && atomic_load(&thread_gs(d->fs)->inside))
			return false;
	if (atomic_load(&thread_gs(here)->inside)) {
		__asm__ volatile("wrfsbase %0" : : "r"(here) : "memory");
		atomic_store(&thread_gs(here)->inside, 0);
	}
	return true;
}

static struct donor *take_unused(void)
{
	struct donor *d;

	futex_lock(&lock);
	d = unused;
	if (d)
		unused = d->next;
	else if (guest)
		d = make_donor();
	futex_unlock(&lock);
	return d;
}

/* No handler that calls MPI itself comes between GS, the context and the
 * donor's TCB, which must agree, or while the lock is held. */
static uint64_t block_signals(void)
{
	uint64_t every = ~0UL, old = 0;

	sys_call(SYS_rt_sigprocmask, SIG_SETMASK, &every, &old, sizeof(old));
	return old;
}

static void unblock_signals(uint64_t old)
{
	sys_call(SYS_rt_sigprocmask, SIG_SETMASK, &old, 0, sizeof(old));
}

int lower_donor(struct thread_ctx *ctx)
{
	uint64_t mask = block_signals();
	struct donor *d;
	int rc = 0;

	if (!ctx->lower_fs) {
		d = take_unused();
		rc = d ? 0 : guest ? -EAGAIN : -ENXIO;
		if (d) {
			ctx->donor = d;
			ctx->lower_fs = d->fs;
			lend_gs(ctx);
		}
	}
	unblock_signals(mask);
	return rc;
}

void lower_donor_return(struct thread_ctx *ctx)
{
	uint64_t mask = block_signals();
	struct donor *d = ctx->donor;

	if (ctx->lower_fs) {
		return_gs(ctx, ctx->lower_fs);
		ctx->lower_fs = 0;
		ctx->donor = NULL;
		futex_lock(&lock);
		d->next = unused;
		unused = d;
		futex_unlock(&lock);
	}
	unblock_signals(mask);
}

uint64_t donor_must_lend(struct thread_ctx *ctx)
{
	int rc = lower_donor(ctx);

	if (!rc)
		return ctx->lower_fs;
	if (rc == -ENXIO)
		log_err("a call into the MPI library before it was loaded; "
			"this is a fault of Cairn");
	else
		log_err("cannot make another thread for the MPI library (%s); "
			"raise the limit of `ulimit -u` or use fewer threads",
			fmt_error(rc));
	for (;;)
		sys_call(SYS_exit_group, 1);
}
