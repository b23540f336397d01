/* SPDX-License-Identifier: BSD-3-Clause */
/* tasks.c - the kernel's view of this process's threads, without libc */
#define _GNU_SOURCE
#include "runtime/process/tasks.h"

#include "runtime/base/control.h"
#include "runtime/base/fmt.h"
#include "runtime/base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

struct dirent_raw {
	uint64_t ino;
	int64_t off;
	uint16_t len;
	uint8_t type;
	char name[];
};

static int read_file(int tid, const char *name, char *buf, size_t size)
{
	char path[64];
	long fd, n;

	fmt_print(path, sizeof(path), "/proc/self/task/%d/%s", tid, name);
	fd = sys_call(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return (int)fd;
	n = sys_call(SYS_read, fd, buf, size - 1);
	sys_call(SYS_close, fd);
	if (n < 0)
		return (int)n;
	buf[n] = '\0';
	return 0;
}

static uint64_t hex(const char *s)
{
	uint64_t value = 0;

	for (;; s++) {
		if (*s >= '0' && *s <= '9')
			value = value << 4 | (uint64_t)(*s - '0');
		else if (*s >= 'a' && *s <= 'f')
			value = value << 4 | (uint64_t)(*s - 'a' + 10);
		else
			return value;
	}
}

/* The set of signals after one of the keys of "status", all 8 long. */
static uint64_t mask_in(const char *text, const char *key)
{
	const char *p = strstr(text, key);

	return p ? hex(p + 8) : 0;
}

/* "nr a b c d e f sp pc", the last two in hex; or "running"; or "-1 sp pc" */
static void parse_syscall(char *text, struct task *task)
{
	char *sp, *pc = strrchr(text, ' ');

	if (!pc)
		return;
	*pc = '\0';
	sp = strrchr(text, ' ');
	if (!sp)
		return;
	task->waits = true;
	task->pc = hex(pc + 3);
	task->sp = hex(sp + 3);
}

int task_read(int tid, struct task *task)
{
	char buf[4096];
	const char *p;

	memset(task, 0, sizeof(*task));
	if (read_file(tid, "status", buf, sizeof(buf)))
		return -ESRCH;
	p = strstr(buf, "Name:\t");
	for (int i = 0; p && i < 15 && p[6 + i] != '\n'; i++)
		task->name[i] = p[6 + i];
	p = strstr(buf, "State:\t");
	task->dead = p && (p[7] == 'Z' || p[7] == 'X');
	task->blocks_control = mask_in(buf, "SigBlk:\t") >>
				       (CONTROL_SIGNAL - 1) &
			       1;
	task->pending = mask_in(buf, "SigPnd:\t");
	task->pending_shared = mask_in(buf, "ShdPnd:\t");
	if (!read_file(tid, "syscall", buf, sizeof(buf)))
		parse_syscall(buf, task);
	return 0;
}

int task_list_open(struct task_list *list)
{
	list->at = list->end = 0;
	list->fd = (int)sys_call(SYS_openat, AT_FDCWD, "/proc/self/task",
				 O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return list->fd < 0 ? list->fd : 0;
}

static int number(const char *s)
{
	int value = 0;

	for (; *s >= '0' && *s <= '9'; s++)
		value = value * 10 + *s - '0';
	return value;
}

int task_list_next(struct task_list *list)
{
	for (;;) {
		struct dirent_raw *d;
		int tid;

		if (list->at >= list->end) {
			list->at = 0;
			list->end = (int)sys_call(SYS_getdents64, list->fd,
						  list->buf, sizeof(list->buf));
			if (list->end <= 0)
				return 0;
		}
		d = (struct dirent_raw *)(list->buf + list->at);
		list->at += d->len;
		tid = number(d->name);
		if (tid)
			return tid;
	}
}

void task_list_close(struct task_list *list)
{
	sys_call(SYS_close, list->fd);
}
