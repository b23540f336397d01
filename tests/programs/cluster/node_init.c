/* SPDX-License-Identifier: BSD-3-Clause */
/* node_init.c - process 1 of a node of tests/lib/cluster: reaps, never ends */
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	/* Whoever starts the node reads this, and then the end of the file. */
	puts("up");
	fflush(stdout);
	close(STDOUT_FILENO);
	for (;;) {
		sigwaitinfo(&all, NULL);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
}
