/* SPDX-License-Identifier: BSD-3-Clause */
/* service.c - make donors on request */
#include <asm/prctl.h>
#include <pthread.h>
#include <stdlib.h>

#include "runtime/base/sys.h"
#include "runtime/lower/futex.h"
#include "runtime/lower/guest/guest.h"

/* A donor never runs anything but this. */
#define DONOR_STACK (64UL << 10)

/* All signals are blocked: the mask is inherited from the service. */
static void *donor_park(void *arg)
{
	struct donor *donor = arg;
	_Atomic uint32_t never = 0;
	uint64_t fs;

	sys_call(SYS_arch_prctl, ARCH_GET_FS, &fs);
	donor->fs = fs;
	donor->parked = 1;
	futex_wake(&donor->parked, 1);
	for (;;)
		futex_wait(&never, 0);
	return NULL;
}

static struct donor *make_donor(void)
{
	struct donor *donor = calloc(1, sizeof(*donor));
	pthread_attr_t attr;
	pthread_t thread;
	int rc;

	if (!donor || pthread_attr_init(&attr))
		goto fail;
	rc = pthread_attr_setstacksize(&attr, DONOR_STACK);
	if (!rc)
		rc = pthread_attr_setdetachstate(&attr,
						 PTHREAD_CREATE_DETACHED);
	if (!rc)
		rc = pthread_create(&thread, &attr, donor_park, donor);
	pthread_attr_destroy(&attr);
	if (rc)
		goto fail;
	while (!donor->parked)
		futex_wait(&donor->parked, 0);
	return donor;
fail:
	free(donor);
	return NULL;
}

void guest_serve(struct guest_boot *boot)
{
	uint32_t asked;

	for (;;) {
		while ((asked = boot->asked) == boot->answered)
			futex_wait(&boot->asked, asked);
		boot->donor = make_donor();
		boot->answered = asked;
		futex_wake(&boot->answered, 1);
	}
}
