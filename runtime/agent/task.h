/* SPDX-License-Identifier: BSD-3-Clause */
/* task.h - something that takes its time, beside the loop */
#ifndef CAIRN_AGENT_TASK_H
#define CAIRN_AGENT_TASK_H

#include <pthread.h>
#include <stdbool.h>

#include "runtime/agent/loop.h"
#include "runtime/base/err.h"

/* One thread at a time, of low priority.  Zero it before its first use. */
struct task {
	struct loop *loop;
	struct source source; /* eventfd: it is through */
	pthread_t thread;
	bool running;
	void (*run)(void *arg);	 /* in the thread */
	void (*done)(void *arg); /* then in the loop's; may start the next */
	void *arg;
};

/* task_start - while none runs. */
int task_start(struct task *task, struct loop *loop, void (*run)(void *arg),
	       void (*done)(void *arg), void *arg, struct err *err) must_check;
/* task_wait - until it is through; done is not called. */
void task_wait(struct task *task);

#endif
