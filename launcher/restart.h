/* SPDX-License-Identifier: BSD-3-Clause */
/* restart.h - which epoch to restart from */
#ifndef CAIRN_LAUNCHER_RESTART_H
#define CAIRN_LAUNCHER_RESTART_H

#include <jansson.h>
#include <stdint.h>

#include "runtime/base/err.h"

struct restart {
	uint32_t epoch; /* 0: a first start */
	long ranks;
	json_t *program; /* argv of the first start */
};

/*
 * restart_choose - the epoch asked for, or (0) the newest that verifies
 *
 * Verifies manifest, sizes and index digests now; each chunk is checked when
 * it is read.  -ENOENT if the folder holds no committed epoch.
 */
int restart_choose(const char *dir, uint32_t epoch, struct restart *restart,
		   struct err *err) must_check;
/* restart_choose_before - the newest that verifies of those before an epoch that
 * turned out to be damaged. */
int restart_choose_before(const char *dir, uint32_t epoch,
			  struct restart *restart, struct err *err) must_check;
/* restart_check_ranks - does the user's command start as many? (0: not said) */
int restart_check_ranks(const struct restart *restart, long ranks,
			struct err *err) must_check;
void restart_fini(struct restart *restart);

#endif
