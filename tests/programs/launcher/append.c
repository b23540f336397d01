/* SPDX-License-Identifier: BSD-3-Clause */
/* append.c - several ranks without MPI append to one file */

/*
 * append FILE LINES: rank and number in each line, one a millisecond.  Rank 1
 * holds more memory than the others, so that its restart takes longer.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define HELD (192UL << 20)

int main(int argc, char **argv)
{
	const char *rank = getenv("PMI_RANK");
	int fd = argc > 2 ? open(argv[1], O_WRONLY | O_CREAT | O_APPEND, 0600) :
			    -1;
	struct timespec ms = { .tv_nsec = 1000000 };
	char line[64], *held = NULL;

	if (fd < 0 || !rank)
		return 1;
	if (atoi(rank) == 1) {
		held = malloc(HELD);
		for (unsigned long i = 0; held && i < HELD; i += 64)
			held[i] = (char)(i * 2654435761UL >> 13);
	}
	for (int i = 0; i < atoi(argv[2]); i++) {
		int n = snprintf(line, sizeof(line), "%s %d\n", rank, i);

		if (write(fd, line, (size_t)n) != n)
			return 1;
		nanosleep(&ms, NULL);
	}
	free(held);
	return 0;
}
