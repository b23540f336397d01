/* SPDX-License-Identifier: BSD-3-Clause */
/* leftover.h - what MPICH leaves in /dev/shm when it is killed */
#ifndef CAIRN_AGENT_LEFTOVER_H
#define CAIRN_AGENT_LEFTOVER_H

/*
 * leftover_sweep - remove its files in /dev/shm that no process holds
 *
 * MPICH names a file in /dev/shm, waits for all ranks of the node, and takes
 * the name away.  Ranks that are killed meanwhile leave the file, and a restart
 * whose other nodes are lost waits there for long.  The maker has the file open
 * until its name is gone, so one of our user's that nobody holds is nobody's.
 * The same goes for UCX's segments, at any time; of those only the ones count
 * that were made after the first call.
 */
void leftover_sweep(void);

#endif
