/* SPDX-License-Identifier: BSD-3-Clause */
/* draw.c - the report's pictures, as SVG within the page */
#include "launcher/report/draw.h"

#include "launcher/report/html.h"
#include "launcher/units.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WIDTH	    960.0
#define LEFT	    70.0 /* for labels */
#define INNER	    (WIDTH - LEFT - 10)
#define CHART_MAX   120 /* bars */
#define MARKS_MAX   2000
#define ROWS_MAX    64
#define PHASES_WIDE 220.0

char *draw_time(double t, char *buf, size_t size)
{
	time_t when = (time_t)t;
	struct tm tm;

	gmtime_r(&when, &tm);
	strftime(buf, size, "%Y-%m-%d %H:%M:%S", &tm);
	return buf;
}

char *draw_seconds(double seconds, char *buf, size_t size)
{
	return units_duration((int64_t)(seconds * 1000 + 0.5), buf, size);
}

static void begin_svg(FILE *out, double height, const char *what)
{
	html_put(out,
		 "<svg class=\"wide\" viewBox=\"0 0 %.0f %.0f\" role=\"img\" "
		 "aria-label=\"%s\">\n",
		 WIDTH, height, what);
}

static void rect(FILE *out, const char *kind, double x, double y, double w,
		 double h)
{
	html_put(out,
		 "<rect class=\"f%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
		 "height=\"%.1f\"",
		 kind, x, y, w > 0 ? w : 0, h > 0 ? h : 0);
}

/* With what it says when it is pointed at. */
#define told(out, ...)                                \
	do {                                          \
		html_put((out), "><title>");          \
		html_put((out), __VA_ARGS__);         \
		html_put((out), "</title></rect>\n"); \
	} while (0)

/* --- the whole life --- */

static double place(const struct life *l, double t)
{
	double span = l->end - l->begin;
	double part = span > 0 ? (t - l->begin) / span : 0;

	/* Before all that is known is the begin. */
	return LEFT + (part < 0 ? 0 : part > 1 ? 1 : part) * INNER;
}

static void draw_run(FILE *out, const struct life *l, size_t i)
{
	const struct life_run *run = &l->runs[i];
	double next = i + 1 < l->nruns ? l->runs[i + 1].start : l->end;
	double end = run->end > 0 ? run->end : next;
	double x = place(l, run->start), y = 26;
	char from[32] = "", took[48];

	if (run->from)
		snprintf(from, sizeof(from), " from epoch %ld", run->from);
	rect(out, "run", x, y, place(l, end) - x, 26);
	told(out, "run %zu%s, %s%s", i + 1, from,
	     draw_seconds(end - run->start, took, sizeof(took)),
	     run->how ? "" : ", no word of its end");
	if (run->up > 0) {
		rect(out, "wait", x, y, place(l, run->up) - x, 26);
		told(out, "starting: %s",
		     draw_seconds(run->up_seconds, took, sizeof(took)));
	}
	if (run->from)
		html_put(out, "<text x=\"%.1f\" y=\"20\">&#8635; %d</text>\n",
			 x, (int)run->from);
}

static void draw_mark(FILE *out, const struct life *l,
		      const struct life_epoch *e)
{
	char took[48], when[40];
	double w = place(l, e->end) - place(l, e->end - e->seconds);

	rect(out, e->committed ? "good" : "bad",
	     place(l, e->end) - (w > 2 ? w : 2), 62, w > 2 ? w : 2, 22);
	told(out, "epoch %d %s: %s, %s", (int)e->number,
	     e->committed ? "committed" : "given up",
	     draw_time(e->end, when, sizeof(when)),
	     draw_seconds(e->seconds, took, sizeof(took)));
}

void draw_life(FILE *out, const struct life *l)
{
	size_t first = l->nepochs > MARKS_MAX ? l->nepochs - MARKS_MAX : 0;
	char when[40];

	begin_svg(out, 112, "runs and epochs over the job's time");
	html_put(out, "<text x=\"0\" y=\"43\">runs</text>\n"
		      "<text x=\"0\" y=\"77\">epochs</text>\n");
	for (size_t i = 0; i < l->nruns; i++)
		draw_run(out, l, i);
	for (size_t i = first; i < l->nepochs; i++)
		draw_mark(out, l, &l->epochs[i]);
	for (int i = 0; i <= 4; i++) {
		double t = l->begin + (l->end - l->begin) * i / 4;

		html_put(out,
			 "<line class=\"axis\" x1=\"%.1f\" x2=\"%.1f\" "
			 "y1=\"58\" y2=\"92\"></line>\n",
			 place(l, t), place(l, t));
		html_put(out,
			 "<text x=\"%.1f\" y=\"106\" text-anchor=\"%s\">%s"
			 "</text>\n",
			 place(l, t),
			 i == 0 ? "start" :
			 i == 4 ? "end" :
				  "middle",
			 draw_time(t, when, sizeof(when)) + (i ? 11 : 0));
	}
	html_put(out, "</svg>\n");
}

/* --- charts --- */

enum chart { CHART_PAUSE, CHART_BYTES };

static double value_of(const struct life_epoch *e, enum chart chart)
{
	return chart == CHART_PAUSE ? e->pause_s : e->memory_bytes;
}

static char *value_text(double v, enum chart chart, char *buf, size_t size)
{
	return chart == CHART_PAUSE ? draw_seconds(v, buf, size) :
				      units_bytes((uint64_t)v, buf, size);
}

static void draw_bars(FILE *out, const struct life_epoch *const *e, size_t n,
		      enum chart chart)
{
	const double height = 90, base = 110;
	double most = 0, step = INNER / (double)(n > 20 ? n : 20);
	char a[48], b[48];

	for (size_t i = 0; i < n; i++)
		if (value_of(e[i], chart) > most)
			most = value_of(e[i], chart);
	html_put(out, "<text x=\"0\" y=\"24\">%s</text>\n",
		 value_text(most, chart, a, sizeof(a)));
	html_put(out,
		 "<line class=\"axis\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" "
		 "y2=\"%.1f\"></line>\n",
		 LEFT, WIDTH - 10, base, base);
	for (size_t i = 0; most > 0 && i < n; i++) {
		double x = LEFT + step * (double)i;
		double h = value_of(e[i], chart) / most * height;
		double w = step > 4 ? step - 2 : step * 0.8;

		rect(out, chart == CHART_PAUSE ? "frontier" : "memory", x,
		     base - h, w, h);
		told(out, "epoch %d: %s", (int)e[i]->number,
		     value_text(value_of(e[i], chart), chart, a, sizeof(a)));
		if (chart != CHART_BYTES)
			continue;
		h = e[i]->bytes / most * height;
		rect(out, "bytes", x, base - h, w, h);
		told(out, "epoch %d: %s written of %s", (int)e[i]->number,
		     value_text(e[i]->bytes, chart, b, sizeof(b)), a);
	}
	if (n)
		html_put(out,
			 "<text x=\"%.1f\" y=\"124\">epoch %d</text>\n"
			 "<text x=\"%.1f\" y=\"124\">%d</text>\n",
			 LEFT, (int)e[0]->number,
			 n > 8 ? LEFT + step * (double)(n - 1) : WIDTH,
			 (int)e[n - 1]->number);
}

void draw_charts(FILE *out, const struct life *l)
{
	const struct life_epoch *shown[CHART_MAX];
	size_t n = 0;

	for (size_t i = l->nepochs; i-- > 0 && n < CHART_MAX;)
		if (l->epochs[i].committed)
			shown[n++] = &l->epochs[i];
	for (size_t i = 0; i < n / 2; i++) {
		const struct life_epoch *e = shown[i];

		shown[i] = shown[n - 1 - i];
		shown[n - 1 - i] = e;
	}
	html_put(out, "<h2>Pause</h2>\n<p class=\"soft\">The longest that any "
		      "rank stood still.</p>\n<div class=\"box\">\n");
	begin_svg(out, 130, "the pause of each epoch");
	draw_bars(out, shown, n, CHART_PAUSE);
	html_put(out, "</svg>\n</div>\n<h2>Bytes</h2>\n<p class=\"soft\">"
		      "Memory covered, and what of it was written."
		      "</p>\n<div class=\"box\">\n");
	begin_svg(out, 130, "memory and bytes written of each epoch");
	draw_bars(out, shown, n, CHART_BYTES);
	html_put(out, "</svg>\n</div>\n");
}

/* --- one epoch --- */

void draw_phases(FILE *out, const struct life_epoch *e, double longest_s)
{
	double x = 0;
	char took[48];

	html_put(out,
		 "<svg width=\"%.0f\" height=\"14\" role=\"img\" "
		 "aria-label=\"phases\">",
		 PHASES_WIDE);
	for (int i = 0; longest_s > 0 && i < TIMELINE_PHASES; i++) {
		double w = e->phases[i] / longest_s * PHASES_WIDE;

		if (w > PHASES_WIDE - x)
			w = PHASES_WIDE - x;
		if (e->phases[i] <= 0)
			continue;
		rect(out, timeline_phase_name(i), x, 1, w > 1 ? w : 1, 12);
		told(out, "%s: %s", timeline_phase_name(i),
		     draw_seconds(e->phases[i], took, sizeof(took)));
		x += w;
	}
	html_put(out, "</svg>");
}

struct row {
	long rank, node;
	double ms[TIMELINE_MARKS];
};

/* Which phase ends at a mark, for a rank. */
static const char *const mark_kind[TIMELINE_MARKS] = { "run", "drain",
						       "capture", "frontier" };
static const char *const mark_text[TIMELINE_MARKS] = {
	"runs on until it holds", "waits for all others, and drains",
	"makes its twin", "waits until all others have"
};

static void draw_row(FILE *out, const struct row *r, size_t i, double most_ms)
{
	double from = 0;
	char took[48];

	html_put(out, "<text x=\"0\" y=\"%.0f\">rank %d</text>\n",
		 (double)i * 14 + 11, (int)r->rank);
	for (int k = 0; k < TIMELINE_MARKS; k++) {
		double w = (r->ms[k] - from) / most_ms * INNER;

		if (r->ms[k] < from)
			continue;
		rect(out, mark_kind[k], LEFT + from / most_ms * INNER,
		     (double)i * 14 + 2, w, 10);
		told(out, "rank %d on node %d %s: %s", (int)r->rank,
		     (int)r->node, mark_text[k],
		     draw_seconds((r->ms[k] - from) / 1000, took,
				  sizeof(took)));
		from = r->ms[k];
	}
}

static int slowest_first(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	return (x->ms[0] < y->ms[0]) - (x->ms[0] > y->ms[0]);
}

static int by_rank(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	return (x->rank > y->rank) - (x->rank < y->rank);
}

static struct row *rows_of(const struct life_epoch *e, size_t *n)
{
	const json_t *ranks = json_object_get(e->event, "ranks"), *rank;
	struct row *rows = calloc(json_array_size(ranks) + 1, sizeof(*rows));
	size_t i;

	*n = 0;
	json_array_foreach(ranks, i, rank)
	{
		struct row *r = rows ? &rows[(*n)++] : NULL;

		if (!r)
			break;
		r->rank = (long)life_number(json_array_get(rank, 0));
		r->node = (long)life_number(json_array_get(rank, 1));
		for (size_t k = 0; k < TIMELINE_MARKS; k++)
			r->ms[k] = life_number(json_array_get(rank, 2 + k));
	}
	if (*n > ROWS_MAX) {
		qsort(rows, *n, sizeof(*rows), slowest_first);
		*n = ROWS_MAX;
		qsort(rows, *n, sizeof(*rows), by_rank);
	}
	return rows;
}

void draw_ranks(FILE *out, const struct life_epoch *e)
{
	double most_ms = 0;
	char took[48];
	size_t n;
	struct row *rows = rows_of(e, &n);

	for (size_t i = 0; i < n; i++)
		for (int k = 0; k < TIMELINE_MARKS; k++)
			if (rows[i].ms[k] > most_ms)
				most_ms = rows[i].ms[k];
	if (most_ms <= 0)
		most_ms = 1;
	begin_svg(out, (double)n * 14 + 18, "phases by rank");
	for (size_t i = 0; i < n; i++)
		draw_row(out, &rows[i], i, most_ms);
	html_put(out,
		 "<text x=\"%.0f\" y=\"%.0f\">0</text>\n<text x=\"%.0f\" "
		 "y=\"%.0f\" text-anchor=\"end\">%s</text>\n</svg>\n",
		 LEFT, (double)n * 14 + 14, WIDTH - 10, (double)n * 14 + 14,
		 draw_seconds(most_ms / 1000, took, sizeof(took)));
	free(rows);
}

void draw_legend(FILE *out)
{
	static const char *const texts[TIMELINE_PHASES] = {
		"asked for, not begun",
		"frontier: until all hold",
		"drain: messages",
		"capture: twins",
		"writing",
		"commit",
	};

	html_put(out, "<div class=\"legend\">");
	for (int i = 0; i < TIMELINE_PHASES; i++)
		html_put(out,
			 "<span><svg width=\"11\" height=\"11\"><rect "
			 "class=\"f%s\" width=\"11\" height=\"11\"></rect>"
			 "</svg>%s</span>",
			 timeline_phase_name(i), texts[i]);
	html_put(out, "</div>\n");
}
