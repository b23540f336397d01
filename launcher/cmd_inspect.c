/* SPDX-License-Identifier: BSD-3-Clause */
/* cmd_inspect.c - cairn inspect: what is in a checkpoint */
#include "launcher/tool.h"

#include "launcher/units.h"
#include "storage/image.h"
#include "storage/manifest.h"
#include "storage/tier.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *kind_name(uint32_t kind)
{
	static const char *const names[] = {
		[REGION_ANON] = "memory",
		[REGION_FILE_PRIVATE] = "private file",
		[REGION_FILE_SHARED] = "shared file",
		[REGION_SHM] = "shared memory",
		[REGION_VDSO] = "vdso",
		[REGION_HOLE] = "reserved",
	};

	return kind < sizeof(names) / sizeof(*names) && names[kind] ?
		       names[kind] :
		       "unknown";
}

/* The sheet was checked when the image gave it. */
static json_t *describe_regions(const struct sheet *sheet)
{
	const struct region *r = (const void *)((const char *)sheet +
						sheet->regions);
	const char *strings = (const char *)sheet + sheet->strings;
	json_t *list = json_array();
	char start[24];

	for (uint32_t i = 0; i < sheet->nregions; i++, r++) {
		snprintf(start, sizeof(start), "%012lx",
			 (unsigned long)r->start);
		json_array_append_new(list,
				      json_pack("{s:s, s:I, s:s, s:b, s:s}",
						"start", start, "bytes",
						(json_int_t)r->len, "kind",
						kind_name(r->kind), "saved",
						!!(r->flags & REGION_SAVE),
						"name", strings + r->name));
	}
	return list;
}

static json_t *describe_rank(const struct image *im, uint32_t rank,
			     struct err *err)
{
	const struct image_chunk *chunks;
	const struct sheet *sheet;
	uint64_t stored = 0, memory = 0;
	json_t *explain, *d;
	size_t len, n;

	if (image_sheet(im, rank, &sheet, &len, err) ||
	    image_chunks(im, rank, &chunks, &n, err))
		return NULL;
	for (size_t i = 0; i < n; i++) {
		stored += chunks[i].stored;
		memory += chunks[i].len;
	}
	explain = json_loadb((const char *)sheet + sheet->explain,
			     sheet->explain_len, 0, NULL);
	d = json_pack("{s:I, s:I, s:I, s:I, s:o}", "rank", (json_int_t)rank,
		      "memory_bytes", (json_int_t)memory, "stored_bytes",
		      (json_int_t)stored, "chunks", (json_int_t)n, "regions",
		      describe_regions(sheet));
	json_object_set_new(d, "explain", explain ? explain : json_null());
	return d;
}

/* What lies in another node's burst buffer is only named. */
static int describe_image(int dirfd, const json_t *manifest,
			  const json_t *image, json_t *ranks, struct err *err)
{
	struct image *im;
	int rc = tier_image_open(dirfd, manifest, image, false, &im, err);

	if (rc == -EREMOTE) {
		fprintf(stderr, "cairn: %s\n", err->text);
		return 0;
	}
	if (rc)
		return rc;
	for (size_t i = 0; i < image_nranks(im) && !rc; i++) {
		json_t *d = describe_rank(im, image_rank(im, i), err);

		if (d)
			json_array_append_new(ranks, d);
		else
			rc = -EBADMSG;
	}
	image_close(im);
	return rc;
}

static int describe(const struct tool_args *a, json_t **out, struct err *err)
{
	uint32_t epoch = (uint32_t)a->epoch;
	json_t *manifest = NULL, *ranks = json_array(), *image;
	size_t i;
	int fd = -1, rc = 0;

	if (!epoch)
		rc = epoch_newest(a->dir, 0, &epoch, err);
	if (!rc)
		rc = epoch_check(a->dir, epoch, 0, &manifest, err);
	if (rc == -EREMOTE)
		rc = 0;
	if (!rc)
		rc = epoch_folder(a->dir, epoch, 0, &fd, err);
	if (!rc) {
		json_array_foreach(json_object_get(manifest, "images"), i,
				   image)
		{
			rc = describe_image(fd, manifest, image, ranks, err);
			if (rc)
				break;
		}
	}
	if (fd >= 0)
		close(fd);
	if (rc) {
		json_decref(manifest);
		json_decref(ranks);
		return rc;
	}
	json_object_set_new(manifest, "rank", ranks);
	json_object_set_new(manifest, "tier", json_string(tier_name(manifest)));
	*out = manifest;
	return 0;
}

static void print_words(const char *title, const json_t *value)
{
	size_t i;
	json_t *word;

	if (json_is_null(value) || !value)
		return;
	printf("%-9s", title);
	if (json_is_string(value))
		printf(" %s", json_string_value(value));
	json_array_foreach(value, i, word)
		printf(" %s", json_string_value(word));
	putchar('\n');
}

static void print_text(const json_t *m)
{
	json_t *rank;
	size_t i;

	printf("epoch     %lld\n",
	       (long long)json_integer_value(json_object_get(m, "epoch")));
	print_words("time", json_object_get(m, "time"));
	printf("tier      %s\n", tier_name(m));
	print_words("program", json_object_get(m, "program"));
	print_words("mpi", json_object_get(m, "mpi"));
	print_words("cpu", json_object_get(json_object_get(m, "cpu"), "model"));
	print_words("kernel", json_object_get(m, "kernel"));
	json_array_foreach(json_object_get(m, "rank"), i, rank)
	{
		json_int_t number = 0, memory = 0, stored = 0, chunks = 0;
		char mb[32], sb[32];

		json_unpack(rank, "{s:I, s:I, s:I, s:I}", "rank", &number,
			    "memory_bytes", &memory, "stored_bytes", &stored,
			    "chunks", &chunks);
		printf("rank %-4lld %s memory in %lld chunks, %s stored, %zu "
		       "regions\n",
		       (long long)number,
		       units_bytes((uint64_t)memory, mb, sizeof(mb)),
		       (long long)chunks,
		       units_bytes((uint64_t)stored, sb, sizeof(sb)),
		       json_array_size(json_object_get(rank, "regions")));
	}
}

static int run(int argc, char **argv, struct err *err)
{
	struct tool_args a;
	json_t *m = NULL;
	int rc = tool_parse(&tool_inspect, argc, argv, "j", &a, err);

	if (!rc)
		rc = describe(&a, &m, err);
	else if (rc > 0)
		rc = 0;
	if (!rc && m && a.json)
		tool_print(m);
	else if (!rc && m)
		print_text(m);
	json_decref(m);
	tool_args_fini(&a);
	return rc;
}

const struct tool tool_inspect = {
	.name = "inspect",
	.summary = "show what a checkpoint holds",
	.usage = "usage: cairn inspect [--json] DIR[/EPOCH]|JOB\n\n"
		 "Shows program, machine and ranks of a checkpoint (the newest "
		 "if none is given);\nwith --json also every memory region and "
		 "open file.\n\n"
		 "Examples:\n"
		 "  cairn inspect cairn-ring-3f2a\n"
		 "  cairn inspect --json cairn-ring-3f2a/7 | jq "
		 "'.rank[0].explain'\n",
	.run = run,
};
