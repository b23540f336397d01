/* SPDX-License-Identifier: BSD-3-Clause */
/* drain.h - messages taken off the wire for a checkpoint (DESIGN 4.3) */
#ifndef CAIRN_MPI_DRAIN_H
#define CAIRN_MPI_DRAIN_H

#include "mpi_wrappers/comm.h"
#include "runtime/base/control.h"
#include "runtime/base/err.h"

/* while this rank holds (drain_held.c): init at MPI_Init; questions die with
 * their epoch, this one or an older one */
#define DRAIN_EVERY_EPOCH UINT32_MAX
void drain_held_init(void);
void drain_held_forget(uint32_t ended);

/* epoch hooks (process/hooks.h); drain.md has the protocol */
int drain_held_step(struct err *err);
int drain_run(struct control_page *page, struct err *err);
void drain_resume(bool aborted);
/* after a restart, once communicators are rebuilt */
int drain_restart(struct err *err);

/* drain_finalize - all ranks are in MPI_Finalize and none holds any more: end
 * what aborted epochs have left half done, and receive all private messages.
 * Where there was never an epoch it is one small reduction. */
void drain_finalize(void);

/* drain_init - counters for a world of n ranks, at MPI_Init. */
int drain_init(int nranks, struct err *err);

/* drain_running - is this rank between the beginning and the end of a drain? */
bool drain_running(void);

/* drain_comm - the live communicator of this id; NULL if there is none. */
struct vcomm *drain_comm(uint64_t gid);

/*
 * cairn_test_drain - for tests: called by all ranks of the world at once, in
 * place of an epoch.  Drains; then, with rebuild, throws away every real
 * request and makes it again as after a restart.  0 or -Exxx.
 */
int cairn_test_drain(int rebuild);

#endif
