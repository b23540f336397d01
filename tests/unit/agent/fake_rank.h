/* SPDX-License-Identifier: BSD-3-Clause */
/* fake_rank.h - a process that speaks control.h as a rank would */
#ifndef CAIRN_TESTS_UNIT_AGENT_FAKE_RANK_H
#define CAIRN_TESTS_UNIT_AGENT_FAKE_RANK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define FAKE_BASE  0x200000000000ull
#define FAKE_PAGES 2048u

/* Exit codes of a fake rank. */
#define FAKE_FINE    0
#define FAKE_BROKEN  3 /* the protocol, or its memory, is not as it should */
#define FAKE_DENIED  4
#define FAKE_DROPPED 5 /* the agent closed the connection */

struct fake_rank {
	const char *socket;
	const char *secret;
	uint32_t rank, size;
	bool restore;	 /* be restored, and compare the memory */
	bool refuse;	 /* answer FRONTIER with REFUSED */
	bool die_quiet;	 /* end when it should drain */
	bool half_hello; /* connect, say nothing that is a greeting */
	unsigned int seed;
};

/* fake_rank_start - fork it.  It runs epochs until it gets SIGTERM (FAKE_FINE);
 * one that was restored ends when it has compared. */
pid_t fake_rank_start(const struct fake_rank *how);

#endif
