/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz_index.c - no bytes make index_decode believe what is not there */
#include <stdlib.h>
#include <string.h>

#include "storage/format.h"
#include "storage/index.h"
#include "tests/fuzz/fuzz.h"

static int is_good(const struct index *ix, const struct image_chunk *c,
		   uint64_t data_end)
{
	if (c->source > ix->nsources)
		return 0;
	if (c->source)
		data_end = ix->sources[c->source - 1].bytes;
	return c->offset >= HEADER_LEN && c->offset <= data_end &&
	       c->stored <= data_end - c->offset && c->stored <= c->raw &&
	       c->raw <= FORMAT_CHUNK_MAX && c->skip + c->len <= c->raw;
}

/* What the reader relies on. */
static void believe(const struct index *ix, uint64_t data_end)
{
	for (size_t i = 0; i < ix->nsources; i++)
		if (!ix->sources[i].file[0] ||
		    !memchr(ix->sources[i].file, '\0',
			    sizeof(ix->sources[i].file)) ||
		    strchr(ix->sources[i].file, '/'))
			abort();
	for (size_t i = 0; i < ix->nranks; i++)
		for (size_t k = 0; k < ix->ranks[i].nchunks; k++) {
			const struct image_chunk *c = &ix->ranks[i].chunks[k];

			fuzz_sink += c->len;
			if (c->stored && !is_good(ix, c, data_end))
				abort();
		}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct index ix;
	struct err err;
	uint64_t data_end;

	/* The first bytes are where the index stands in its file. */
	if (len < 8)
		return 0;
	data_end = get_u64(data, 0);
	if (!index_decode(data + 8, len - 8, data_end, &ix, &err)) {
		believe(&ix, data_end);
		index_fini(&ix);
	}
	return 0;
}
