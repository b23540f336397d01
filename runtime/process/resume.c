/* SPDX-License-Identifier: BSD-3-Clause */
/* resume.c - in a restarted process: give back what is not memory */
#define _GNU_SOURCE
#define LOG_PREFIX "restart: "
#include "runtime/process/capture_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/base/fmt.h"
#include "runtime/base/log.h"
#include "runtime/base/sys.h"
#include "runtime/process/private.h"
#include "runtime/process/restored.h"

/*
 * DESIGN
 *
 * The restorer jumps here on the kernel's first thread, every signal blocked,
 * with FS and GS of the program's main thread, all memory as it was.  What the
 * kernel keeps for a process is still the restorer's, and is put right in the
 * order of the steps below; then the threads are made again and everybody goes
 * on where it stood: the leader in capture_rank(), which gives 1.
 *
 * It runs on a stack of its own: the program's stacks hold frames.
 */
#define RESUME_STACK 262144
static char resume_stack[RESUME_STACK] __attribute__((aligned(64)));

static struct resume_info resumed;
#define OBJECTS_MAX 256
static struct resume_object objects[OBJECTS_MAX];
static char **new_environ; /* this launch's */

void *resume_stack_top(void)
{
	return resume_stack + sizeof(resume_stack);
}

int shared_object_fd(uint64_t dev, uint64_t ino)
{
	for (uint64_t i = 0; i < resumed.nobjects; i++)
		if (objects[i].dev == dev && objects[i].ino == ino)
			return (int)objects[i].fd;
	return -1;
}

/* The restorer's memory goes away with all that it told. */
static int take_over(const struct resume_info *info, struct err *err)
{
	memcpy(&resumed, info, sizeof(resumed));
	if (resumed.magic != SHEET_MAGIC)
		return err_set(err, -EPROTO,
			       "the restorer is not of this version of Cairn; "
			       "use the version that wrote the checkpoint");
	if (resumed.nobjects > OBJECTS_MAX)
		return err_set(err, -E2BIG,
			       "%lu shared memory objects are more than %d",
			       (unsigned long)resumed.nobjects, OBJECTS_MAX);
	memcpy(objects, (const void *)(uintptr_t)resumed.objects,
	       resumed.nobjects * sizeof(*objects));
	sys_call(SYS_munmap, resumed.restorer, resumed.restorer_len);
	return 0;
}

/* This launch's environment as an array: for the new lower half. */
static int read_environ(struct err *err)
{
	struct stat st = { .st_size = 0 };
	char *text;
	size_t n = 0, len;

	sys_call(SYS_fstat, resumed.environ_fd, &st);
	len = (size_t)st.st_size;
	text = upper_alloc(len + 1);
	if (!text || sys_call(SYS_pread64, resumed.environ_fd, text, len, 0) !=
			     (long)len)
		return err_set(err, -EIO,
			       "cannot read this launch's environment");
	for (size_t i = 0; i < len; i++)
		n += !text[i];
	new_environ = upper_alloc((n + 1) * sizeof(*new_environ));
	if (!new_environ)
		return err_set(err, -ENOMEM, "no memory for the environment");
	n = 0;
	for (size_t i = 0; i < len; i += strlen(text + i) + 1)
		new_environ[n++] = text + i;
	sys_call(SYS_close, resumed.environ_fd);
	return 0;
}

/* A program that had more descriptors than most may have had one where ours
 * lie now. */
static int step_aside(int *fd)
{
	long high;

	if (!file_is_recorded(*fd))
		return 0;
	high = sys_call(SYS_fcntl, *fd, F_DUPFD_CLOEXEC, files_floor());
	if (high < 0)
		return (int)high;
	sys_call(SYS_close, *fd);
	*fd = (int)high;
	return 0;
}

/* The process manager's, too; the new lower half looks where PMI_FD says. */
static int move_pmi(void)
{
	static char text[32];
	int rc = 0;

	for (char **e = new_environ; *e && !rc; e++) {
		int fd;

		if (strncmp(*e, "PMI_FD=", 7))
			continue;
		fd = atoi(*e + 7);
		rc = step_aside(&fd);
		/* It is not ours alone: kept over an exec. */
		sys_call(SYS_fcntl, fd, F_SETFD, 0);
		fmt_print(text, sizeof(text), "PMI_FD=%d", fd);
		*e = text;
	}
	return rc;
}

static int make_room(struct err *err)
{
	int rc = step_aside(&resumed.agent_fd);

	if (!rc)
		rc = step_aside(&resumed.control_fd);
	for (uint64_t i = 0; !rc && i < resumed.nobjects; i++) {
		int fd = (int)objects[i].fd;

		rc = step_aside(&fd);
		objects[i].fd = (uint64_t)fd;
	}
	if (!rc)
		rc = move_pmi();
	return rc ? err_set(err, rc,
			    "cannot make room for the program's descriptors: "
			    "%s; raise the limit of open files (ulimit -n)",
			    fmt_error(rc)) :
		    0;
}

static int join_agent(struct err *err)
{
	int rc = link_set(resumed.agent_fd, resumed.control_fd, err);

	if (!rc)
		restored_begin(resumed.restarts, new_environ);
	return rc;
}

/* The last things that only the restart had a use for. */
static int close_objects(struct err *err)
{
	(void)err;
	for (uint64_t i = 0; i < resumed.nobjects; i++)
		sys_call(SYS_close, objects[i].fd);
	return 0;
}

void resume_entry(void *arg, const struct resume_info *info)
{
	static int (*const steps[])(struct err *) = {
		read_environ, make_room,     join_agent,
		files_resume, close_objects, attributes_resume,
	};
	struct err err = { "" };
	int rc = take_over(info, &err);

	(void)arg;
	track_forget();
	for (size_t i = 0; !rc && i < sizeof(steps) / sizeof(*steps); i++)
		rc = steps[i](&err);
	if (rc) {
		log_err("%s", err.text);
		sys_call(SYS_exit_group, 1);
	}
	resume_threads();
}
