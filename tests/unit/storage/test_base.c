/* SPDX-License-Identifier: BSD-3-Clause */
/* test_base.c - what is the same is written once, and comes back */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "storage/base.h"
#include "storage/catalog.h"
#include "storage/chunk.h"
#include "storage/copy.h"
#include "storage/format.h"
#include "tests/unit/storage/rig.h"

#define MIB   (1UL << 20)
#define PAGE  4096UL
#define IMAGE "node-a.img"

/* A job of one rank: its memory, and what is left of its last image. */
struct life {
	const char *dir;
	char *memory;
	size_t len;
	struct image_base *base;
	struct image_totals totals; /* of the last image */
};

static struct life begin(const char *name, size_t len, enum rig_fill fill)
{
	struct life l = { .len = len, .memory = rig_memory(fill, len, 1) };

	close(rig_dir(name));
	l.dir = strdup(rig_path(name));
	return l;
}

static void end(struct life *l)
{
	image_base_destroy(l->base);
	free(l->memory);
	free((char *)l->dir);
}

static int folder(const struct life *l, uint32_t epoch)
{
	struct err err = { "" };
	int fd = -1;

	UNIT_OK(epoch_folder(l->dir, epoch, 1, &fd, &err), &err);
	return fd;
}

/* As the agent does: pages that are known to be dirty are given, of the rest
 * only what is wanted. */
static int give(struct image_writer *w, const struct life *l, const bool *dirty,
		struct err *err)
{
	uint64_t at = 0;
	int rc = 0;

	while (at < l->len && !rc) {
		uint64_t run = PAGE, taken = 0, wanted = 0;

		while (dirty && at + run < l->len &&
		       dirty[(at + run) / PAGE] == dirty[at / PAGE])
			run += PAGE;
		if (!dirty || dirty[at / PAGE])
			wanted = dirty ? run : l->len;
		else
			rc = image_unchanged(w, 0, RIG_ADDR + at, run, &taken,
					     &wanted, err);
		if (!rc)
			rc = image_pages(w, 0, RIG_ADDR + at + taken,
					 l->memory + at + taken, wanted, err);
		at += taken + wanted;
	}
	return rc;
}

static void write_epoch(struct life *l, uint32_t epoch, const bool *dirty)
{
	struct image_options options = { .threads = 2, .base = l->base };
	struct image_base *next = NULL;
	struct image_writer *w = NULL;
	struct err err = { "" };
	int fd = folder(l, epoch);

	UNIT_OK(image_writer_create(fd, IMAGE, &options, &w, &err), &err);
	UNIT_OK(rig_begin(w, 0, l->len, &err), &err);
	UNIT_OK(give(w, l, dirty, &err), &err);
	UNIT_OK(image_rank_end(w, 0, &err), &err);
	UNIT_OK(image_writer_finish_base(w, epoch, &l->totals, &next, &err),
		&err);
	image_base_destroy(l->base);
	l->base = next;
	close(fd);
}

static struct image *open_epoch(const struct life *l, uint32_t epoch)
{
	struct err err = { "" };
	struct image *im = NULL;
	int fd = folder(l, epoch);

	UNIT_OK(image_open(fd, IMAGE, &im, &err), &err);
	close(fd);
	return im;
}

static void check_epoch(const struct life *l, uint32_t epoch)
{
	struct image *im = open_epoch(l, epoch);
	struct err err = { "" };

	if (!im)
		return;
	UNIT_OK(rig_compare(im, 0, l->memory, l->len, &err), &err);
	UNIT_OK(image_verify(im, &err), &err);
	CU_ASSERT_EQUAL(image_totals(im)->older_bytes, l->totals.older_bytes);
	image_close(im);
}

static size_t nsources(const struct life *l, uint32_t epoch)
{
	struct image *im = open_epoch(l, epoch);
	size_t n = 0;

	if (im)
		image_sources(im, &n);
	image_close(im);
	return n;
}

/* --- one image -------------------------------------------------------------
 */

static void ranks_share(void)
{
	size_t len = 6 * MIB;
	char *memory = rig_memory(RIG_RANDOM, len, 5);
	struct image_options options = { .threads = 2 };
	struct image_totals totals = { 0 };
	struct err err = { "" };
	struct image *im = NULL;
	int dir = rig_dir("share");

	/* and the second half is the first once more */
	memcpy(memory + len / 2, memory, len / 2);
	UNIT_OK(rig_image(dir, IMAGE, 3, memory, len, &options, &totals, &err),
		&err);
	CU_ASSERT(totals.bytes > len / 2 && totals.bytes < len / 2 + MIB);
	UNIT_OK(image_open(dir, IMAGE, &im, &err), &err);
	for (uint32_t r = 0; im && r < 3; r++)
		UNIT_OK(rig_compare(im, r, memory, len, &err), &err);
	if (im)
		UNIT_OK(image_verify(im, &err), &err);
	image_close(im);
	close(dir);
	free(memory);
}

/* --- epochs ------------------------------------------------------------------
 */

static void by_hash(void)
{
	struct life l = begin("hash", 8 * MIB, RIG_MIXED);

	write_epoch(&l, 1, NULL);
	l.memory[3 * MIB + 5] ^= 1;
	write_epoch(&l, 2, NULL);
	CU_ASSERT(l.totals.bytes < 400000);
	CU_ASSERT_EQUAL(nsources(&l, 2), 1);
	check_epoch(&l, 2);
	/* Nothing has changed: an index, and straight to the first. */
	write_epoch(&l, 3, NULL);
	CU_ASSERT(l.totals.bytes < 50000);
	CU_ASSERT_EQUAL(nsources(&l, 3), 2);
	check_epoch(&l, 3);
	end(&l);
}

static void by_page(void)
{
	struct life l = begin("page", 8 * MIB, RIG_FLOATS);
	bool *dirty = calloc(l.len / PAGE, sizeof(*dirty));

	write_epoch(&l, 1, NULL);
	for (size_t i = 7; i < l.len / PAGE; i += 100) {
		dirty[i] = true;
		memset(l.memory + i * PAGE, (int)i, PAGE);
	}
	write_epoch(&l, 2, dirty);
	CU_ASSERT(l.totals.bytes < l.len / 20);
	CU_ASSERT_EQUAL(l.totals.older_bytes, l.len - 21 * PAGE);
	check_epoch(&l, 2);
	/* A page that was changed and is zero now, and one that is as it was
	 * written two epochs ago. */
	memset(dirty, 0, l.len / PAGE);
	dirty[7] = dirty[107] = true;
	memset(l.memory + 7 * PAGE, 0, PAGE);
	memset(l.memory + 107 * PAGE, 207, PAGE);
	write_epoch(&l, 3, dirty);
	check_epoch(&l, 3);
	free(dirty);
	end(&l);
}

/* What the tracker must not miss would show here. */
static void a_lie_shows(void)
{
	struct life l = begin("lie", MIB, RIG_RANDOM);
	bool *dirty = calloc(l.len / PAGE, sizeof(*dirty));
	struct err err = { "" };
	struct image *im;

	write_epoch(&l, 1, NULL);
	l.memory[9 * PAGE] ^= 1;
	write_epoch(&l, 2, dirty);
	im = open_epoch(&l, 2);
	if (im)
		UNIT_FAILS(rig_compare(im, 0, l.memory, l.len, &err), -EILSEQ,
			   &err, "other bytes");
	image_close(im);
	free(dirty);
	end(&l);
}

#define EPOCHS 60

/* Long lives: never more sources than agreed, nor much more on the disk than
 * the memory, and no epoch like a full one. */
static void chains_are_bounded(void)
{
	struct life l = begin("chain", 8 * MIB, RIG_RANDOM);
	size_t pages = l.len / PAGE;
	bool *dirty = calloc(pages, sizeof(*dirty));
	uint64_t written = 0, most = 0, full;
	unsigned int seed = 7;

	write_epoch(&l, 1, NULL);
	full = l.totals.bytes;
	for (uint32_t e = 2; e <= EPOCHS; e++) {
		uint64_t kept = 0;

		memset(dirty, 0, pages);
		for (size_t k = 0; k < pages / 100; k++) {
			size_t i = (seed = seed * 1103515245 + 12345) % pages;

			dirty[i] = true;
			for (size_t b = 0; b < PAGE; b++)
				l.memory[i * PAGE + b] ^= (char)(e + b);
		}
		write_epoch(&l, e, dirty);
		written += l.totals.bytes;
		most = l.totals.bytes > most ? l.totals.bytes : most;
		CU_ASSERT(l.base->nsources <= BASE_SOURCES + 1);
		for (size_t i = 0; i < l.base->nsources; i++)
			kept += l.base->sources[i].bytes;
		CU_ASSERT(kept < 3 * full);
		if (e % 20 == 0)
			check_epoch(&l, e);
	}
	check_epoch(&l, EPOCHS);
	unit_note("%d epochs of 1 %%: %.1f %% of full each, at most %.1f %%",
		  EPOCHS - 1,
		  100. * (double)written / (EPOCHS - 1) / (double)full,
		  100. * (double)most / (double)full);
	CU_ASSERT(written / (EPOCHS - 1) < full / 10);
	free(dirty);
	end(&l);
}

/* A window in many bits is put together again. */
static void bits_are_bounded(void)
{
	struct life l = begin("bits", MIB, RIG_RANDOM);
	bool *dirty = calloc(l.len / PAGE, sizeof(*dirty));
	const struct image_chunk *c;
	struct err err = { "" };
	struct image *im;
	size_t n = 0;

	write_epoch(&l, 1, NULL);
	for (size_t i = 0; i < CHUNK_WINDOW / PAGE; i += 2) {
		dirty[i] = true;
		l.memory[i * PAGE] ^= 1;
	}
	write_epoch(&l, 2, dirty);
	check_epoch(&l, 2);
	memset(dirty, 0, l.len / PAGE);
	write_epoch(&l, 3, dirty);
	check_epoch(&l, 3);
	im = open_epoch(&l, 3);
	if (im)
		UNIT_OK(image_chunks(im, 0, &c, &n, &err), &err);
	CU_ASSERT_EQUAL(n, l.len / CHUNK_WINDOW);
	image_close(im);
	free(dirty);
	end(&l);
}

/* --- what others are needed ------------------------------------------------
 */

static void missing_sources(void)
{
	struct life l = begin("missing", MIB, RIG_RANDOM);
	struct err err = { "" };
	struct image *im = NULL;
	size_t len, other;
	char *data, *copy;
	int one, two;

	write_epoch(&l, 1, NULL);
	l.memory[0] ^= 1;
	write_epoch(&l, 2, NULL);
	one = folder(&l, 1);
	two = folder(&l, 2);
	data = rig_slurp(one, IMAGE, &len);
	copy = rig_slurp(two, IMAGE, &other);
	/* A byte of what is used has changed. */
	data[HEADER_LEN + 700000] ^= 1;
	rig_spill(one, IMAGE, data, len);
	UNIT_OK(image_open(two, IMAGE, &im, &err), &err);
	if (im)
		UNIT_FAILS(image_verify(im, &err), -EBADMSG, &err,
			   "epoch-000001/node-a.img is damaged");
	image_close(im);
	data[HEADER_LEN + 700000] ^= 1;
	/* Another image; a shorter one; none; another's file. */
	rig_spill(one, IMAGE, copy, other);
	UNIT_FAILS(image_open(two, IMAGE, &im, &err), -EBADMSG, &err,
		   "not the image that was referred to");
	rig_spill(one, IMAGE, data, len - 1);
	UNIT_FAILS(image_open(two, IMAGE, &im, &err), -EBADMSG, &err,
		   "node-a.img needs epoch-000001/node-a.img");
	unlinkat(one, IMAGE, 0);
	UNIT_FAILS(image_open(two, IMAGE, &im, &err), -EBADMSG, &err,
		   "node-a.img needs epoch-000001/node-a.img");
	rig_spill(one, IMAGE, data, len);
	fchmodat(one, IMAGE, 0666, 0);
	UNIT_FAILS(image_open(two, IMAGE, &im, &err), -EPERM, &err,
		   "others may write");
	fchmodat(one, IMAGE, 0600, 0);
	check_epoch(&l, 2);
	close(one);
	close(two);
	free(data);
	free(copy);
	end(&l);
}

/* --- what is kept, and where -------------------------------------------------
 */

static json_t *manifest_of(const struct life *l, uint32_t epoch)
{
	json_t *m = rig_manifest(epoch, &l->totals);
	json_t *entry = json_array_get(json_object_get(m, "images"), 0);
	struct image *im = open_epoch(l, epoch);
	const struct image_source *s;
	size_t n = 0;

	json_object_set_new(m, "ranks", json_integer(1));
	json_object_set_new(entry, "ranks", json_pack("[i]", 0));
	s = im ? image_sources(im, &n) : NULL;
	if (n)
		json_object_set_new(entry, "sources", manifest_sources(s, n));
	image_close(im);
	return m;
}

static void commit_epoch(struct life *l, uint32_t epoch)
{
	json_t *m = manifest_of(l, epoch);
	struct err err = { "" };
	int fd = folder(l, epoch);

	UNIT_OK(manifest_commit(fd, m, &err), &err);
	close(fd);
	json_decref(m);
}

static int is_there(const struct life *l, const char *path)
{
	char whole[512];

	snprintf(whole, sizeof(whole), "%s/%s", l->dir, path);
	return !access(whole, F_OK);
}

static size_t count_epochs(const struct life *l)
{
	struct catalog catalog;
	struct err err = { "" };
	size_t n;

	UNIT_OK(catalog_load(l->dir, &catalog, &err), &err);
	n = catalog.n;
	catalog_fini(&catalog);
	return n;
}

static void prune_keeps_sources(void)
{
	struct life l = begin("prune", 2 * MIB, RIG_RANDOM);
	struct err err = { "" };
	uint32_t e = 1;

	for (; e <= 3; e++) {
		write_epoch(&l, e, NULL);
		commit_epoch(&l, e);
		l.memory[e * CHUNK_WINDOW] ^= 1;
	}
	write_epoch(&l, 4, NULL);
	l.memory[2 * CHUNK_WINDOW] ^= 2; /* what epoch 3 has written */
	write_epoch(&l, 5, NULL);
	image_base_destroy(l.base);
	l.base = NULL;
	commit_epoch(&l, 5);
	UNIT_OK(prune(l.dir, 2, 0, &err), &err);
	CU_ASSERT_EQUAL(count_epochs(&l), 2);
	UNIT_OK(prune(l.dir, 1, 0, &err), &err);
	CU_ASSERT_EQUAL(count_epochs(&l), 1);
	/* 5 needs 1, 2 and 4; never committed was 4, and 3 is not needed. */
	CU_ASSERT(is_there(&l, "epoch-000001/" IMAGE));
	CU_ASSERT(!is_there(&l, "epoch-000001/" MANIFEST_NAME));
	CU_ASSERT(is_there(&l, "epoch-000002/" IMAGE));
	CU_ASSERT(!is_there(&l, "epoch-000003"));
	CU_ASSERT(is_there(&l, "epoch-000004/" IMAGE));
	UNIT_OK(epoch_verify(l.dir, 5, &err), &err);
	/* A full one needs nobody. */
	write_epoch(&l, 6, NULL);
	commit_epoch(&l, 6);
	UNIT_OK(prune(l.dir, 1, 0, &err), &err);
	CU_ASSERT(!is_there(&l, "epoch-000001"));
	CU_ASSERT(!is_there(&l, "epoch-000004"));
	UNIT_OK(epoch_verify(l.dir, 6, &err), &err);
	end(&l);
}

static void manifest_names_sources(void)
{
	struct life l = begin("names", MIB, RIG_RANDOM);
	struct err err = { "" };
	json_t *m, *entry, *list;
	int fd;

	write_epoch(&l, 1, NULL);
	l.memory[0] ^= 1;
	write_epoch(&l, 2, NULL);
	m = manifest_of(&l, 2);
	CU_ASSERT_EQUAL(manifest_format(m, false), 3);
	CU_ASSERT_EQUAL(manifest_format(m, true), 4);
	entry = json_array_get(json_object_get(m, "images"), 0);
	list = json_object_get(entry, "sources");
	fd = folder(&l, 2);
	/* A list that says less would let a prune take what is needed. */
	json_incref(list);
	json_object_del(entry, "sources");
	UNIT_OK(manifest_commit(fd, m, &err), &err);
	UNIT_FAILS(epoch_verify(l.dir, 2, &err), -EBADMSG, &err,
		   "needs other images than the manifest says");
	unlinkat(fd, MANIFEST_NAME, 0);
	json_object_set(entry, "sources", list);
	json_object_set_new(json_array_get(list, 0), "file",
			    json_string("../x"));
	UNIT_FAILS(manifest_commit(fd, m, &err), -EBADMSG, &err,
		   "images.sources");
	json_array_clear(list);
	UNIT_FAILS(manifest_commit(fd, m, &err), -EBADMSG, &err,
		   "images.sources");
	close(fd);
	json_decref(list);
	json_decref(m);
	end(&l);
}

static void a_copy_brings_sources(void)
{
	struct life l = begin("from", MIB, RIG_RANDOM), to;
	struct copy_control control;
	struct err err = { "" };
	json_t *m, *entry;
	int fd = -1;

	write_epoch(&l, 1, NULL);
	l.memory[0] ^= 1;
	write_epoch(&l, 2, NULL);
	l.memory[0] ^= 2;
	write_epoch(&l, 3, NULL); /* needs nothing of 2 */
	m = manifest_of(&l, 3);
	entry = json_array_get(json_object_get(m, "images"), 0);
	close(rig_dir("to"));
	to = l;
	to.dir = strdup(rig_path("to"));
	UNIT_OK(epoch_folder(to.dir, 3, 1, &fd, &err), &err);
	copy_control_init(&control, 0);
	UNIT_OK(copy_image(l.dir, 3, entry, fd, &control, &err), &err);
	check_epoch(&to, 3);
	CU_ASSERT(is_there(&to, "epoch-000001/" IMAGE));
	CU_ASSERT(!is_there(&to, "epoch-000002"));
	copy_control_fini(&control);
	close(fd);
	json_decref(m);
	free((char *)to.dir);
	end(&l);
}

static void base_is_probed(void)
{
	struct life l = begin("probe", MIB, RIG_RANDOM);
	struct err err = { "" };
	int fd;

	write_epoch(&l, 1, NULL);
	UNIT_OK(catalog_open(l.dir, &fd, &err), &err);
	UNIT_OK(image_base_probe(l.base, fd, &err), &err);
	unlinkat(fd, "epoch-000001/" IMAGE, 0);
	UNIT_FAILS(image_base_probe(l.base, fd, &err), -ENOENT, &err, IMAGE);
	close(fd);
	end(&l);
}

/* --- hostile: all checksums right, the contents not -------------------------
 */

enum part { PART_INDEX, PART_SOURCE, PART_CHUNK };

/* Epoch 3: sources 1 and 2; chunks: 0 in 1, 1 in 2, 2 own, 3 in 1, of which the
 * first page has changed and is chunk 2. */
static const struct hostile {
	const char *what;
	enum part part;
	size_t which, field;
	int width;
	uint64_t value;
} hostile[] = {
	{ "no sources", PART_INDEX, 0, 48, 4, 0 },
	{ "one source less", PART_INDEX, 0, 48, 4, 1 },
	{ "one source more", PART_INDEX, 0, 48, 4, 3 },
	{ "2^32 - 1 sources", PART_INDEX, 0, 48, 4, 0xffffffff },
	{ "index reserved", PART_INDEX, 0, 52, 4, 1 },
	{ "another epoch", PART_SOURCE, 0, 0, 4, 0 },
	{ "epochs out of order", PART_SOURCE, 0, 0, 4, 9 },
	{ "the same source twice", PART_SOURCE, 1, 0, 4, 1 },
	{ "source reserved", PART_SOURCE, 0, 4, 4, 1 },
	{ "source of no bytes", PART_SOURCE, 0, 8, 8, 0 },
	{ "source of 2^64 - 1 bytes", PART_SOURCE, 0, 8, 8, ~0ULL },
	{ "another source's digest", PART_SOURCE, 1, 16, 8, 1 },
	{ "source without a name", PART_SOURCE, 0, 24, 8, 0 },
	{ "source in another folder", PART_SOURCE, 0, 24, 8,
	  0x6d692e6e2f2e2eULL },
	{ "source with a path", PART_SOURCE, 0, 25, 1, '/' },
	{ "bytes behind the name", PART_SOURCE, 0, 100, 1, 'x' },
	{ "a name without an end", PART_SOURCE, 0, 223, 1, 'x' },
	{ "chunk in source 3", PART_CHUNK, 0, 30, 2, 3 },
	{ "chunk in source 65535", PART_CHUNK, 0, 30, 2, 65535 },
	{ "chunk in the wrong source", PART_CHUNK, 0, 30, 2, 2 },
	{ "source 2 is not used", PART_CHUNK, 1, 30, 2, 1 },
	{ "own chunk in a source", PART_CHUNK, 2, 30, 2, 1 },
	{ "source's chunk here", PART_CHUNK, 0, 30, 2, 0 },
	{ "chunk in a source's header", PART_CHUNK, 0, 16, 8, 4000 },
	{ "chunk in a source's index", PART_CHUNK, 0, 16, 8, MIB + 8192 },
	{ "chunk beyond a source", PART_CHUNK, 0, 16, 8, 1ULL << 40 },
	{ "chunks overlap in a source", PART_CHUNK, 0, 16, 8, 8192 },
	{ "part begins within a page", PART_CHUNK, 3, 40, 4, 100 },
	{ "part beyond its chunk", PART_CHUNK, 3, 40, 4, 8192 },
	{ "part at 2^32 - 4096", PART_CHUNK, 3, 40, 4, 0xfffff000 },
	{ "part of another page", PART_CHUNK, 0, 40, 4, 4096 },
	{ "chunk of no memory", PART_CHUNK, 0, 44, 4, 0 },
	{ "chunk of 2 MiB", PART_CHUNK, 0, 44, 4, 2 * MIB },
	{ "chunk of half a page", PART_CHUNK, 0, 44, 4, 2048 },
	{ "chunk of more than its own", PART_CHUNK, 2, 44, 4, 8192 },
	{ "another codec there", PART_CHUNK, 0, 28, 2, 2 },
	{ "another digest there", PART_CHUNK, 3, 32, 8, 1 },
};

static void seal(char *data, size_t len)
{
	char *t = data + len - TRAILER_LEN;

	put_u64(t, 32, XXH3_64bits(data + get_u64(t, 16), get_u64(t, 24)));
	put_u64(t, 56, XXH3_64bits(t, 56));
}

static char *part_at(const struct hostile *h, char *data, size_t len)
{
	char *index = data + get_u64(data + len - TRAILER_LEN, 16);
	char *sources = index + INDEX_LEN + RANK_LEN;

	if (h->part == PART_INDEX)
		return index;
	if (h->part == PART_SOURCE)
		return sources + h->which * SOURCE_LEN;
	return sources + 2UL * SOURCE_LEN + h->which * CHUNK_LEN;
}

static void bend(const struct hostile *h, char *data, size_t len)
{
	uint64_t value = htole64(h->value);

	memcpy(part_at(h, data, len) + h->field, &value, (size_t)h->width);
}

static int open_and_verify(int dir, const char *name, struct err *err)
{
	struct image *im = NULL;
	int rc = image_open(dir, name, &im, err);

	if (!rc)
		rc = image_verify(im, err);
	image_close(rc && !im ? NULL : im);
	return rc;
}

static void hostile_sources(void)
{
	struct life l = begin("hostile", 4 * CHUNK_WINDOW, RIG_RANDOM);
	char *data, *copy;
	size_t len;
	int dir;

	write_epoch(&l, 1, NULL);
	l.memory[CHUNK_WINDOW] ^= 1;
	write_epoch(&l, 2, NULL);
	/* By the page from here on. */
	{
		bool dirty[4 * CHUNK_WINDOW / PAGE] = { false };

		dirty[2 * CHUNK_WINDOW / PAGE] = true;
		l.memory[2 * CHUNK_WINDOW] ^= 1;
		write_epoch(&l, 3, dirty);
	}
	check_epoch(&l, 3);
	dir = folder(&l, 3);
	data = rig_slurp(dir, IMAGE, &len);
	copy = malloc(len);
	for (size_t i = 0; i < sizeof(hostile) / sizeof(*hostile); i++) {
		struct err err = { "" };
		int rc;

		memcpy(copy, data, len);
		bend(&hostile[i], copy, len);
		CU_ASSERT(memcmp(copy, data, len) != 0);
		seal(copy, len);
		rig_spill(dir, "h.img", copy, len);
		rc = open_and_verify(dir, "h.img", &err);
		if (!rc)
			unit_note("accepted: %s", hostile[i].what);
		CU_ASSERT(rc < 0);
		CU_ASSERT(err.text[0] != '\0');
	}
	close(dir);
	free(copy);
	free(data);
	end(&l);
}

/* --- the format before ------------------------------------------------------
 */

/* The same image as format 1 had it. */
static size_t to_format_1(char *data, size_t len)
{
	char *t = data + len - TRAILER_LEN, trailer[TRAILER_LEN];
	char *index = data + get_u64(t, 16);
	size_t chunks = get_u64(index, 16), at = INDEX_LEN + RANK_LEN;
	size_t tail = get_u64(t, 24) - at - chunks * CHUNK_LEN;
	size_t less = chunks * (CHUNK_LEN - CHUNK_LEN_1);

	memcpy(trailer, t, TRAILER_LEN);
	for (size_t i = 0; i < chunks; i++)
		memmove(index + at + i * CHUNK_LEN_1,
			index + at + i * CHUNK_LEN, CHUNK_LEN_1);
	memmove(index + at + chunks * CHUNK_LEN_1,
		index + at + chunks * CHUNK_LEN, tail);
	memcpy(t - less, trailer, TRAILER_LEN);
	t -= less;
	len -= less;
	put_u32(data, 8, 1);
	put_u64(data, 24, XXH3_64bits(data, 24));
	put_u32(index, 8, 1);
	put_u64(index + INDEX_LEN, 8, get_u64(index + INDEX_LEN, 8) - less);
	put_u32(t, 8, 1);
	put_u64(t, 24, get_u64(t, 24) - less);
	put_u64(t, 40, len);
	seal(data, len);
	return len;
}

static void format_1_is_read(void)
{
	struct life l = begin("format1", 2 * MIB, RIG_MIXED);
	struct err err = { "" };
	size_t len;
	char *data;
	int dir;

	write_epoch(&l, 1, NULL);
	dir = folder(&l, 1);
	data = rig_slurp(dir, IMAGE, &len);
	len = to_format_1(data, len);
	rig_spill(dir, IMAGE, data, len);
	check_epoch(&l, 1);
	/* but not in a mixture */
	put_u32(data, 8, 2);
	put_u64(data, 24, XXH3_64bits(data, 24));
	rig_spill(dir, IMAGE, data, len);
	CU_ASSERT_EQUAL(open_and_verify(dir, IMAGE, &err), -EBADMSG);
	close(dir);
	free(data);
	end(&l);
}

static const struct unit_test tests[] = {
	{ "what ranks have in common is stored once", ranks_share },
	{ "unchanged memory is found by its hash", by_hash },
	{ "unchanged memory is taken over by the page", by_page },
	{ "a change that nobody reported is missing", a_lie_shows },
	{ "sources and garbage are bounded", chains_are_bounded },
	{ "a window in many bits is written whole", bits_are_bounded },
	{ "an image whose sources are not right is refused", missing_sources },
	{ "an epoch's images stay while a newer one needs them",
	  prune_keeps_sources },
	{ "the manifest names the sources", manifest_names_sources },
	{ "a copy to another tier brings the sources along",
	  a_copy_brings_sources },
	{ "a base whose images are gone is found out", base_is_probed },
	{ "no hostile source or part is accepted", hostile_sources },
	{ "an image of format 1 is read", format_1_is_read },
	{ NULL, NULL },
};

static const struct unit_suite suites[] = {
	{ "base", tests },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	return unit_main(argc, argv, suites);
}
