/* SPDX-License-Identifier: BSD-3-Clause */
/* crossing.c - how threads reach TLS of the lower half */
#include "runtime/lower/crossing.h"

#include <linux/membarrier.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#define LOG_PREFIX "lower half: "
#include "runtime/base/log.h"
#include "runtime/base/sys.h"
#include "runtime/lower/donor.h"

#define HWCAP2_FSGSBASE 2

/* Read by cross.S. */
extern uint8_t cross_fsgsbase;
uint8_t cross_fsgsbase;

/* Of the one guest of the process; set anew by each start. */
static bool rewrites;
static _Atomic bool doubt;

static bool can_rewrite(void)
{
	return cross_fsgsbase &&
	       !sys_call(SYS_membarrier,
			 MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0);
}

/* CAIRN_CROSSING is for tests and benches: `fs` leaves the guest's code as it
 * is, `both` rewrites it and distrusts the result. */
void crossing_choose(void)
{
	const char *wish = getenv("CAIRN_CROSSING");

	cross_fsgsbase = getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE &&
			 !getenv("CAIRN_NO_FSGSBASE");
	rewrites = can_rewrite() && !(wish && !strcmp(wish, "fs"));
	doubt = wish && !strcmp(wish, "both");
	if (!rewrites)
		log_debug("each crossing writes FS: TLS accesses are left");
}

bool crossing_rewrites(void)
{
	return rewrites;
}

void crossing_no_rewrite(const char *why)
{
	if (rewrites)
		log_debug("each crossing writes FS: %s", why);
	rewrites = false;
}

bool crossing_in_doubt(void)
{
	return atomic_load(&doubt);
}

/*
 * Threads that cross look at `ready` after they have set `inside`, without a
 * barrier of their own: the barrier here is for both sides.
 */
bool crossing_doubt(const char *why)
{
	if (!rewrites)
		return true;
	if (!atomic_exchange(&doubt, true))
		log_debug("each crossing writes FS: %s", why);
	donor_unready();
	sys_call(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
	if (donor_change_to_fs())
		return true;
	log_warn("the MPI library loads %s while several threads call MPI; "
		 "refused: set CAIRN_CROSSING=fs",
		 why);
	return false;
}
