/* SPDX-License-Identifier: BSD-3-Clause */
/* pending.h - signals that wait for the program while it is captured */
#ifndef CAIRN_PROCESS_PENDING_H
#define CAIRN_PROCESS_PENDING_H

#include <stdbool.h>
#include <stdint.h>

struct thread;

/*
 * All are called by the leader, all other threads parked.
 *
 * pending_take - take what waits, for the process or for one of its threads,
 * out of the kernel and into upper memory, where the image takes it along.  May
 * be called again for what has come since. pending_more - has anything come
 * since? pending_give - give all of it back to the kernel; restarted: in
 * another process than it was taken in.
 */
void pending_take(struct thread *leader);
bool pending_more(void);
void pending_give(struct thread *leader, bool restarted);

/* park_each - each parked thread runs fn on itself, and so does the leader
 * (park.c). */
void park_each(struct thread *leader, void (*fn)(struct thread *t));

#endif
