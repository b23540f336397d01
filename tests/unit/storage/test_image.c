/* SPDX-License-Identifier: BSD-3-Clause */
/* test_image.c - what is written into an image comes out of it */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/storage/rig.h"

#define MIB (1U << 20)

static void round_trip(enum rig_fill fill, enum codec_mode mode)
{
	struct image_options options = { .compress = { mode, 3 },
					 .threads = 3 };
	struct image_totals totals;
	struct err err = { "" };
	struct image *im = NULL;
	size_t len = 9 * MIB + 3 * 4096;
	char *memory = rig_memory(fill, len, 7);
	int dir = rig_dir("round");
	int rc = rig_image(dir, "n.img", 2, memory, len, &options, &totals,
			   &err);

	UNIT_OK(rc, &err);
	UNIT_OK(image_open(dir, "n.img", &im, &err), &err);
	if (im) {
		CU_ASSERT_EQUAL(image_nranks(im), 2);
		CU_ASSERT_EQUAL(image_rank(im, 1), 1);
		CU_ASSERT_EQUAL(totals.memory_bytes, 2 * len);
		CU_ASSERT(!memcmp(&totals, image_totals(im), sizeof(totals)));
		UNIT_OK(rig_compare(im, 0, memory, len, &err), &err);
		UNIT_OK(rig_compare(im, 1, memory, len, &err), &err);
		UNIT_OK(image_verify(im, &err), &err);
		unit_note("%.2f MiB of memory, %.2f MiB on disk",
			  (double)totals.memory_bytes / MIB,
			  (double)totals.bytes / MIB);
	}
	image_close(im);
	unlinkat(dir, "n.img", 0);
	close(dir);
	free(memory);
}

static void random_memory(void)
{
	round_trip(RIG_RANDOM, CODEC_AUTO);
	round_trip(RIG_RANDOM, CODEC_SMALL);
}

static void zero_memory(void)
{
	round_trip(RIG_ZERO, CODEC_AUTO);
}

static void float_memory(void)
{
	round_trip(RIG_FLOATS, CODEC_AUTO);
	round_trip(RIG_FLOATS, CODEC_SMALL);
}

static void text_memory(void)
{
	round_trip(RIG_TEXT, CODEC_AUTO);
	round_trip(RIG_TEXT, CODEC_FAST);
}

static void sparse_memory(void)
{
	round_trip(RIG_SPARSE, CODEC_AUTO);
}

static void mixed_memory(void)
{
	round_trip(RIG_MIXED, CODEC_AUTO);
	round_trip(RIG_MIXED, CODEC_NONE);
	round_trip(RIG_MIXED, CODEC_SMALL);
}

static void zeros_take_no_room(void)
{
	struct image_totals totals = { 0 };
	struct err err = { "" };
	size_t len = 64 * MIB;
	char *memory = rig_memory(RIG_ZERO, len, 1);
	int dir = rig_dir("zeros");

	UNIT_OK(rig_image(dir, "n.img", 1, memory, len, NULL, &totals, &err),
		&err);
	CU_ASSERT_EQUAL(totals.zero_bytes, len);
	CU_ASSERT_EQUAL(totals.chunks, 1);
	CU_ASSERT(totals.bytes < 8192);
	close(dir);
	free(memory);
}

/* --- many callers --------------------------------------------------------- */

#define CALLERS 8
#define PART	(2 * MIB)

struct caller {
	pthread_t thread;
	struct image_writer *w;
	const char *memory;
	uint32_t rank;
	size_t from;
	int rc;
	struct err err;
};

static void *call(void *arg)
{
	struct caller *c = arg;

	/* Odd pieces, backwards. */
	for (size_t end = PART; end > 0 && !c->rc;) {
		size_t n = end < 77 * 4096 ? end : 77 * 4096;

		end -= n;
		c->rc = image_pages(c->w, c->rank, RIG_ADDR + c->from + end,
				    c->memory + c->from + end, n, &c->err);
	}
	return NULL;
}

static void many_callers(void)
{
	struct caller callers[CALLERS] = { 0 };
	struct image_options options = { .threads = 2 };
	struct err err = { "" };
	struct image_writer *w = NULL;
	struct image *im = NULL;
	size_t len = CALLERS / 2 * PART;
	char *memory = rig_memory(RIG_MIXED, len, 3);
	int dir = rig_dir("callers");

	UNIT_OK(image_writer_create(dir, "n.img", &options, &w, &err), &err);
	/* Ranks need neither follow each other nor come in order. */
	UNIT_OK(rig_begin(w, 9, len, &err), &err);
	UNIT_OK(rig_begin(w, 4, len, &err), &err);
	for (size_t i = 0; i < CALLERS; i++) {
		callers[i].w = w;
		callers[i].memory = memory;
		callers[i].rank = i % 2 ? 9 : 4;
		callers[i].from = i / 2 * PART;
		CU_ASSERT(!pthread_create(&callers[i].thread, NULL, call,
					  &callers[i]));
	}
	for (size_t i = 0; i < CALLERS; i++) {
		pthread_join(callers[i].thread, NULL);
		UNIT_OK(callers[i].rc, &callers[i].err);
	}
	UNIT_OK(image_rank_end(w, 9, &err), &err);
	UNIT_OK(image_rank_end(w, 4, &err), &err);
	UNIT_OK(image_writer_finish(w, NULL, &err), &err);
	UNIT_OK(image_open(dir, "n.img", &im, &err), &err);
	if (im) {
		CU_ASSERT_EQUAL(image_rank(im, 0), 4);
		CU_ASSERT_EQUAL(image_rank(im, 1), 9);
		UNIT_OK(rig_compare(im, 4, memory, len, &err), &err);
		UNIT_OK(rig_compare(im, 9, memory, len, &err), &err);
	}
	image_close(im);
	close(dir);
	free(memory);
}

static void from_a_descriptor(void)
{
	struct err err = { "" };
	struct image_writer *w = NULL;
	struct image *im = NULL;
	size_t len = 5 * MIB + 4096;
	char *memory = rig_memory(RIG_MIXED, len, 11), *there;
	int dir = rig_dir("from"), mem;

	/* Where the sheet says, in this very process. */
	there = mmap((void *)RIG_ADDR, len, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	mem = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	if (there == MAP_FAILED || mem < 0) {
		unit_skip("no memory at %lx", (unsigned long)RIG_ADDR);
		return;
	}
	memcpy(there, memory, len);
	UNIT_OK(image_writer_create(dir, "n.img", NULL, &w, &err), &err);
	UNIT_OK(rig_begin(w, 0, len, &err), &err);
	UNIT_OK(image_pages_from(w, 0, RIG_ADDR, mem, len, &err), &err);
	UNIT_OK(image_rank_end(w, 0, &err), &err);
	munmap(there, len); /* the process may go on now */
	UNIT_OK(image_writer_finish(w, NULL, &err), &err);
	UNIT_OK(image_open(dir, "n.img", &im, &err), &err);
	if (im)
		UNIT_OK(rig_compare(im, 0, memory, len, &err), &err);
	image_close(im);

	/* Memory that is not there. */
	UNIT_OK(image_writer_create(dir, "m.img", NULL, &w, &err), &err);
	UNIT_OK(rig_begin(w, 3, len, &err), &err);
	UNIT_OK(image_pages_from(w, 3, RIG_ADDR, mem, 4096, &err), &err);
	UNIT_FAILS(image_rank_end(w, 3, &err), -EIO, &err,
		   "cannot read memory of rank 3 at 7f0000000000");
	UNIT_FAILS(image_writer_finish(w, NULL, &err), -EIO, &err, "rank 3");
	CU_ASSERT(faccessat(dir, "m.img", F_OK, 0));
	close(mem);
	close(dir);
	free(memory);
}

/* --- what is refused ------------------------------------------------------ */

static void misuse_is_refused(void)
{
	struct err err = { "" };
	struct image_writer *w = NULL;
	char *memory = rig_memory(RIG_TEXT, 16 * 4096, 1);
	int dir = rig_dir("misuse"), temporary;

	UNIT_OK(image_writer_create(dir, "n.img", NULL, &w, &err), &err);
	UNIT_FAILS(image_pages(w, 0, RIG_ADDR, memory, 4096, &err), -EINVAL,
		   &err, "outside of its section");
	UNIT_OK(rig_begin(w, 0, 16 * 4096, &err), &err);
	UNIT_FAILS(rig_begin(w, 0, 4096, &err), -EEXIST, &err, "already");
	UNIT_FAILS(image_pages(w, 0, RIG_ADDR + 1, memory, 4096, &err), -EINVAL,
		   &err, "not whole pages");
	UNIT_FAILS(image_rank_begin(w, 1, "no sheet", 8, &err), -EBADMSG, &err,
		   "rank 1: sheet");
	UNIT_FAILS(image_rank_end(w, 5, &err), -EINVAL, &err, "rank 5");
	/* An open section: the image is not finished, and nothing stays. */
	UNIT_FAILS(image_writer_finish(w, NULL, &err), -EINVAL, &err,
		   "begun but not ended");
	CU_ASSERT_EQUAL(rig_names(dir, &temporary), 0);
	close(dir);
	free(memory);
}

static void bad_memory_is_refused(void)
{
	struct err err = { "" };
	struct image_writer *w = NULL;
	char *memory = rig_memory(RIG_TEXT, 16 * 4096, 1);
	int dir = rig_dir("bad"), temporary;

	UNIT_OK(image_writer_create(dir, "n.img", NULL, &w, &err), &err);
	UNIT_OK(rig_begin(w, 0, 16 * 4096, &err), &err);
	UNIT_OK(image_pages(w, 0, RIG_ADDR, memory, 8 * 4096, &err), &err);
	UNIT_OK(image_pages(w, 0, RIG_ADDR + 4096, memory, 4096, &err), &err);
	UNIT_OK(image_rank_end(w, 0, &err), &err);
	UNIT_FAILS(image_writer_finish(w, NULL, &err), -EINVAL, &err, "twice");

	UNIT_OK(image_writer_create(dir, "n.img", NULL, &w, &err), &err);
	UNIT_OK(rig_begin(w, 0, 4096, &err), &err);
	UNIT_OK(image_pages(w, 0, RIG_ADDR, memory, 8192, &err), &err);
	UNIT_OK(image_rank_end(w, 0, &err), &err);
	UNIT_FAILS(image_writer_finish(w, NULL, &err), -EBADMSG, &err,
		   "outside of its regions");
	CU_ASSERT_EQUAL(rig_names(dir, &temporary), 0);
	close(dir);
	free(memory);
}

static void nothing_before_the_end(void)
{
	struct err err = { "" };
	struct image_writer *w = NULL;
	char *memory = rig_memory(RIG_RANDOM, 8 * MIB, 1);
	int dir = rig_dir("abort"), temporary;

	UNIT_OK(image_writer_create(dir, "n.img", NULL, &w, &err), &err);
	UNIT_OK(rig_begin(w, 0, 8 * MIB, &err), &err);
	UNIT_OK(image_pages(w, 0, RIG_ADDR, memory, 8 * MIB, &err), &err);
	CU_ASSERT(faccessat(dir, "n.img", F_OK, 0));
	CU_ASSERT_EQUAL(rig_names(dir, &temporary), 1);
	CU_ASSERT_EQUAL(temporary, 1);
	image_writer_abort(w);
	image_writer_abort(NULL);
	CU_ASSERT_EQUAL(rig_names(dir, &temporary), 0);
	close(dir);
	free(memory);
}

static void empty_image(void)
{
	struct err err = { "" };
	struct image_writer *w = NULL;
	struct image *im = NULL;
	const struct image_chunk *c;
	size_t n = 1;
	int dir = rig_dir("empty");

	UNIT_OK(image_writer_create(dir, "n.img", NULL, &w, &err), &err);
	UNIT_OK(rig_begin(w, 0, 4096, &err), &err);
	UNIT_OK(image_rank_end(w, 0, &err), &err);
	UNIT_OK(image_writer_finish(w, NULL, &err), &err);
	UNIT_OK(image_open(dir, "n.img", &im, &err), &err);
	UNIT_OK(image_chunks(im, 0, &c, &n, &err), &err);
	CU_ASSERT_EQUAL(n, 0);
	UNIT_FAILS(image_chunks(im, 1, &c, &n, &err), -ENOENT, &err,
		   "rank 1 is not in n.img");
	UNIT_OK(image_verify(im, &err), &err);
	image_close(im);
	close(dir);
}

static const struct unit_test tests[] = {
	{ "random memory comes back", random_memory },
	{ "zero memory comes back", zero_memory },
	{ "arrays of floats come back", float_memory },
	{ "text comes back", text_memory },
	{ "sparse memory comes back", sparse_memory },
	{ "mixed memory comes back", mixed_memory },
	{ "zeros take no room", zeros_take_no_room },
	{ "several threads write several ranks", many_callers },
	{ "the pool reads a process's memory itself", from_a_descriptor },
	{ "misuse is refused", misuse_is_refused },
	{ "memory given twice or outside of regions is refused",
	  bad_memory_is_refused },
	{ "nothing is visible before the end", nothing_before_the_end },
	{ "a rank without pages is fine", empty_image },
	{ NULL, NULL },
};

static const struct unit_suite suites[] = {
	{ "image", tests },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	return unit_main(argc, argv, suites);
}
