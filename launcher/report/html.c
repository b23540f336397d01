/* SPDX-License-Identifier: BSD-3-Clause */
/* html.c - write HTML into which no foreign text comes unescaped */
#include "launcher/report/html.h"

#include <stdarg.h>
#include <string.h>

static void put_escaped(FILE *out, const char *text)
{
	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		switch (*p) {
		case '&':
			fputs("&amp;", out);
			break;
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		case '\'':
			fputs("&#39;", out);
			break;
		case '\t':
		case '\n':
		case '\r':
			fputc(' ', out);
			break;
		default:
			if (*p < 0x20 || *p == 0x7f)
				fputs("\xef\xbf\xbd", out);
			else if (*p == 0xef && p[1] == 0xbf && p[2] >= 0xbe)
				fputs("\xef\xbf\xbd", out), p += 2;
			else
				fputc(*p, out);
		}
	}
}

void html_put(FILE *out, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	for (; *format; format++) {
		if (*format != '%') {
			fputc(*format, out);
			continue;
		}
		format++;
		if (*format == 's') {
			put_escaped(out, va_arg(ap, const char *));
		} else if (*format == 'd') {
			fprintf(out, "%d", va_arg(ap, int));
		} else if (*format == 'z') {
			fprintf(out, "%zu", va_arg(ap, size_t));
			format++;
		} else if (*format == 'l') {
			fprintf(out, "%lld", va_arg(ap, long long));
			format += 2;
		} else if (*format == '.') {
			fprintf(out, "%.*f", format[1] - '0',
				va_arg(ap, double));
			format += 2;
		} else {
			fputc('%', out);
		}
	}
	va_end(ap);
}
