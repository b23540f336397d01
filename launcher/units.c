/* SPDX-License-Identifier: BSD-3-Clause */
/* units.c - times, sizes, signals as people write them */
#include "launcher/units.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *suffix;
	double ms;
} time_units[] = {
	{ "ms", 1 },	  { "s", 1000 },    { "", 1000 },      { "m", 60000 },
	{ "min", 60000 }, { "h", 3600000 }, { "d", 86400000 },
};

int units_time(const char *text, int64_t *ms, struct err *err)
{
	const double year = 366.0 * 86400000;
	char *end;
	double value;

	/* strtod would take "inf", "0x1p4" and leading blanks. */
	if (text[0] < '0' || text[0] > '9' || text[1] == 'x' || text[1] == 'X')
		goto bad;
	value = strtod(text, &end);
	for (size_t i = 0; i < sizeof(time_units) / sizeof(*time_units); i++) {
		if (strcmp(end, time_units[i].suffix))
			continue;
		value *= time_units[i].ms;
		if (value < 1 || value > year)
			return err_set(err, -ERANGE,
				       "the time \"%s\" is not between 1ms "
				       "and a year",
				       text);
		*ms = (int64_t)value;
		return 0;
	}
bad:
	return err_set(err, -EINVAL,
		       "\"%s\" is not a time; write it like 300ms, 30s, 10m "
		       "or 1h",
		       text);
}

int units_count(const char *text, long low, long high, const char *what,
		long *value, struct err *err)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(text, &end, 10);
	if (errno || *end || end == text || n < low || n > high)
		return err_set(err, -EINVAL,
			       "%s takes a number between %ld and %ld, not "
			       "\"%s\"",
			       what, low, high, text);
	*value = n;
	return 0;
}

int units_size(const char *text, const char *what, int64_t *bytes,
	       struct err *err)
{
	static const char letters[] = "KMGT";
	const char *letter;
	double value = 0;
	char *end = (char *)text;

	if (text[0] >= '0' && text[0] <= '9' && text[1] != 'x' &&
	    text[1] != 'X')
		value = strtod(text, &end);
	letter = *end ? strchr(letters, *end) : NULL;
	if (letter) {
		for (const char *l = letters; l <= letter; l++)
			value *= 1024;
		end++;
		end += *end == 'i';
	}
	end += *end == 'B';
	if (!strcmp(end, "/s"))
		end += 2;
	if (*end || value < 1 || value > 1e18)
		return err_set(err, -EINVAL,
			       "%s takes a size like 200M or 1G, not \"%s\"",
			       what, text);
	*bytes = (int64_t)value;
	return 0;
}

int units_signal(const char *text, int *number, struct err *err)
{
	const char *name = strncmp(text, "SIG", 3) ? text : text + 3;
	long n;

	if (!units_count(name, 1, SIGRTMAX, "", &n, NULL))
		goto found;
	for (n = 1; n < 32; n++) {
		const char *known = sigabbrev_np((int)n);

		if (known && !strcmp(known, name))
			goto found;
	}
	if (!strncmp(name, "RTMIN+", 6) &&
	    !units_count(name + 6, 0, SIGRTMAX - SIGRTMIN, "", &n, NULL)) {
		n += SIGRTMIN;
		goto found;
	}
	return err_set(err, -EINVAL,
		       "\"%s\" is not a signal; write it like USR1", text);
found:
	if (n == SIGKILL || n == SIGSTOP || n == SIGCHLD)
		return err_set(
			err, -EINVAL,
			"the signal %s cannot be used; take USR1 or USR2",
			text);
	*number = (int)n;
	return 0;
}

const char *units_signal_name(int number)
{
	const char *name = sigabbrev_np(number);

	return name ? name : "?";
}

char *units_bytes(uint64_t bytes, char *buf, size_t size)
{
	static const char *const names[] = { "B",   "KiB", "MiB",
					     "GiB", "TiB", "PiB" };
	double value = (double)bytes;
	size_t i = 0;

	while (value >= 1023.95 && i < 5) {
		value /= 1024;
		i++;
	}
	snprintf(buf, size, i ? "%.1f %s" : "%.0f %s", value, names[i]);
	return buf;
}

char *units_duration(int64_t ms, char *buf, size_t size)
{
	if (ms < 1000)
		snprintf(buf, size, "%lld ms", (long long)ms);
	else if (ms < 60000)
		snprintf(buf, size, "%.1f s", (double)ms / 1000);
	else
		snprintf(buf, size, "%lld min %lld s", (long long)(ms / 60000),
			 (long long)(ms / 1000 % 60));
	return buf;
}
