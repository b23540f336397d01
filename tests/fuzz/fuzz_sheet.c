/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz_sheet.c - no bytes make sheet_check accept a sheet that leads astray */
#include <stdlib.h>
#include <string.h>

#include "storage/image.h"
#include "tests/fuzz/fuzz.h"

/* Do what users of a checked sheet do; the sanitizers watch. */
static size_t walk(const struct sheet *s)
{
	const char *base = (const char *)s;
	const void *at = base + s->regions;
	const struct region *r = at;
	size_t sum = 0;

	for (uint32_t i = 0; i < s->nregions; i++)
		sum += strlen(base + s->strings + r[i].name) + r[i].len;
	for (uint32_t i = 0; i < s->explain_len; i++)
		sum += (unsigned char)base[s->explain + i];
	for (uint32_t i = 0; i < s->auxv_len; i++)
		sum += (unsigned char)base[s->auxv + i];
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct err err;
	void *copy = malloc(len ? len : 1);

	if (!copy)
		return 0;
	if (len)
		memcpy(copy, data, len);
	/* the size says what it must, or nothing else would be tried */
	if (len >= sizeof(struct sheet))
		((struct sheet *)copy)->size = (uint32_t)len;
	if (!sheet_check(copy, len, &err))
		fuzz_sink = walk(copy);
	free(copy);
	return 0;
}
