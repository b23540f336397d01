/* SPDX-License-Identifier: BSD-3-Clause */
/* crossing.h - how threads reach TLS of the lower half */
#ifndef CAIRN_LOWER_CROSSING_H
#define CAIRN_LOWER_CROSSING_H

#include <stdbool.h>

/* crossing_choose - before anything is loaded: is TLS to be reached by GS? */
void crossing_choose(void);
/* crossing_rewrites - is it? */
bool crossing_rewrites(void);
/* crossing_no_rewrite - it is not; only while nothing has been rewritten. */
void crossing_no_rewrite(const char *why);
/*
 * crossing_doubt - code that may reach TLS by FS is about to come
 *
 * From now on each crossing writes FS too, and so it is for the calling thread.
 * false: another thread is inside without; that code must not come.
 */
bool crossing_doubt(const char *why);
/* crossing_in_doubt - has it been called? */
bool crossing_in_doubt(void);

#endif
