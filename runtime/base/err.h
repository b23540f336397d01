/* SPDX-License-Identifier: BSD-3-Clause */
/* err.h - errors: 0 or -Exxx, and one sentence for a person */
#ifndef CAIRN_BASE_ERR_H
#define CAIRN_BASE_ERR_H

#include <stdarg.h>
#include <stddef.h>

#define must_check __attribute__((warn_unused_result))

/* One sentence that names the rank, the object and what to do. */
struct err {
	char text[480];
};

/*
 * err_set - write the sentence, give back the code
 *
 * err may be NULL.  code is negative and is returned as it came, so that a
 * failure is one line: return err_set(err, -ENOENT, "no manifest in %s", dir);
 * Uses fmt_print: async-signal-safe, needs no TLS.
 */
int err_set(struct err *err, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* err_prefix - put "format: " before the sentence that err holds already;
 * gives code back. */
int err_prefix(struct err *err, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
