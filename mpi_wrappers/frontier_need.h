/* SPDX-License-Identifier: BSD-3-Clause */
/* frontier_need.h - what the two files of FRONTIER share (private) */
#ifndef CAIRN_MPI_FRONTIER_NEED_H
#define CAIRN_MPI_FRONTIER_NEED_H

#include "mpi_wrappers/frontier.h"
#include "runtime/base/control.h"

/* frontier_below - is this rank below a target, or does it miss a group call:
 * does the epoch wait for it itself? */
bool frontier_below(const struct control_page *page);

/* frontier_now_us - a clock that wraps. */
uint32_t frontier_now_us(void);

/* need_begin - an epoch is published: nothing is needed yet.  need_settle -
 * this rank is no reason any more for others to go on: what it has said is
 * void. Both also in the signal handler. */
void need_begin(void);
void need_settle(void);

/* need_watch - this rank must go on and waits for peer of comm (frontier.h,
 * frontier_blocked): ask the peer, unless it comes without. */
void need_watch(const struct control_page *page, uint32_t epoch,
		struct frontier_need *need, const struct vcomm *comm, int peer);

#endif
