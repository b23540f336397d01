/* SPDX-License-Identifier: BSD-3-Clause */
/* memory.h - is there memory for the ranks' copy-on-write twins? */
#ifndef CAIRN_AGENT_MEMORY_H
#define CAIRN_AGENT_MEMORY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Room that several ranks share: the node's, and that of each control group
 * that one of them is in. */
struct memory_room;

/* memory_open - the node's room now; root is "" but in tests: what stands
 * before /proc and /sys.  NULL: out of memory. */
struct memory_room *memory_open(const char *root);
void memory_close(struct memory_room *room); /* NULL allowed */

/* memory_fits - may this process have a twin?  If so, what it may cost is taken
 * off the room.  What cannot be read limits nothing. */
bool memory_fits(struct memory_room *room, pid_t pid);

#endif
