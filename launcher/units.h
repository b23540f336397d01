/* SPDX-License-Identifier: BSD-3-Clause */
/* units.h - times, sizes, signals as people write them */
#ifndef CAIRN_LAUNCHER_UNITS_H
#define CAIRN_LAUNCHER_UNITS_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/base/err.h"

/* units_time - "300ms", "30s", "10m", "1h", "1.5h", "2d"; a bare number is
 * seconds.  More than zero, at most a year. */
int units_time(const char *text, int64_t *ms, struct err *err) must_check;
/* units_signal - "USR1", "SIGUSR1", "10", "RTMIN+3". */
int units_signal(const char *text, int *number, struct err *err) must_check;
const char *units_signal_name(int number); /* "USR1"; "?" if unknown */
/* units_count - a decimal number between low and high. */
int units_count(const char *text, long low, long high, const char *what,
		long *value, struct err *err) must_check;
/* units_size - "4096", "200M", "1.5GiB", "1G/s": K, M, G, T are powers of 1024.
 * More than zero. */
int units_size(const char *text, const char *what, int64_t *bytes,
	       struct err *err) must_check;
/* units_bytes - "1.5 GiB" into buf, which is returned. */
char *units_bytes(uint64_t bytes, char *buf, size_t size);
/* units_duration - "35 ms", "2.4 s", "3 min 20 s" into buf. */
char *units_duration(int64_t ms, char *buf, size_t size);

#endif
