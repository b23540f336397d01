/* SPDX-License-Identifier: BSD-3-Clause */
/* progress.c - one line that shows a checkpoint in progress on a terminal */
#include "launcher/progress.h"

#include "launcher/units.h"
#include "runtime/net/address.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define REDRAW_MS 100
#define APPEAR_S  0.3 /* short epochs show nothing */

void progress_init(struct progress *p, int fd)
{
	memset(p, 0, sizeof(*p));
	p->fd = isatty(fd) ? fd : -1;
}

char *progress_line(const json_t *status, char *buf, size_t size)
{
	const char *phase = "";
	json_int_t epoch = 0, ranks = 0, bytes = 0;
	double seconds = 0;
	char written[32], rate[32];

	json_unpack((json_t *)status, "{s:s, s:I, s:I, s:I, s:F}", "phase",
		    &phase, "epoch", &epoch, "ranks", &ranks, "bytes", &bytes,
		    "seconds", &seconds);
	units_bytes((uint64_t)bytes, written, sizeof(written));
	units_bytes(seconds > 0 ? (uint64_t)((double)bytes / seconds) : 0, rate,
		    sizeof(rate));
	snprintf(buf, size, "epoch %lld: %s, %lld ranks, %s, %s/s",
		 (long long)epoch, phase, (long long)ranks, written, rate);
	return buf;
}

static void draw(const struct progress *p, const char *text)
{
	/* Return, the text, and erase what was longer. */
	dprintf(p->fd, "\r%s\033[K", text);
}

void progress_show(struct progress *p, const json_t *status)
{
	char line[160] = "cairn: ";
	int64_t now_ms = clock_ms();

	if (p->fd < 0 || now_ms - p->last_ms < REDRAW_MS ||
	    json_number_value(json_object_get(status, "seconds")) < APPEAR_S)
		return;
	progress_line(status, line + 7, sizeof(line) - 7);
	draw(p, line);
	p->shown = true;
	p->last_ms = now_ms;
}

void progress_clear(struct progress *p)
{
	if (p->shown)
		draw(p, "");
	p->shown = false;
}
