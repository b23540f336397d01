/* SPDX-License-Identifier: BSD-3-Clause */
/* counter.c - count aloud, ten times a second, then end with a code */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 20;
	struct timespec tenth = { .tv_nsec = 100000000 };

	for (int i = 0; i < n; i++) {
		printf("%d\n", i);
		fflush(stdout);
		nanosleep(&tenth, NULL);
	}
	printf("done\n");
	return argc > 2 ? atoi(argv[2]) : 0;
}
