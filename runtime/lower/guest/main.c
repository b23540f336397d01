/* SPDX-License-Identifier: BSD-3-Clause */
/* main.c - cairn-lower: the guest that hosts the real MPI library */
#include <stdio.h>
#include <stdlib.h>

#include "runtime/base/sys.h"
#include "runtime/lower/futex.h"
#include "runtime/lower/guest/guest.h"

static void tell(struct guest_boot *boot, enum guest_state state)
{
	boot->state = state;
	futex_wake(&boot->state, 1);
}

int main(int argc, char *argv[])
{
	struct guest_boot *boot;
	void *library;
	int rc;

	if (argc != 2 || !getenv(GUEST_MARK)) {
		fputs("cairn-lower is a part of Cairn that cairnrun loads; it "
		      "is of no use by itself\n",
		      stderr);
		return 2;
	}
	boot = (struct guest_boot *)strtoull(argv[1], NULL, 16);
	rc = guest_open(boot, &library);
	if (!rc)
		rc = guest_loops(boot, library);
	if (rc) {
		boot->code = rc;
		tell(boot, GUEST_FAILED);
		/* only this thread: the process is the program's */
		for (;;)
			sys_call(SYS_exit, 0);
	}
	guest_interpose(boot, library);
	tell(boot, GUEST_READY);
	guest_serve(boot);
}
