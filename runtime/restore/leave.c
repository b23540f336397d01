/* SPDX-License-Identifier: BSD-3-Clause */
/* leave.c - a rank that cannot be one ends the job */
#include "runtime/restore/rank.h"

#include "runtime/base/fmt.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

/* What the starter has for a sentence of ours before it may get lost. */
#define FORWARD_MS 1000

/* mpiexec forgets what it has not read yet when the job is aborted.  A pipe
 * tells nobody that it was emptied: look again in a moment. */
static void await_forwarding(void)
{
	const struct timespec moment = { .tv_nsec = 1000000 };
	int left;

	for (int ms = 0; ms < FORWARD_MS; ms++) {
		if (ioctl(STDERR_FILENO, FIONREAD, &left) || left <= 0)
			return;
		nanosleep(&moment, NULL);
	}
}

void rank_leave(int code)
{
	const char *fd = getenv("PMI_FD");
	char line[64];

	/* Hydra's PMI-1 only. */
	if (!fd || !*fd || !getenv("MPI_LOCALNRANKS"))
		return;
	await_forwarding();
	fmt_print(line, sizeof(line), "cmd=abort exitcode=%d\n", code);
	if (write(atoi(fd), line, strlen(line)) < 0)
		return; /* the starter is gone already */
}
