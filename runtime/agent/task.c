/* SPDX-License-Identifier: BSD-3-Clause */
/* task.c - something that takes its time, beside the loop */
#include "runtime/agent/task.h"

#include "runtime/base/fmt.h"
#include "runtime/base/log.h"
#include "storage/thread.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#define NICE 10 /* nobody waits for it, as a rule */

static void *thread_run(void *arg)
{
	struct task *task = arg;
	uint64_t one = 1;

	setpriority(PRIO_PROCESS, (id_t)gettid(), NICE);
	task->run(task->arg);
	if (write(task->source.fd, &one, sizeof(one)) < 0)
		log_debug("task: eventfd: %s", fmt_error(errno));
	return NULL;
}

void task_wait(struct task *task)
{
	int fd = task->source.fd;

	if (!task->running)
		return;
	pthread_join(task->thread, NULL);
	source_close(task->loop, &task->source);
	close(fd);
	task->running = false;
}

static void rung(struct source *source, uint32_t events)
{
	struct task *task = source->arg;

	(void)events;
	task_wait(task);
	task->done(task->arg);
}

int task_start(struct task *task, struct loop *loop, void (*run)(void *arg),
	       void (*done)(void *arg), void *arg, struct err *err)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int ret = -errno;

	task->loop = loop;
	task->run = run;
	task->done = done;
	task->arg = arg;
	task->source.fd = -1;
	if (fd >= 0)
		ret = source_open(loop, &task->source, fd, EPOLLIN, rung, task);
	if (!ret)
		ret = thread_start(&task->thread, thread_run, task);
	task->running = !ret;
	if (!ret)
		return 0;
	source_close(loop, &task->source);
	if (fd >= 0)
		close(fd);
	return err_set(err, ret, "the agent cannot start a thread: %s",
		       fmt_error(ret));
}
