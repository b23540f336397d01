/* SPDX-License-Identifier: BSD-3-Clause */
/* history.h - the record of a job's life in its checkpoint folder */
#ifndef CAIRN_LAUNCHER_HISTORY_H
#define CAIRN_LAUNCHER_HISTORY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/err.h"

#define HISTORY_FILE	"history.jsonl"
#define HISTORY_VERSION 1
/* When the file has grown to MAX it is cut to KEPT, of which a quarter is for
 * old lines that are not about epochs. */
#define HISTORY_MAX  (4 << 20)
#define HISTORY_KEPT (2 << 20)

/*
 * history.jsonl (history.md): one JSON object a line, only ever appended.  It
 * is for people (`cairn report`, `cairn top`): nothing that Cairn does depends
 * on it, so it is not synced, and what cannot be written is left out, which is
 * in the log once.
 */
struct history {
	int dirfd; /* the caller's; -1: none is kept */
	bool lazy; /* nothing is written before there is something to tell */
	bool torn; /* the file does not end with a newline */
	bool failed;
	char *early; /* lines that were held back */
	size_t early_len;
	size_t max, kept; /* HISTORY_MAX, HISTORY_KEPT, or less in tests */
};

/* history_open - dirfd stays the caller's; lazy: hold lines back that are not
 * worth a file of their own. */
void history_open(struct history *h, int dirfd, bool lazy);
void history_fini(struct history *h); /* what is held back is forgotten */
/*
 * history_add - append an event; takes the reference, NULL is ignored
 *
 * kind becomes the member "event", beside "v" and "t", the time in seconds
 * since 1970.  worth: is it worth a file?  0, or -Exxx the first time that it
 * failed.
 */
int history_add(struct history *h, const char *kind, bool worth, json_t *event,
		struct err *err);

/*
 * history_load - all events of a folder that can be read, oldest first; an
 * array
 *
 * Torn lines, and those of another version, are left out, and counted in
 * *skipped.  -ENOENT if there is no record; -EPERM if it is another user's.
 */
int history_load(const char *dir, json_t **events, size_t *skipped,
		 struct err *err) must_check;

#endif
