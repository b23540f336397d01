/* SPDX-License-Identifier: BSD-3-Clause */
/* signals.h - every handler of the process enters through ours */
#ifndef CAIRN_PROCESS_SIGNALS_H
#define CAIRN_PROCESS_SIGNALS_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <ucontext.h>

#define SIGNALS	      64
#define SIGNAL_CANCEL 32 /* glibc's own */
#define SIGNAL_SETXID 33

/* signals_init - our own handler, and wrap those installed already. */
void signals_init(void);
/* signals_wrap - wrap what libc has installed without asking us. */
void signals_wrap(int sig);
/* signals_default - what the kernel does by itself, at the next one. */
void signals_default(int sig);
/* terminate.c: the handler of a TERM that the program does not handle. */
void terminate_enter(int sig, siginfo_t *info, void *context);

/* rewind.c: the interrupted system call.
 *
 * rewind_after - the checkpoint signal's handler returns: if it made a call
 * fail with EINTR, let the call begin again.  entered: now_ns() at its start.
 * rewind_genuine - a handler of the program starts: if it interrupts a call
 * that only waits to begin again because of us, the call fails with EINTR after
 * all.
 */
struct thread;
void rewind_after(struct thread *t, ucontext_t *uc, uint64_t entered);
void rewind_genuine(struct thread *t, ucontext_t *uc, int flags);

/* tid_cancel - after a restart: pthread_cancel()'s signal, to the number that
 * the thread has now (tid.c); false: nothing to do. */
bool tid_cancel(pthread_t thread);

/* mask.c: CONTROL_SIGNAL does not exist for the program. */
#define CONTROL_BIT (1ULL << (CONTROL_SIGNAL - 1))

extern void signal_return(void) __attribute__((visibility("hidden")));

#endif
