/* SPDX-License-Identifier: BSD-3-Clause */
/* err.c - errors: 0 or -Exxx, and one sentence for a person */
#include "runtime/base/err.h"

#include "runtime/base/fmt.h"

int err_set(struct err *err, int code, const char *format, ...)
{
	va_list ap;

	if (!err)
		return code;
	va_start(ap, format);
	fmt_vprint(err->text, sizeof(err->text), format, ap);
	va_end(ap);
	return code;
}

int err_prefix(struct err *err, int code, const char *format, ...)
{
	struct err old;
	va_list ap;
	int n;

	if (!err)
		return code;
	old = *err;
	va_start(ap, format);
	n = fmt_vprint(err->text, sizeof(err->text), format, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < sizeof(err->text))
		fmt_print(err->text + n, sizeof(err->text) - (size_t)n,
			  ": %s", old.text);
	return code;
}
