/* SPDX-License-Identifier: BSD-3-Clause */
/* pid.h - process and thread numbers: the program's and the kernel's */
#ifndef CAIRN_PROCESS_PID_H
#define CAIRN_PROCESS_PID_H

#include <signal.h>
#include <stdint.h>

/* pid_to_kernel - what the kernel calls the process that the program means.
 * tid_to_kernel - the same for a thread (tid.c), or for a process by its first
 * thread.  0 and unknown numbers stay what they are. */
int pid_to_kernel(int pid);
int tid_to_kernel(int tid);
/* thread_cpu_before - CPU time (ns) of the thread that the program calls so,
 * from before the last restart. */
uint64_t thread_cpu_before(int tid);
/* pid_info - the kernel's siginfo as the program must see it; NULL allowed. */
void pid_info(siginfo_t *info);
/* For calls by number: the first argument, and the result (or -Exxx). */
long pid_syscall_argument(long nr, long arg);
long pid_syscall_result(long nr, long result);

#endif
