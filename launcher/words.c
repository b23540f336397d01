/* SPDX-License-Identifier: BSD-3-Clause */
/* words.c - a growing argument vector */
#include "launcher/words.h"

#include "runtime/base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *must(void *p)
{
	if (!p) {
		log_err("no memory for the arguments");
		exit(1);
	}
	return p;
}

char *xstrdup(const char *text)
{
	return must(strdup(text));
}

char *xprintf(const char *format, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&text, format, ap) < 0)
		text = NULL;
	va_end(ap);
	return must(text);
}

void words_insert(struct words *w, size_t at, const char *word)
{
	w->v = must(realloc(w->v, (w->n + 2) * sizeof(*w->v)));
	memmove(w->v + at + 1, w->v + at, (w->n - at) * sizeof(*w->v));
	w->v[at] = xstrdup(word);
	w->v[++w->n] = NULL;
}

void words_add(struct words *w, const char *word)
{
	words_insert(w, w->n, word);
}

void words_fini(struct words *w)
{
	for (size_t i = 0; i < w->n; i++)
		free(w->v[i]);
	free(w->v);
	w->v = NULL;
	w->n = 0;
}
