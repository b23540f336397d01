/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz_index.c - no bytes make index_decode believe what is not there */
#include <stdlib.h>

#include "storage/format.h"
#include "storage/index.h"
#include "tests/fuzz/fuzz.h"

/* What the reader relies on. */
static void believe(const struct index *ix, uint64_t data_end)
{
	for (size_t i = 0; i < ix->nranks; i++)
		for (size_t k = 0; k < ix->ranks[i].nchunks; k++) {
			const struct image_chunk *c = &ix->ranks[i].chunks[k];

			fuzz_sink += c->len;
			if (c->stored && (c->offset < HEADER_LEN ||
					  c->offset + c->stored > data_end ||
					  c->len > FORMAT_CHUNK_MAX))
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
