/* SPDX-License-Identifier: BSD-3-Clause */
/* page.c - the report: one page that needs nothing else */
#include "launcher/report/page.h"

#include "launcher/report/draw.h"
#include "launcher/report/html.h"
#include "launcher/report/report.css.h" /* made from report.css */
#include "launcher/units.h"

#include <stdlib.h>
#include <string.h>

#define EPOCHS_MAX  500 /* rows of the table */
#define DETAILS_MAX 24	/* epochs whose ranks are drawn */
#define NOTES_MAX   200
#define STRAGGLERS  10

static void card(FILE *out, const char *value, const char *what)
{
	html_put(out, "<div><b>%s</b><span>%s</span></div>\n", value, what);
}

static void put_head(FILE *out, const struct life *l, const char *dir)
{
	html_put(out,
		 "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
		 "<meta charset=\"utf-8\"/>\n"
		 "<meta name=\"viewport\" content=\"width=device-width\"/>"
		 "\n<title>%s - Cairn</title>\n<style>\n",
		 l->job);
	fputs(report_style, out);
	html_put(out, "</style>\n</head>\n<body>\n<h1>%s</h1>\n", l->job);
	html_put(out,
		 "<p class=\"lead\"><code>%s</code><br/>started on %s; "
		 "checkpoints in <code>%s</code></p>\n",
		 l->program, l->host, dir);
}

static void put_cards(FILE *out, const struct life *l)
{
	char a[40], b[80];
	double newest = 0;
	size_t restarts = 0;

	for (size_t i = 0; i < l->nepochs; i++)
		if (l->epochs[i].committed)
			newest = l->epochs[i].end;
	for (size_t i = 0; i < l->nruns; i++)
		restarts += l->runs[i].from > 0;
	html_put(out, "<div class=\"cards\">\n");
	snprintf(a, sizeof(a), "%zu", l->committed);
	card(out, a, "epochs committed");
	snprintf(a, sizeof(a), "%zu", l->given_up);
	card(out, a, "given up");
	snprintf(a, sizeof(a), "%zu", restarts);
	card(out, a, "restarts");
	card(out, draw_seconds(l->longest_pause_s, a, sizeof(a)),
	     "longest pause");
	card(out, units_bytes((uint64_t)l->bytes, a, sizeof(a)),
	     "written in all");
	card(out, units_bytes((uint64_t)l->memory_bytes, a, sizeof(a)),
	     "covered in all");
	if (newest > 0) {
		draw_time(newest, a, sizeof(a));
		a[10] = '\0'; /* the day, and what follows it */
		snprintf(b, sizeof(b), "newest, %.10s UTC", a);
		card(out, a + 11, b);
	}
	html_put(out, "</div>\n");
}

/* --- runs --- */

static void put_how(FILE *out, const struct life_run *run)
{
	if (!run->how)
		html_put(out, "<td class=\"l\">no word of it: killed, or it "
			      "runs</td>");
	else if (!run->has_code)
		html_put(out, "<td class=\"l bad\">%s</td>", run->how);
	else if (run->code < 0)
		html_put(out, "<td class=\"l bad\">%s (signal %d)</td>",
			 run->how, (int)-run->code);
	else
		html_put(out, "<td class=\"l %s\">%s (%d)</td>",
			 run->code && strcmp(run->how, "stopped") ? "bad" :
								    "good",
			 run->how, (int)run->code);
}

static void put_runs(FILE *out, const struct life *l)
{
	char a[64];

	html_put(out, "<h2>Starts and restarts</h2>\n<div class=\"box\">"
		      "<table>\n<tr><th class=\"l\">Start (UTC)</th>"
		      "<th>From epoch</th><th>Ranks</th><th>Nodes</th>"
		      "<th>All up after</th><th>Ran for</th>"
		      "<th class=\"l\">End</th></tr>\n");
	for (size_t i = 0; i < l->nruns; i++) {
		const struct life_run *run = &l->runs[i];

		html_put(out, "<tr><td class=\"l\">%s</td>",
			 draw_time(run->start, a, sizeof(a)));
		snprintf(a, sizeof(a), "%ld", run->from);
		html_put(out, "<td>%s</td><td>%d</td><td>%d</td><td>%s</td>",
			 run->from ? a : "-", (int)run->ranks, (int)run->nodes,
			 run->up > 0 ?
				 draw_seconds(run->up_seconds, a + 32, 32) :
				 "-");
		html_put(out, "<td>%s</td>",
			 run->end > 0 ? draw_seconds(run->end - run->start, a,
						     sizeof(a)) :
					"-");
		put_how(out, run);
		html_put(out, "</tr>\n");
	}
	html_put(out, "</table></div>\n");
}

/* --- epochs --- */

static void put_good(FILE *out, const struct life_epoch *e)
{
	char a[48], b[48], c[48];
	double held_ms;
	long slowest = life_slowest(e, &held_ms);

	html_put(out, "<td>%s</td><td>%s</td><td>%s</td><td>%.1f %%</td>",
		 draw_seconds(e->pause_s, a, sizeof(a)),
		 units_bytes((uint64_t)e->memory_bytes, b, sizeof(b)),
		 units_bytes((uint64_t)e->bytes, c, sizeof(c)),
		 e->memory_bytes > 0 ? 100 * e->bytes / e->memory_bytes : 0.0);
	if (slowest >= 0)
		html_put(out, "<td>rank %d, %s</td>", (int)slowest,
			 draw_seconds(held_ms / 1000, a, sizeof(a)));
	else
		html_put(out, "<td>-</td>");
}

static void put_epoch(FILE *out, const struct life *l,
		      const struct life_epoch *e)
{
	char a[48], b[48];

	html_put(out, "<tr><td>%d</td><td class=\"l\">%s</td><td class=\"l\">",
		 (int)e->number, draw_time(e->end, a, sizeof(a)));
	draw_phases(out, e, l->longest_s);
	html_put(out, "</td><td>%s</td>",
		 draw_seconds(e->seconds, b, sizeof(b)));
	if (e->committed)
		put_good(out, e);
	else
		html_put(out,
			 "<td class=\"w bad\" colspan=\"5\">given up in phase "
			 "%s: %s</td>",
			 e->last, e->reason);
	html_put(out, "</tr>\n");
}

static void put_epochs(FILE *out, const struct life *l)
{
	size_t n = l->nepochs < EPOCHS_MAX ? l->nepochs : EPOCHS_MAX;

	html_put(out, "<h2>Epochs</h2>\n");
	draw_legend(out);
	html_put(out, "<div class=\"box\"><table>\n<tr><th>Epoch</th>"
		      "<th class=\"l\">End (UTC)</th>"
		      "<th class=\"l\">Phases</th><th>In all</th>"
		      "<th>Pause</th><th>Memory</th><th>Written</th>"
		      "<th>Part</th><th>Last to hold</th></tr>\n");
	for (size_t i = 0; i < n; i++)
		put_epoch(out, l, &l->epochs[l->nepochs - 1 - i]);
	html_put(out, "</table></div>\n");
	if (n < l->nepochs)
		html_put(out,
			 "<p class=\"soft\">%zu older ones are not "
			 "shown.</p>\n",
			 l->nepochs - n);
}

/* --- ranks --- */

static void put_nodes(FILE *out, const struct life_epoch *e)
{
	const json_t *node;
	char a[48], b[48];
	size_t i;

	html_put(out, "<table>\n<tr><th class=\"l\">Node</th><th>Drained</th>"
		      "<th>Captured</th><th>Durable</th><th>Memory</th>"
		      "<th>Written</th></tr>\n");
	json_array_foreach(json_object_get(e->event, "nodes"), i, node)
	{
		const char *name = json_string_value(json_array_get(node, 1));

		html_put(out, "<tr><td class=\"l\">%d: %s</td>",
			 (int)life_number(json_array_get(node, 0)),
			 name ? name : "");
		for (size_t k = 2; k < 5; k++) {
			double ms = life_number(json_array_get(node, k));

			html_put(out, "<td>%s</td>",
				 ms < 0 ?
					 "-" :
					 draw_seconds(ms / 1000, a, sizeof(a)));
		}
		for (size_t k = 7; k-- > 5;) {
			double bytes = life_number(json_array_get(node, k));

			html_put(out, "<td>%s</td>",
				 units_bytes(bytes > 0 ? (uint64_t)bytes : 0, b,
					     sizeof(b)));
		}
		html_put(out, "</tr>\n");
	}
	html_put(out, "</table>\n");
}

static void put_quantiles(FILE *out, const struct life_epoch *e)
{
	const json_t *q = json_object_get(e->event, "quantiles"), *one;
	static const char *const names[] = { "held", "quiet", "captured",
					     "resumed" };
	char a[48];

	if (!q)
		return;
	html_put(out,
		 "<p class=\"soft\">Of %d ranks the slowest are drawn.</p>\n"
		 "<table><tr><th class=\"l\">All ranks</th><th>Least</th>"
		 "<th>Median</th><th>95 %%</th><th>Most</th></tr>\n",
		 (int)life_number(json_object_get(q, "of")));
	for (size_t k = 0; k < 4; k++) {
		one = json_object_get(q, names[k]);
		html_put(out, "<tr><td class=\"l\">%s</td>", names[k]);
		for (size_t i = 0; i < 4; i++) {
			double ms = life_number(json_array_get(one, i));

			html_put(out, "<td>%s</td>",
				 ms < 0 ?
					 "-" :
					 draw_seconds(ms / 1000, a, sizeof(a)));
		}
		html_put(out, "</tr>\n");
	}
	html_put(out, "</table>\n");
}

static void put_details(FILE *out, const struct life *l)
{
	size_t shown = 0;

	html_put(out,
		 "<h2>Ranks and nodes</h2>\n<div class=\"legend\">"
		 "<span><svg width=\"11\" height=\"11\"><rect class=\"frun\" "
		 "width=\"11\" height=\"11\"></rect></svg>runs on until it "
		 "holds</span><span><svg width=\"11\" height=\"11\"><rect "
		 "class=\"fdrain\" width=\"11\" height=\"11\"></rect></svg>"
		 "waits for the others, drains</span><span><svg width=\"11\" "
		 "height=\"11\"><rect class=\"fcapture\" width=\"11\" "
		 "height=\"11\"></rect></svg>makes its twin</span><span><svg "
		 "width=\"11\" height=\"11\"><rect class=\"ffrontier\" "
		 "width=\"11\" height=\"11\"></rect></svg>waits until it may "
		 "go on</span></div>\n");
	for (size_t i = l->nepochs; i-- > 0 && shown < DETAILS_MAX;) {
		const struct life_epoch *e = &l->epochs[i];

		fputs(shown ? "<details>" : "<details open=\"open\">", out);
		html_put(out, "<summary>Epoch %d%s</summary>\n", (int)e->number,
			 e->committed ? "" : ", given up");
		html_put(out, "<div class=\"box\">\n");
		draw_ranks(out, e);
		put_quantiles(out, e);
		put_nodes(out, e);
		html_put(out, "</div></details>\n");
		shown++;
	}
}

/* --- stragglers --- */

struct straggler {
	long rank;
	size_t times;
	double longest_ms;
};

static int by_rank(const void *a, const void *b)
{
	const struct straggler *x = a, *y = b;

	return (x->rank > y->rank) - (x->rank < y->rank);
}

static int most_often_first(const void *a, const void *b)
{
	const struct straggler *x = a, *y = b;

	return (x->times < y->times) - (x->times > y->times);
}

/* Who was last to hold, and how often: sorted lists become a count. */
static size_t gather(const struct life *l, struct straggler *s)
{
	size_t n = 0, all = 0;

	for (size_t i = 0; i < l->nepochs; i++) {
		s[all].rank = life_slowest(&l->epochs[i], &s[all].longest_ms);
		s[all].times = 1;
		all += s[all].rank >= 0;
	}
	qsort(s, all, sizeof(*s), by_rank);
	for (size_t i = 0; i < all; i++) {
		if (!n || s[n - 1].rank != s[i].rank) {
			s[n++] = s[i];
			continue;
		}
		s[n - 1].times++;
		if (s[i].longest_ms > s[n - 1].longest_ms)
			s[n - 1].longest_ms = s[i].longest_ms;
	}
	qsort(s, n, sizeof(*s), most_often_first);
	return n;
}

static void put_stragglers(FILE *out, const struct life *l)
{
	struct straggler *s = calloc(l->nepochs + 1, sizeof(*s));
	size_t n = s ? gather(l, s) : 0;
	char a[48];

	if (n) {
		html_put(out,
			 "<h2>Stragglers</h2>\n<p class=\"soft\">Ranks "
			 "that were the last to hold.</p>\n"
			 "<div class=\"box\"><table>\n<tr><th class=\"l\">"
			 "Rank</th><th>Epochs</th><th>Longest</th></tr>\n");
		for (size_t i = 0; i < n && i < STRAGGLERS; i++)
			html_put(out,
				 "<tr><td class=\"l\">%d</td><td>%zu</td>"
				 "<td>%s</td></tr>\n",
				 (int)s[i].rank, s[i].times,
				 draw_seconds(s[i].longest_ms / 1000, a,
					      sizeof(a)));
		html_put(out, "</table></div>\n");
	}
	free(s);
}

static void put_notes(FILE *out, const struct life *l)
{
	char a[48];

	if (!l->nnotes)
		return;
	html_put(out, "<h2>What was said</h2>\n<div class=\"box\"><table>\n");
	for (size_t i = 0; i < l->nnotes && i < NOTES_MAX; i++) {
		const struct life_note *note = &l->notes[l->nnotes - 1 - i];

		html_put(out,
			 "<tr><td class=\"l\">%s</td><td class=\"w\">%s</td>"
			 "</tr>\n",
			 draw_time(note->t, a, sizeof(a)), note->text);
	}
	html_put(out, "</table></div>\n");
}

void page_write(FILE *out, const struct life *l, const char *dir)
{
	put_head(out, l, dir);
	put_cards(out, l);
	html_put(out, "<h2>Life</h2>\n<div class=\"box\">\n");
	draw_life(out, l);
	html_put(out, "</div>\n");
	put_runs(out, l);
	draw_charts(out, l);
	put_stragglers(out, l);
	put_epochs(out, l);
	put_details(out, l);
	put_notes(out, l);
	html_put(out, "<footer>Written by cairn %s; times are UTC.",
		 CAIRN_VERSION);
	if (l->skipped)
		html_put(out, " %zu lines of the record could not be read.",
			 l->skipped);
	html_put(out, "</footer>\n</body>\n</html>\n");
}
