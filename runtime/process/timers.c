/* SPDX-License-Identifier: BSD-3-Clause */
/* timers.c - interval timers and POSIX timers of the program */
#define _GNU_SOURCE
#include "runtime/process/capture_private.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <time.h>

#include "runtime/base/fmt.h"
#include "runtime/base/sys.h"
#include "runtime/process/pid.h"
#include "runtime/process/private.h"

#ifndef PR_TIMER_CREATE_RESTORE_IDS
#define PR_TIMER_CREATE_RESTORE_IDS 77
#endif
#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

/*
 * The program knows a POSIX timer by the kernel's number, so the same number
 * must come back.  New kernels give it on request; others count up, so timers
 * are made and removed until it is its turn.
 */
#define TIMERS_MAX 64
#define COUNT_UP   100000

struct timer_record {
	int id, signo, notify, tid, clock;
	uint64_t value;
	struct itimerspec left;
};

/* In libcairn's data and so in the image. */
static struct itimerval interval[3]; /* REAL, VIRTUAL, PROF */
static struct timer_record timers[TIMERS_MAX];
static size_t ntimers;

/* --- what there is
 * --------------------------------------------------------------- */

static const char *value_of(const char *line, const char *key)
{
	size_t len = strlen(key);

	return strncmp(line, key, len) ? NULL : line + len;
}

/* The number that lasts; 0: not a thread of the program.  All are parked. */
static int app_tid_of(int tid)
{
	thread_each(t) if (t->ctx.tid == tid) return t->ctx.app_tid;
	return 0;
}

/* "notify: signal/pid.1234", "notify: thread/tid.1234", "none/pid.1234" */
static int notify_of(struct timer_record *t, const char *s)
{
	const char *dot = strchr(s, '.');

	t->tid = dot ? atoi(dot + 1) : 0;
	if (strstr(s, "/tid.")) {
		t->notify = SIGEV_THREAD_ID;
		t->tid = app_tid_of(t->tid);
		return t->tid ? 0 : -EOPNOTSUPP;
	}
	t->notify = !strncmp(s, "none", 4) ? SIGEV_NONE : SIGEV_SIGNAL;
	return 0;
}

static int timer_line(const char *line, struct err *err)
{
	struct timer_record *t = ntimers ? &timers[ntimers - 1] : NULL;
	const char *s;

	if ((s = value_of(line, "ID: "))) {
		if (ntimers == TIMERS_MAX)
			return err_set(err, -E2BIG,
				       "the program has more than %d timers "
				       "(timer_create)",
				       TIMERS_MAX);
		t = &timers[ntimers++];
		*t = (struct timer_record){ .id = atoi(s) };
		sys_call(SYS_timer_gettime, t->id, &t->left);
	} else if (t && (s = value_of(line, "signal: "))) {
		t->signo = atoi(s);
		s = strchr(s, '/');
		t->value = s ? strtoull(s + 1, NULL, 16) : 0;
	} else if (t && (s = value_of(line, "notify: "))) {
		if (notify_of(t, s))
			return err_set(err, -EOPNOTSUPP,
				       "timer %d signals a thread that the "
				       "program did not make; use "
				       "SIGEV_SIGNAL",
				       t->id);
	} else if (t && (s = value_of(line, "ClockID: "))) {
		t->clock = atoi(s);
	}
	return 0;
}

int timers_record(struct err *err)
{
	static char text[TIMERS_MAX * 160];
	long fd, n, len = 0;
	int rc = 0;

	for (int i = 0; i < 3; i++)
		sys_call(SYS_getitimer, i, &interval[i]);
	ntimers = 0;
	fd = sys_call(SYS_openat, AT_FDCWD, "/proc/self/timers",
		      O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0; /* a kernel that does not tell */
	while (len < (long)sizeof(text) - 1 &&
	       (n = sys_call(SYS_read, fd, text + len,
			     sizeof(text) - 1 - (size_t)len)) > 0)
		len += n;
	sys_call(SYS_close, fd);
	text[len] = '\0';
	for (char *line = text, *end; !rc && (end = strchr(line, '\n'));
	     line = end + 1) {
		*end = '\0';
		rc = timer_line(line, err);
	}
	return rc;
}

/* --- making them again
 * ------------------------------------------------------------ */

static int create(const struct timer_record *t)
{
	struct sigevent event = { .sigev_notify = t->notify,
				  .sigev_signo = t->signo };
	int id = t->id;
	long rc;

	event.sigev_value.sival_ptr = (void *)(uintptr_t)t->value;
	if (t->notify == SIGEV_THREAD_ID)
		event.sigev_notify_thread_id = tid_to_kernel(t->tid);
	rc = sys_call(SYS_prctl, PR_TIMER_CREATE_RESTORE_IDS, 1, 0, 0, 0);
	if (!rc) {
		rc = sys_call(SYS_timer_create, t->clock, &event, &id);
		sys_call(SYS_prctl, PR_TIMER_CREATE_RESTORE_IDS, 0, 0, 0, 0);
		return (int)rc;
	}
	for (int i = 0; i < COUNT_UP; i++) {
		rc = sys_call(SYS_timer_create, t->clock, &event, &id);
		if (rc || id == t->id)
			return (int)rc;
		sys_call(SYS_timer_delete, id);
	}
	return -ERANGE;
}

/* Linux winds an interval timer up again when its signal is taken.  One that
 * ran out while the signal was blocked says that nothing is left, though the
 * program waits for that signal: let it come at once. */
static void itimer_set(int which)
{
	struct itimerval value = interval[which];

	if (!value.it_value.tv_sec && !value.it_value.tv_usec &&
	    (value.it_interval.tv_sec || value.it_interval.tv_usec))
		value.it_value.tv_usec = 1;
	sys_call(SYS_setitimer, which, &value, 0);
}

int timers_resume(struct err *err)
{
	for (size_t i = 0; i < ntimers; i++) {
		int rc = create(&timers[i]);

		if (rc)
			return err_set(err, rc,
				       "cannot make timer %d again: %s",
				       timers[i].id, fmt_error(rc));
		sys_call(SYS_timer_settime, timers[i].id, 0, &timers[i].left,
			 0);
	}
	for (int i = 0; i < 3; i++)
		itimer_set(i);
	return 0;
}
