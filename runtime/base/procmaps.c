/* SPDX-License-Identifier: BSD-3-Clause */
/* procmaps.c - read a process's memory map where malloc must not be called */
#include "runtime/base/procmaps.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>

#include "runtime/base/sys.h"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* A number in hex or decimal, then the character `stop`, which is eaten. */
static bool number(const char **s, int base, char stop, uint64_t *value)
{
	const char *p = *s;
	int digit;

	*value = 0;
	for (; (digit = hex_digit(*p)) >= 0 && digit < base; p++)
		*value = *value * (uint64_t)base + (uint64_t)digit;
	if (p == *s || *p != stop)
		return false;
	*s = p + 1;
	return true;
}

/* The kernel writes a newline in a name as \012 and nothing else so. */
static void copy_name(char *to, size_t size, const char *from)
{
	size_t n = 0;

	while (*from && n + 1 < size) {
		if (!strncmp(from, "\\012", 4)) {
			to[n++] = '\n';
			from += 4;
		} else {
			to[n++] = *from++;
		}
	}
	to[n] = '\0';
}

static void strip_deleted(struct procmap *map)
{
	static const char tail[] = " (deleted)";
	size_t len = strlen(map->name), cut = sizeof(tail) - 1;

	map->deleted = len > cut && !strcmp(map->name + len - cut, tail);
	if (map->deleted)
		map->name[len - cut] = '\0';
}

int procmap_parse(const char *line, struct procmap *map)
{
	uint64_t major, minor;
	const char *s = line;

	memset(map, 0, offsetof(struct procmap, name) + 1);
	if (!number(&s, 16, '-', &map->start) ||
	    !number(&s, 16, ' ', &map->end) || strnlen(s, 5) < 5)
		return -EINVAL;
	map->prot = (s[0] == 'r' ? PROT_READ : 0U) |
		    (s[1] == 'w' ? PROT_WRITE : 0U) |
		    (s[2] == 'x' ? PROT_EXEC : 0U);
	map->shared = s[3] == 's';
	s += 5;
	if (!number(&s, 16, ' ', &map->offset) ||
	    !number(&s, 16, ':', &major) || !number(&s, 16, ' ', &minor))
		return -EINVAL;
	map->dev = makedev((unsigned int)major, (unsigned int)minor);
	for (map->ino = 0; *s >= '0' && *s <= '9'; s++)
		map->ino = map->ino * 10 + (uint64_t)(*s - '0');
	while (*s == ' ')
		s++;
	copy_name(map->name, sizeof(map->name), s);
	strip_deleted(map);
	return 0;
}

static void flag(struct procmap *map, const char *two)
{
	/* clang-format off */
	static const struct {
		char name[3];
		uint32_t flag;
	} names[] = {
		{ "gd", PROCMAP_GROWSDOWN },  { "nr", PROCMAP_NORESERVE },
		{ "lo", PROCMAP_LOCKED },     { "hg", PROCMAP_HUGEPAGE },
		{ "nh", PROCMAP_NOHUGEPAGE }, { "dd", PROCMAP_DONTDUMP },
		{ "dc", PROCMAP_DONTFORK },   { "wf", PROCMAP_WIPEONFORK },
		{ "io", PROCMAP_DEVICE },     { "pf", PROCMAP_DEVICE },
		{ "mw", PROCMAP_MAY_WRITE },
	};
	/* clang-format on */

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (two[0] == names[i].name[0] && two[1] == names[i].name[1])
			map->flags |= names[i].flag;
}

static uint64_t kilobytes(const char *s)
{
	uint64_t n = 0;

	while (*s == ' ')
		s++;
	for (; *s >= '0' && *s <= '9'; s++)
		n = n * 10 + (uint64_t)(*s - '0');
	return n * 1024;
}

/* One "Key: value" line of smaps. */
static void attribute(struct procmap *map, const char *line)
{
	if (!strncmp(line, "Rss:", 4))
		map->rss = kilobytes(line + 4);
	else if (!strncmp(line, "Swap:", 5))
		map->swap = kilobytes(line + 5);
	else if (!strncmp(line, "VmFlags:", 8))
		for (line += 8;
		     line[0] == ' ' && line[1] && line[2] && line[1] != ' ';
		     line += 3)
			flag(map, line + 1);
}

/* The next line without its newline, in place; NULL at the end or if it cannot
 * be read (*rc).  A line stays valid until the next call. */
static char *peek_line(struct procmaps *maps, int *rc)
{
	*rc = 0;
	for (;;) {
		char *start = maps->buf + maps->pos;
		char *end = memchr(start, '\n', maps->len - maps->pos);
		long n;

		if (end) {
			*end = '\0';
			return start;
		}
		if (maps->at_end)
			return NULL;
		memmove(maps->buf, start, maps->len - maps->pos);
		maps->len -= maps->pos;
		maps->pos = 0;
		if (maps->len == sizeof(maps->buf)) {
			*rc = -E2BIG;
			return NULL;
		}
		n = sys_call(SYS_read, maps->fd, maps->buf + maps->len,
			     sizeof(maps->buf) - maps->len);
		if (n < 0 && n != -EINTR) {
			*rc = (int)n;
			return NULL;
		}
		if (n > 0)
			maps->len += (size_t)n;
		maps->at_end = n == 0;
	}
}

/* Goes past the line that peek_line gave. */
static void take_line(struct procmaps *maps, const char *line)
{
	maps->pos = (size_t)(line - maps->buf) + strlen(line) + 1;
}

int procmaps_open(struct procmaps *maps, const char *path)
{
	long fd = sys_call(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);

	procmaps_begin(maps, (int)fd);
	return fd < 0 ? (int)fd : 0;
}

void procmaps_begin(struct procmaps *maps, int fd)
{
	maps->fd = fd;
	maps->at_end = false;
	maps->pos = maps->len = 0;
}

int procmaps_next(struct procmaps *maps, struct procmap *map)
{
	int rc;
	char *line = peek_line(maps, &rc);

	if (!line)
		return rc;
	rc = procmap_parse(line, map);
	if (rc)
		return rc;
	take_line(maps, line);
	while ((line = peek_line(maps, &rc)) && *line >= 'A' && *line <= 'Z') {
		attribute(map, line);
		take_line(maps, line);
	}
	if (line)
		line[strlen(line)] = '\n'; /* it will be looked for again */
	return rc ? rc : 1;
}

void procmaps_close(struct procmaps *maps)
{
	if (maps->fd >= 0)
		sys_call(SYS_close, maps->fd);
	maps->fd = -1;
}
