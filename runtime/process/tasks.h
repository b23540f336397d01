/* SPDX-License-Identifier: BSD-3-Clause */
/* tasks.h - the kernel's view of this process's threads, without libc */
#ifndef CAIRN_PROCESS_TASKS_H
#define CAIRN_PROCESS_TASKS_H

#include <stdbool.h>
#include <stdint.h>

struct task {
	char name[16];
	bool dead;		 /* a zombie, or ending */
	bool blocks_control;	 /* its mask has CONTROL_SIGNAL */
	uint64_t pending;	 /* signals that wait for it, */
	uint64_t pending_shared; /* and for the process */
	bool waits;		 /* in a system call; then */
	uint64_t sp, pc;	 /* its registers there */
};
/* task_read - 0, or -ESRCH. */
int task_read(int tid, struct task *task);

/* All threads: open, next until 0, close. */
struct task_list {
	int fd, at, end;
	char buf[2048];
};
int task_list_open(struct task_list *list);
int task_list_next(struct task_list *list);
void task_list_close(struct task_list *list);

#endif
