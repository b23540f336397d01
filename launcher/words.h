/* SPDX-License-Identifier: BSD-3-Clause */
/* words.h - a growing argument vector */
#ifndef CAIRN_LAUNCHER_WORDS_H
#define CAIRN_LAUNCHER_WORDS_H

#include <stddef.h>

/* Owns its copies; v is NULL-terminated and can be given to exec. */
struct words {
	char **v;
	size_t n;
};

/* words_add - append a copy.  Without memory the launcher ends with a
 * sentence: there is nothing to save yet. */
void words_add(struct words *w, const char *word);
void words_insert(struct words *w, size_t at, const char *word);
void words_fini(struct words *w);
/* xstrdup and xprintf - the same rule for single texts. */
char *xstrdup(const char *text);
char *xprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
