/* SPDX-License-Identifier: BSD-3-Clause */
/* ckpt.h - the middle beat of a test program: set up, test_ckpt(), check */
#ifndef CAIRN_TESTS_PROGRAMS_RESTORE_CKPT_H
#define CAIRN_TESTS_PROGRAMS_RESTORE_CKPT_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Says that all is set up, and waits until the harness (mini_agent) has taken
 * the checkpoint: it makes the file $GATE then. */
static inline void test_ckpt(void)
{
	fputs("ready\n", stdout);
	fflush(stdout);
	while (access(getenv("GATE"), F_OK))
		usleep(500);
}

/* A check prints its name only when it fails, and what was found always: output
 * is compared between lives. */
static int failures;
#define CHECK(what)                                                      \
	do {                                                             \
		if (!(what)) {                                           \
			failures++;                                      \
			printf("FAILED line %d: %s\n", __LINE__, #what); \
		}                                                        \
	} while (0)

static inline int test_end(void)
{
	printf("%s\n", failures ? "bad" : "good");
	fflush(stdout);
	return failures != 0;
}

#endif
