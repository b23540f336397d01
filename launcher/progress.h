/* SPDX-License-Identifier: BSD-3-Clause */
/* progress.h - one line that shows a checkpoint in progress on a terminal */
#ifndef CAIRN_LAUNCHER_PROGRESS_H
#define CAIRN_LAUNCHER_PROGRESS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct progress {
	int fd;	    /* -1: not a terminal */
	bool shown; /* the line is on the screen */
	int64_t last_ms;
};

void progress_init(struct progress *p, int fd);
/* progress_line - the text for coordinator_status' object. */
char *progress_line(const json_t *status, char *buf, size_t size);
/* progress_show - redraw, at most ten times a second. */
void progress_show(struct progress *p, const json_t *status);
/* progress_clear - take the line away before anything else is printed. */
void progress_clear(struct progress *p);

#endif
