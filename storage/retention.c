/* SPDX-License-Identifier: BSD-3-Clause */
/* retention.c - how many epochs are kept: by count, age and space */
#define _GNU_SOURCE
#include "storage/retention.h"

#include <limits.h>

/*
 * DESIGN
 *
 * Age and space become a count, and prune.c keeps what is good of that: so
 * there is one place that removes epochs, and all that holds there (I2; chains;
 * the newest of each tier) holds here.  A damaged epoch counts here and not
 * there: then one more is kept, never one less.  Space is what manifests say
 * was written.  Images of epochs that have gone, to which newer ones refer, are
 * not counted: they stay as long as they are needed, whatever the bound.
 */

/* Seconds since it was committed; -1: not known. */
static double age_of(const json_t *manifest, time_t now)
{
	const char *text = json_string_value(json_object_get(manifest, "time"));
	struct tm tm = { 0 };
	const char *end = text ? strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm) :
				 NULL;

	return end && !*end ? difftime(now, timegm(&tm)) : -1;
}

unsigned int retention_count(const struct catalog *catalog,
			     const struct retention *r, time_t now)
{
	unsigned int n = 0;
	int64_t bytes = 0;

	for (size_t i = catalog->n; i-- > 0; n++) {
		const json_t *m = catalog->epochs[i].manifest;
		json_int_t size = json_integer_value(
			json_object_get(m, "bytes"));

		/* A manifest's number may be any. */
		if (size < 0 || size > INT64_MAX - bytes)
			size = INT64_MAX - bytes;
		bytes += size;
		if (!n) /* the newest */
			continue;
		if (r->keep && n >= r->keep)
			break;
		if (r->age_ms && age_of(m, now) * 1000 > (double)r->age_ms)
			break;
		if (r->bytes && bytes > r->bytes)
			break;
	}
	return n ? n : 1;
}

int retention_apply(const char *dir, const struct retention *r, uint32_t busy,
		    struct err *err)
{
	struct catalog catalog;
	unsigned int n = r->keep;

	if (!n || r->age_ms || r->bytes) {
		int rc = catalog_load(dir, &catalog, err);

		if (rc)
			return rc;
		n = retention_count(&catalog, r, time(NULL));
		catalog_fini(&catalog);
	}
	return prune(dir, n, busy, err);
}
