/* SPDX-License-Identifier: BSD-3-Clause */
/* log.c - one interface for what Cairn tells people */
#include "runtime/base/log.h"

#include "runtime/base/fmt.h"
#include "runtime/base/sys.h"

#include <stdarg.h>
#include <stddef.h>
#include <string.h>

/* File-scope: a log has no context to hang on where a handler writes. */
static char log_who[48];
static enum log_level log_max = LOG_WARN;
static int log_fd = 2;

void log_init(const char *who, const char *level)
{
	static const char *const names[] = { "err", "warn", "info", "debug" };

	fmt_print(log_who, sizeof(log_who), "%s", who ? who : "");
	for (size_t i = 0; level && i < 4; i++)
		if (!strcmp(level, names[i]))
			log_max = (enum log_level)i;
}

void log_set_fd(int fd)
{
	log_fd = fd;
}

int log_enabled(enum log_level level)
{
	return level <= log_max;
}

void log_line(enum log_level level, const char *format, ...)
{
	char line[1024];
	size_t n;
	va_list ap;

	n = (size_t)fmt_print(line, sizeof(line), "cairn: %s%s%s", log_who,
			      log_who[0] ? ": " : "",
			      level == LOG_WARN ? "warning: " : "");
	va_start(ap, format);
	n += (size_t)fmt_vprint(line + n, sizeof(line) - n, format, ap);
	va_end(ap);
	if (n > sizeof(line) - 2)
		n = sizeof(line) - 2;
	line[n++] = '\n';
	sys_call(SYS_write, log_fd, line, n);
}
