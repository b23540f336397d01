/* SPDX-License-Identifier: BSD-3-Clause */
/* donor.c - threads of the lower half that lend their TLS */
#include "runtime/lower/donor.h"

#include <errno.h>

#define LOG_PREFIX "lower half: "
#include "runtime/base/fmt.h"
#include "runtime/base/log.h"
#include "runtime/base/sys.h"
#include "runtime/lower/futex.h"

/*
 * A thread of the program that crosses needs TLS of the lower half's libc.  It
 * borrows that of a donor: a thread which the guest made with pthread_create
 * and which sleeps for good.  A donor serves one thread at a time, and the next
 * when that thread has ended; what the library keeps in TLS stays with it.
 */
static struct guest_boot *guest;
static struct donor *unused;
static _Atomic uint32_t lock;

void donor_init(struct guest_boot *boot)
{
	lock = 0;
	unused = NULL;
	guest = boot;
}

/* With the lock held. */
static struct donor *make_donor(void)
{
	uint32_t ticket = atomic_fetch_add(&guest->asked, 1) + 1;
	uint32_t seen;

	futex_wake(&guest->asked, 1);
	while ((seen = atomic_load(&guest->answered)) != ticket)
		futex_wait(&guest->answered, seen);
	return guest->donor;
}

int lower_donor(struct thread_ctx *ctx)
{
	struct donor *d;

	if (ctx->lower_fs)
		return 0;
	futex_lock(&lock);
	if (!guest) {
		futex_unlock(&lock);
		return -ENXIO;
	}
	d = unused;
	if (d)
		unused = d->next;
	else
		d = make_donor();
	futex_unlock(&lock);
	if (!d)
		return -EAGAIN;
	ctx->donor = d;
	ctx->lower_fs = d->fs;
	return 0;
}

void lower_donor_return(struct thread_ctx *ctx)
{
	struct donor *d = ctx->donor;

	if (!ctx->lower_fs)
		return;
	ctx->lower_fs = 0;
	ctx->donor = NULL;
	futex_lock(&lock);
	d->next = unused;
	unused = d;
	futex_unlock(&lock);
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
