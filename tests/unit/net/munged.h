/* SPDX-License-Identifier: BSD-3-Clause */
/* munged.h - a munged of the test's own */
#ifndef CAIRN_TESTS_UNIT_NET_MUNGED_H
#define CAIRN_TESTS_UNIT_NET_MUNGED_H

#include <stdbool.h>

/* munged_begin - start one, which ends with the program, and point
 * $CAIRN_MUNGE_SOCKET to it; all others need this first. */
void munged_begin(void);
/* munged_skip - has this test no munged?  Then it is skipped, with the reason.
 */
bool munged_skip(void);
/* munged_signal - SIGSTOP, SIGCONT */
void munged_signal(int sig);
/* munged_use_other - one with another key, started if it is not there; false:
 * back to the first. */
void munged_use_other(bool other);

#endif
