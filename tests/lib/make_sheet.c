/* SPDX-License-Identifier: BSD-3-Clause */
/* make_sheet.c - capture sheets for tests */
#include "tests/lib/make_sheet.h"

#include <stdlib.h>
#include <string.h>

struct sheet *make_sheet(const struct region *regions, size_t n, size_t *len)
{
	static const char strings[] = "\0[heap]";
	static const char explain[] = "{\"exe\":\"/bin/x\"}";
	size_t strings_at = sizeof(struct sheet) + n * sizeof(*regions);
	size_t explain_at = strings_at + sizeof(strings);
	struct region *r;
	struct sheet *s;

	*len = explain_at + sizeof(explain);
	s = calloc(1, *len);
	if (!s)
		abort();
	s->magic = SHEET_MAGIC;
	s->version = SHEET_VERSION;
	s->size = (uint32_t)*len;
	s->nregions = (uint32_t)n;
	s->regions = sizeof(*s);
	s->strings = (uint32_t)strings_at;
	s->strings_len = sizeof(strings);
	s->explain = (uint32_t)explain_at;
	s->explain_len = sizeof(explain);
	r = (struct region *)(s + 1);
	memcpy(r, regions, n * sizeof(*r));
	for (size_t i = 0; i < n; i++) {
		r[i].name = 1;
		if (!r[i].kind)
			r[i].kind = REGION_ANON;
		if (!r[i].prot)
			r[i].prot = 3;
	}
	memcpy((char *)s + strings_at, strings, sizeof(strings));
	memcpy((char *)s + explain_at, explain, sizeof(explain));
	return s;
}
