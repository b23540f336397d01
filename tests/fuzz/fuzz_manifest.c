/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz_manifest.c - no text, well sealed, upsets the manifest's reader */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "storage/manifest.h"
#include "tests/fuzz/fuzz.h"

static void parse(const char *text, size_t len)
{
	struct err err;
	json_t *m;

	if (!manifest_parse(text, len, &m, &err)) {
		fuzz_sink = json_array_size(json_object_get(m, "images"));
		json_decref(m);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const char seal[] = ",\n \"checksum\": \"";
	char *text = malloc(len + sizeof(seal) + 40);
	size_t n = len;

	if (!text)
		return 0;
	memcpy(text, data, len);
	parse(text, len);
	/* The same with a right checksum, to get past it. */
	memcpy(text + n, seal, sizeof(seal) - 1);
	n += sizeof(seal) - 1;
	n += (size_t)sprintf(text + n, "%016lx\"\n}\n",
			     (unsigned long)XXH3_64bits(text, n));
	parse(text, n);
	free(text);
	return 0;
}
