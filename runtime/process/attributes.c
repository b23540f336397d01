/* SPDX-License-Identifier: BSD-3-Clause */
/* attributes.c - working directory, umask, limits and the like */
#define _GNU_SOURCE
#define LOG_PREFIX "restart: "
#include "runtime/process/capture_private.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "runtime/base/fmt.h"
#include "runtime/base/log.h"
#include "runtime/base/sys.h"
#include "runtime/process/private.h"

/* Options of prctl that a program may have set, with a GET that returns the
 * value or stores it. */
enum how { RETURNS, STORES };
static const struct {
	int get, set;
	enum how how;
} options[] = {
	{ PR_GET_PDEATHSIG, PR_SET_PDEATHSIG, STORES },
	{ PR_GET_DUMPABLE, PR_SET_DUMPABLE, RETURNS },
	{ PR_GET_CHILD_SUBREAPER, PR_SET_CHILD_SUBREAPER, STORES },
	{ PR_GET_NO_NEW_PRIVS, PR_SET_NO_NEW_PRIVS, RETURNS },
	{ PR_GET_THP_DISABLE, PR_SET_THP_DISABLE, RETURNS },
	{ PR_GET_TIMERSLACK, PR_SET_TIMERSLACK, RETURNS },
};
#define OPTIONS (sizeof(options) / sizeof(*options))

/* One process, one set; in libcairn's data and so in the image. */
static struct {
	char cwd[PATH_MAX];
	mode_t mask;
	struct rlimit limits[RLIM_NLIMITS];
	long personality;
	long options[OPTIONS];
} saved;

static int record_cwd(struct err *err)
{
	struct stat here, there;
	long n = sys_call(SYS_readlinkat, AT_FDCWD, "/proc/self/cwd", saved.cwd,
			  sizeof(saved.cwd) - 1);

	saved.cwd[n > 0 ? n : 0] = '\0';
	if (n > 0 && !sys_call(SYS_newfstatat, AT_FDCWD, ".", &here, 0) &&
	    !sys_call(SYS_newfstatat, AT_FDCWD, saved.cwd, &there, 0) &&
	    here.st_dev == there.st_dev && here.st_ino == there.st_ino)
		return 0;
	return err_set(err, -ENOENT,
		       "the working directory (%s) was removed; change to "
		       "another one before the checkpoint",
		       saved.cwd);
}

static long option_get(size_t i)
{
	int value = 0;
	long rc;

	if (options[i].how == RETURNS)
		return sys_call(SYS_prctl, options[i].get, 0, 0, 0, 0);
	rc = sys_call(SYS_prctl, options[i].get, &value, 0, 0, 0);
	return rc < 0 ? rc : value;
}

/* --- children
 * --------------------------------------------------------------------- */

static bool is_alive(int pid)
{
	char path[32], stat[256];
	const char *s;
	long fd, n;

	fmt_print(path, sizeof(path), "/proc/%d/stat", pid);
	fd = sys_call(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = sys_call(SYS_read, fd, stat, sizeof(stat) - 1);
	sys_call(SYS_close, fd);
	stat[n > 0 ? n : 0] = '\0';
	s = strrchr(stat, ')');
	return s && s[1] && s[2] != 'Z' && s[2] != 'X';
}

/* The children that thread tid made, as a list of numbers. */
static int children_of(int tid, struct err *err)
{
	char path[64], buf[4096];
	long fd, n;
	int pid = 0;

	fmt_print(path, sizeof(path), "/proc/self/task/%d/children", tid);
	fd = sys_call(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0; /* a kernel that does not tell */
	n = sys_call(SYS_read, fd, buf, sizeof(buf));
	sys_call(SYS_close, fd);
	for (long i = 0; i < n; i++) {
		if (buf[i] >= '0' && buf[i] <= '9') {
			pid = pid * 10 + (buf[i] - '0');
			continue;
		}
		if (pid && !twin_is(pid) && is_alive(pid))
			return err_set(err, -EBUSY,
				       "the program has a child process (%d), "
				       "which cannot be checkpointed; wait for "
				       "it first",
				       pid);
		pid = 0;
	}
	return 0;
}

static int no_children(struct err *err)
{
	int rc = 0;

	thread_each(t)
	{
		if (!rc)
			rc = children_of(t->ctx.tid, err);
	}
	return rc;
}

/* -------------------------------------------------------------------------------------
 */

int attributes_record(struct err *err)
{
	int rc = no_children(err);

	if (!rc)
		rc = record_cwd(err);
	if (rc)
		return rc;
	saved.mask = (mode_t)sys_call(SYS_umask, 0);
	sys_call(SYS_umask, saved.mask);
	for (int i = 0; i < RLIM_NLIMITS; i++)
		sys_call(SYS_prlimit64, 0, i, 0, &saved.limits[i]);
	saved.personality = sys_call(SYS_personality, 0xffffffff);
	for (size_t i = 0; i < OPTIONS; i++)
		saved.options[i] = option_get(i);
	return 0;
}

/* What the program had, as far as this launch's hard limits allow. */
static void limit_again(int which)
{
	struct rlimit limit = saved.limits[which], now;

	if (!sys_call(SYS_prlimit64, 0, which, &limit, 0) ||
	    sys_call(SYS_prlimit64, 0, which, 0, &now))
		return;
	if (limit.rlim_cur > now.rlim_max) {
		log_warn("resource limit %d was %lu at the checkpoint and "
			 "cannot be raised above %lu here",
			 which, (unsigned long)limit.rlim_cur,
			 (unsigned long)now.rlim_max);
		limit.rlim_cur = now.rlim_max;
	}
	limit.rlim_max = now.rlim_max;
	sys_call(SYS_prlimit64, 0, which, &limit, 0);
}

int attributes_resume(struct err *err)
{
	long rc = sys_call(SYS_chdir, saved.cwd);

	if (rc)
		return err_set(err, (int)rc,
			       "cannot go to the working directory %s: %s; "
			       "make it again",
			       saved.cwd, fmt_error((int)rc));
	sys_call(SYS_umask, saved.mask);
	for (int i = 0; i < RLIM_NLIMITS; i++)
		limit_again(i);
	sys_call(SYS_personality, saved.personality);
	for (size_t i = 0; i < OPTIONS; i++)
		if (saved.options[i] >= 0 && option_get(i) != saved.options[i])
			sys_call(SYS_prctl, options[i].set, saved.options[i], 0,
				 0, 0);
	return 0;
}
