/* SPDX-License-Identifier: BSD-3-Clause */
/* html.h - write HTML into which no foreign text comes unescaped */
#ifndef CAIRN_LAUNCHER_REPORT_HTML_H
#define CAIRN_LAUNCHER_REPORT_HTML_H

#include <stdio.h>

/*
 * html_put - as fprintf, but what %s stands for is escaped
 *
 * So it may come from anywhere, and stand in text or in a quoted attribute.
 * Knows %s, %d, %zu, %lld, %% and %.Nf.  Characters that XML does not allow
 * become U+FFFD.
 */
void html_put(FILE *out, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
