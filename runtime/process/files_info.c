/* SPDX-License-Identifier: BSD-3-Clause */
/* files_info.c - what /proc/self/fdinfo tells of a descriptor */
#define _GNU_SOURCE
#include "runtime/process/files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "runtime/base/fmt.h"
#include "runtime/base/sys.h"
#include "runtime/process/process.h"

/* A number; base 0: decimal, or octal after a 0 (as "flags:" has it). */
static uint64_t number(const char **s, unsigned int base)
{
	const char *p = *s;
	uint64_t n = 0;

	while (*p == ' ' || *p == '\t')
		p++;
	for (;; p++) {
		unsigned int d = *p >= '0' && *p <= '9' ?
					 (unsigned int)(*p - '0') :
				 *p >= 'a' && *p <= 'f' ?
					 (unsigned int)(*p - 'a') + 10 :
					 99;

		if (d >= base)
			break;
		n = n * base + d;
	}
	*s = p;
	return n;
}

/* What follows a key, or NULL. */
static const char *value_of(const char *line, const char *key)
{
	size_t len = strlen(key);

	return strncmp(line, key, len) ? NULL : line + len;
}

/* "it_value: (0, 49406829)" */
static void pair(const char *s, int64_t out[2])
{
	while (*s && *s != '(')
		s++;
	if (!*s++)
		return;
	out[0] = (int64_t)number(&s, 10);
	if (*s == ',')
		s++;
	out[1] = (int64_t)number(&s, 10);
}

/* "tfd:        5 events:       19 data:                5  pos:0 ino:..." */
static int epoll_line(struct file_record *r, const char *s)
{
	struct epoll_entry *e = upper_alloc(sizeof(*e));

	if (!e)
		return -ENOMEM;
	e->fd = (int)number(&s, 10);
	s = strstr(s, "events:");
	if (s) {
		s += 7;
		e->events = (uint32_t)number(&s, 16);
		s = strstr(s, "data:");
	}
	if (s) {
		s += 5;
		e->data = number(&s, 16);
	}
	e->next = r->entries;
	r->entries = e;
	return 0;
}

static const char *word(const char *s, char *out, size_t size)
{
	size_t n = 0;

	while (*s == ' ' || *s == '\t')
		s++;
	while (*s && *s != ' ' && *s != '\t') {
		if (n + 1 < size)
			out[n++] = *s;
		s++;
	}
	out[n] = '\0';
	return s;
}

/* "lock:	1: FLOCK  ADVISORY  WRITE 359 00:13:11691 0 EOF" */
static int lock_line(struct file_record *r, const char *s)
{
	struct file_lock *l = upper_alloc(sizeof(*l));
	char text[32];

	if (!l)
		return -ENOMEM;
	s = word(s, text, sizeof(text)); /* "1:" */
	s = word(s, text, sizeof(text));
	l->kind = !strcmp(text, "FLOCK")  ? LOCK_IS_FLOCK :
		  !strcmp(text, "OFDLCK") ? LOCK_IS_OFD :
					    LOCK_IS_POSIX;
	s = word(s, text, sizeof(text)); /* ADVISORY */
	s = word(s, text, sizeof(text));
	l->write = !strcmp(text, "WRITE");
	s = word(s, text, sizeof(text)); /* pid */
	s = word(s, text, sizeof(text)); /* device and inode */
	l->start = (int64_t)number(&s, 10);
	word(s, text, sizeof(text));
	if (strcmp(text, "EOF"))
		l->len = (int64_t)number(&s, 10) - l->start + 1;
	l->next = r->locks;
	r->locks = l;
	return 0;
}

static int info_line(struct file_record *r, const char *line)
{
	const char *s;

	if ((s = value_of(line, "eventfd-count:")))
		r->count = number(&s, 16);
	else if ((s = value_of(line, "eventfd-semaphore:")))
		r->semaphore = number(&s, 10) != 0;
	else if ((s = value_of(line, "clockid:")))
		r->clock = (int)number(&s, 10);
	else if ((s = value_of(line, "ticks:")))
		r->count = number(&s, 10);
	else if ((s = value_of(line, "settime flags:")))
		r->settime_flags = (int)number(&s, 8);
	else if ((s = value_of(line, "it_value:")))
		pair(s, r->value);
	else if ((s = value_of(line, "it_interval:")))
		pair(s, r->interval);
	else if ((s = value_of(line, "sigmask:")))
		r->sigmask = number(&s, 16);
	else if ((s = value_of(line, "tfd:")))
		return epoll_line(r, s);
	else if ((s = value_of(line, "lock:")))
		return lock_line(r, s);
	return 0;
}

/* Line by line through a small buffer: an epoll may have thousands. */
static int each_line(struct file_record *r, int fd)
{
	char buf[4096];
	size_t len = 0;
	long n;
	int rc = 0;

	while (!rc && (n = sys_call(SYS_read, fd, buf + len,
				    sizeof(buf) - 1 - len)) > 0) {
		char *line = buf, *end;

		len += (size_t)n;
		buf[len] = '\0';
		while (!rc && (end = strchr(line, '\n'))) {
			*end = '\0';
			rc = info_line(r, line);
			line = end + 1;
		}
		len -= (size_t)(line - buf);
		memmove(buf, line, len);
	}
	return rc;
}

int file_info(struct file_record *r, struct err *err)
{
	char path[48];
	long fd;
	int rc;

	fmt_print(path, sizeof(path), "/proc/self/fdinfo/%d", r->fd);
	fd = sys_call(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, (int)fd, "cannot open %s: %s", path,
			       fmt_error((int)fd));
	rc = each_line(r, (int)fd);
	sys_call(SYS_close, fd);
	return rc ? err_set(err, rc, "no memory for descriptor %d", r->fd) : 0;
}
