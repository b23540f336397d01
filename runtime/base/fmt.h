/* SPDX-License-Identifier: BSD-3-Clause */
/* fmt.h - a small snprintf for places where libc's must not be called */
#ifndef CAIRN_BASE_FMT_H
#define CAIRN_BASE_FMT_H

#include <stdarg.h>
#include <stddef.h>

/*
 * fmt_print - format into a buffer
 *
 * Knows %s %c %d %i %u %x %p %% with h, hh, l, ll, z, j, a width, a zero pad,
 * a left adjustment and, for %s, a precision (also as '*'): what Cairn's
 * messages use.  Always ends the text with a NUL when size > 0.  Gives the
 * length that the whole text would have had.  Async-signal-safe; no TLS.
 */
int fmt_print(char *buf, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
int fmt_vprint(char *buf, size_t size, const char *format, va_list ap)
	__attribute__((format(printf, 3, 0)));

/* fmt_error - the name of an errno value as a constant text ("ENOENT: no such
 * file or directory"); takes it positive or negative. */
const char *fmt_error(int error);

#endif
