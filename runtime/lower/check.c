/* SPDX-License-Identifier: BSD-3-Clause */
/* check.c - did the guest stay inside? */
#include "runtime/lower/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#include "runtime/base/fmt.h"
#include "runtime/base/procmaps.h"
#include "runtime/base/sys.h"
#include "runtime/lower/lower.h"
#include "runtime/lower/place_private.h"

/*
 * Run by one thread at start-up; static because of their size.  Before and
 * after, runs of adjacent mappings are compared, so that a change of protection
 * inside the program's own does not count.
 */
#define RANGES 2048

static struct lower_range before[RANGES];
static size_t nbefore;
static bool alone;
static struct kernel_sigaction actions[PLACE_SIGNALS + 1];
static struct procmaps maps;
static struct procmap map;

static void read_actions(struct kernel_sigaction *to)
{
	for (long sig = 1; sig <= PLACE_SIGNALS; sig++)
		sys_call(SYS_rt_sigaction, sig, 0, &to[sig], 8);
}

/* The link count of /proc/self/task is two more than there are threads. */
static bool is_alone(void)
{
	char buf[1024];
	long fd, n;
	size_t entries = 0;

	fd = sys_call(SYS_openat, AT_FDCWD, "/proc/self/task",
		      O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = sys_call(SYS_getdents64, fd, buf, sizeof(buf));
	sys_call(SYS_close, fd);
	for (long at = 0; at < n; entries++)
		at += *(unsigned short *)(buf + at + 16);
	return entries == 3; /* ".", ".." and us */
}

/* The kernel grows the stack when it likes. */
static bool is_compared(void)
{
	return strncmp(map.name, "[stack", 6) && !lower_owns(map.start);
}

static int note_maps(struct err *err)
{
	int rc = procmaps_open(&maps, "/proc/self/maps");

	nbefore = 0;
	while (!rc && (rc = procmaps_next(&maps, &map)) > 0) {
		rc = 0;
		if (!is_compared())
			continue;
		if (nbefore && before[nbefore - 1].end == map.start) {
			before[nbefore - 1].end = map.end;
			continue;
		}
		if (nbefore == RANGES) {
			alone = false; /* too many to compare */
			break;
		}
		before[nbefore].start = map.start;
		before[nbefore++].end = map.end;
	}
	procmaps_close(&maps);
	if (rc < 0)
		return err_set(err, rc, "cannot read /proc/self/maps: %s",
			       fmt_error(rc));
	return 0;
}

static bool was_mapped(uintptr_t start, uintptr_t end)
{
	for (size_t i = 0; i < nbefore; i++)
		if (start >= before[i].start && end <= before[i].end)
			return true;
	return false;
}

static int compare_maps(struct err *err)
{
	int rc = procmaps_open(&maps, "/proc/self/maps");

	while (!rc && (rc = procmaps_next(&maps, &map)) > 0) {
		rc = 0;
		if (!is_compared() || was_mapped(map.start, map.end))
			continue;
		rc = err_set(
			err, -ENOTSUP,
			"the MPI library placed a mapping at %p (%s) "
			"outside its own memory; it cannot be checkpointed",
			(void *)map.start,
			map.name[0] ? map.name : "anonymous");
	}
	procmaps_close(&maps);
	return rc;
}

static int compare_actions(struct err *err)
{
	struct kernel_sigaction now[PLACE_SIGNALS + 1] = { 0 };

	read_actions(now);
	for (int sig = 1; sig <= PLACE_SIGNALS; sig++)
		if (memcmp(&now[sig], &actions[sig], sizeof(now[sig])))
			return err_set(err, -ENOTSUP,
				       "the MPI library changed the action of "
				       "signal %d, which is the program's",
				       sig);
	return 0;
}

int check_before(struct err *err)
{
	alone = is_alone();
	read_actions(actions);
	return alone ? note_maps(err) : 0;
}

int check_after(struct err *err)
{
	int rc = compare_actions(err);

	return rc || !alone ? rc : compare_maps(err);
}
