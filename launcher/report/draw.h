/* SPDX-License-Identifier: BSD-3-Clause */
/* draw.h - the report's pictures, as SVG within the page */
#ifndef CAIRN_LAUNCHER_REPORT_DRAW_H
#define CAIRN_LAUNCHER_REPORT_DRAW_H

#include <stdio.h>

#include "launcher/report/life.h"

/* draw_time - "2026-11-28 18:44:10" (UTC) into buf, which is returned. */
char *draw_time(double t, char *buf, size_t size);
/* draw_seconds - "35 ms", "2.4 s", "3 min 20 s". */
char *draw_seconds(double seconds, char *buf, size_t size);

/* draw_life - runs as bars, epochs as marks, over all of the job's time. */
void draw_life(FILE *out, const struct life *life);
/* draw_charts - pause and bytes of the newest committed epochs. */
void draw_charts(FILE *out, const struct life *life);
/* draw_phases - one epoch's, as a small bar; longest_s is its full width. */
void draw_phases(FILE *out, const struct life_epoch *e, double longest_s);
/* draw_ranks - one epoch's ranks, a line each. */
void draw_ranks(FILE *out, const struct life_epoch *e);
/* draw_legend - what the colours of phases mean. */
void draw_legend(FILE *out);

#endif
