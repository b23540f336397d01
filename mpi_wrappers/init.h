/* SPDX-License-Identifier: BSD-3-Clause */
/* init.h - where the program is between MPI_Init and MPI_Finalize */
#ifndef CAIRN_MPI_INIT_H
#define CAIRN_MPI_INIT_H

#include <stdbool.h>

#include "runtime/base/err.h"
#include "runtime/process/hooks.h"

/* init_threads - the level that the library gave (MPI_THREAD_...). */
int init_threads(void);

struct thread_ctx;
/* init_for_session - the real library must be up for a session that is about to
 * open: MPI_SUCCESS or an error.  init_no_session - the last one is closed.
 * sessions_open (sessions.c) - is there one? */
int init_for_session(struct thread_ctx *ctx);
int init_no_session(struct thread_ctx *ctx);
bool sessions_open(void);

/* rebuild.c: a rank's part of an epoch, from MPI_Init to MPI_Finalize. */
extern const struct epoch_hooks rebuild_hooks;

/* attr.c: copies of the predefined attributes: MPI_SUCCESS or an error; after a
 * restart MPI_ERR_TAG if the new library's largest tag is smaller. */
int attr_predefined_read(void);

#endif
