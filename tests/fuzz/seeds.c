/* SPDX-License-Identifier: BSD-3-Clause */
/* seeds.c - make a small corpus for the harnesses: seeds KIND FILE */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/format.h"
#include "storage/index.h"
#include "tests/lib/make_sheet.h"

static const char manifest[] =
	"{\n \"epoch\": 1,\n \"ranks\": 2,\n \"bytes\": 3,\n"
	" \"memory_bytes\": 8192,\n \"pause_ms\": 1.5,\n \"seconds\": 0.1,\n"
	" \"program\": [\"./a\"],\n \"mpi\": null,\n \"cpu\": {},\n"
	" \"kernel\": \"6.1\",\n \"format\": 1,\n \"time\": \"x\",\n"
	" \"images\": [{\"file\": \"a.img\", \"node\": \"a\", \"bytes\": 3,\n"
	" \"index_digest\": \"0123456789abcdef\", \"ranks\": [0, 1]}]";

/* launcher/history.md */
static const char history
	[] = "{\"event\":\"start\",\"v\":1,\"t\":1.5,\"job\":\"j\",\"program\":"
	     "[\"./a\"],\"host\":\"h\",\"restarted_from\":1}\n"
	     "{\"event\":\"up\",\"v\":1,\"t\":2.5,\"seconds\":1,\"ranks\":2,"
	     "\"nnodes\":1,\"nodes\":[\"n\"]}\n"
	     "{\"event\":\"epoch\",\"v\":1,\"t\":3.5,\"epoch\":2,"
	     "\"committed\":true,\"seconds\":0.5,\"pause_ms\":4,\"bytes\":10,"
	     "\"memory_bytes\":20,\"ranks_in_all\":2,\"last\":\"commit\","
	     "\"phases\":{\"wait\":0.1,\"frontier\":0.1,\"drain\":0.1,"
	     "\"capture\":0.1,\"writing\":0.1,\"commit\":0.1},"
	     "\"nodes\":[[0,\"n\",1,2,3,10,20]],"
	     "\"ranks\":[[0,0,1,2,3,4],[1,0,1,2,3,-1]],"
	     "\"quantiles\":{\"of\":2,\"held\":[1,2,3,4]}}\n"
	     "{\"event\":\"epoch\",\"v\":1,\"t\":4,\"epoch\":3,"
	     "\"committed\":false,\"reason\":\"r\",\"seconds\":1,"
	     "\"last\":\"drain\"}\n"
	     "{\"event\":\"flush\",\"v\":1,\"t\":4,\"epoch\":2,\"ok\":true,"
	     "\"seconds\":1}\n"
	     "{\"event\":\"note\",\"v\":1,\"t\":4,\"text\":\"<script>\"}\n"
	     "{\"event\":\"end\",\"v\":1,\"t\":4.5,\"how\":\"failed\","
	     "\"code\":0,\"epoch\":2,\"seconds\":3}\n";

static struct sheet *seed_sheet(size_t *len)
{
	static const struct region regions[] = {
		{ .start = 0x1000, .len = 0x2000, .flags = REGION_SAVE },
		{ .start = 0x8000, .len = 0x10000, .flags = REGION_SAVE },
	};

	return make_sheet(regions, 2, len);
}

static void *seed_index(size_t *len)
{
	struct image_chunk chunks[] = {
		{ .addr = 0x1000,
		  .len = 0x2000,
		  .offset = HEADER_LEN,
		  .stored = 0x2000,
		  .raw = 0x2000,
		  .codec = 1 },
		{ .addr = 0x8000, .len = 0x8000 },
		{ .addr = 0x10000,
		  .len = 0x4000,
		  .offset = HEADER_LEN + 0x2000,
		  .stored = 100,
		  .raw = 0x8000,
		  .skip = 0x4000,
		  .codec = 2 },
		{ .addr = 0x14000,
		  .len = 0x1000,
		  .offset = HEADER_LEN,
		  .stored = 0x1000,
		  .raw = 0x1000,
		  .source = 1,
		  .codec = 1 },
	};
	struct image_source source = { .epoch = 3,
				       .bytes = 1 << 20,
				       .file = "node-a.img" };
	struct index_rank rank = { .chunks = chunks, .nchunks = 4 };
	struct index ix = {
		.ranks = &rank, .nranks = 1, .sources = &source, .nsources = 1
	};
	void *buf;
	char *seed;

	rank.sheet = seed_sheet(&rank.sheet_len);
	if (index_encode(&ix, &buf, len, NULL))
		abort();
	seed = malloc(*len + 8);
	if (!seed)
		abort();
	put_u64(seed, 0, HEADER_LEN + 0x3000);
	memcpy(seed + 8, buf, *len);
	*len += 8;
	free(buf);
	free(rank.sheet);
	return seed;
}

int main(int argc, char **argv)
{
	size_t len = 0;
	void *seed = NULL;
	FILE *f;

	if (argc == 3 && !strcmp(argv[1], "sheet"))
		seed = seed_sheet(&len);
	else if (argc == 3 && !strcmp(argv[1], "index"))
		seed = seed_index(&len);
	else if (argc == 3 && !strcmp(argv[1], "manifest"))
		seed = strdup(manifest), len = sizeof(manifest) - 1;
	else if (argc == 3 && !strcmp(argv[1], "history"))
		seed = strdup(history), len = sizeof(history) - 1;
	f = seed ? fopen(argv[2], "we") : NULL;
	if (!f || fwrite(seed, 1, len, f) != len || fclose(f)) {
		fprintf(stderr, "seeds: usage: seeds KIND FILE\n");
		return 2;
	}
	free(seed);
	return 0;
}
