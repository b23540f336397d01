/* SPDX-License-Identifier: BSD-3-Clause */
/* test_damage.c - no damage to an image and no hostile one is believed */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "storage/format.h"
#include "storage/index.h"
#include "tests/lib/make_sheet.h"
#include "tests/unit/storage/rig.h"

#define LEN (12 * 4096)

/* Text, zeros, random: each kind of chunk, in two ranks. */
static char *small_image(int dir, const char *name, size_t *len)
{
	struct image_options options = { .threads = 1 };
	struct err err = { "" };
	char *memory = rig_memory(RIG_ZERO, LEN, 1);
	char *random = rig_memory(RIG_RANDOM, 2 * 4096, 5);
	struct image_totals totals;
	char *data;

	memset(memory, 'a', 4096 + 100);
	memcpy(memory + 10 * 4096, random, 2 * 4096);
	UNIT_OK(rig_image(dir, name, 2, memory, LEN, &options, &totals, &err),
		&err);
	data = rig_slurp(dir, name, len);
	free(random);
	free(memory);
	return data;
}

static int open_and_verify(int dir, const char *name, struct err *err)
{
	struct image *im;
	int rc = image_open(dir, name, &im, err);

	if (rc)
		return rc;
	rc = image_verify(im, err);
	image_close(im);
	return rc;
}

static void every_bit(void)
{
	struct err err = { "" };
	int dir = rig_dir("flip"), fd;
	size_t len, accepted = 0;
	char *data = small_image(dir, "n.img", &len);

	fd = openat(dir, "n.img", O_RDWR | O_CLOEXEC);
	UNIT_OK(open_and_verify(dir, "n.img", &err), &err);
	for (size_t i = 0; i < len; i++) {
		char c = (char)(data[i] ^ 1 << i % 8);

		if (pwrite(fd, &c, 1, (off_t)i) != 1)
			abort();
		if (!open_and_verify(dir, "n.img", &err))
			accepted++;
		if (pwrite(fd, &data[i], 1, (off_t)i) != 1)
			abort();
	}
	CU_ASSERT_EQUAL(accepted, 0);
	UNIT_OK(open_and_verify(dir, "n.img", &err), &err);
	unit_note("%zu bytes flipped one by one", len);
	close(fd);
	close(dir);
	free(data);
}

static void every_truncation(void)
{
	struct err err = { "" };
	struct image *im;
	int dir = rig_dir("cut"), fd;
	size_t len, accepted = 0;
	char *data = small_image(dir, "n.img", &len);

	fd = openat(dir, "n.img", O_RDWR | O_CLOEXEC);
	for (size_t n = len; n-- > 0;) {
		if (ftruncate(fd, (off_t)n))
			abort();
		if (!image_open(dir, "n.img", &im, &err)) {
			accepted++;
			image_close(im);
		}
	}
	CU_ASSERT_EQUAL(accepted, 0);
	/* and something behind it */
	if (pwrite(fd, data, len, 0) != (ssize_t)len ||
	    pwrite(fd, "", 1, (off_t)len) != 1)
		abort();
	CU_ASSERT(image_open(dir, "n.img", &im, &err));
	close(fd);
	close(dir);
	free(data);
}

/* --- hostile: all checksums right, the contents not ------------------------
 */

static void seal(char *data, size_t len)
{
	char *t = data + len - TRAILER_LEN;
	uint64_t at = get_u64(t, 16), index_len = get_u64(t, 24);

	if (at <= len && index_len <= len - at)
		put_u64(t, 32, XXH3_64bits(data + at, index_len));
	put_u64(t, 56, XXH3_64bits(t, 56));
	put_u64(data, 24, XXH3_64bits(data, 24));
}

enum part { PART_HEADER, PART_TRAILER, PART_INDEX, PART_RANK, PART_CHUNK };

struct hostile {
	const char *what;
	enum part part;
	int which; /* rank or chunk */
	size_t field;
	int width;
	uint64_t value;
};

static const struct hostile hostile[] = {
	{ "header version", PART_HEADER, 0, 8, 4, 3 },
	{ "header length", PART_HEADER, 0, 12, 4, 8192 },
	{ "page size", PART_HEADER, 0, 16, 4, 65536 },
	{ "header reserved", PART_HEADER, 0, 4000, 4, 1 },
	{ "trailer version", PART_TRAILER, 0, 8, 4, 3 },
	{ "trailer of format 1", PART_TRAILER, 0, 8, 4, 1 },
	{ "trailer length", PART_TRAILER, 0, 12, 4, 65 },
	{ "index in the header", PART_TRAILER, 0, 16, 8, 64 },
	{ "index beyond the end", PART_TRAILER, 0, 16, 8, 1ULL << 62 },
	{ "index of 2^63 bytes", PART_TRAILER, 0, 24, 8, 1ULL << 63 },
	{ "another length of the file", PART_TRAILER, 0, 40, 8, 4096 },
	{ "trailer reserved", PART_TRAILER, 0, 48, 8, 1 },
	{ "index magic", PART_INDEX, 0, 0, 8, 0 },
	{ "index version", PART_INDEX, 0, 8, 4, 3 },
	{ "index of format 1", PART_INDEX, 0, 8, 4, 1 },
	{ "no ranks", PART_INDEX, 0, 12, 4, 0 },
	{ "2^32 - 1 ranks", PART_INDEX, 0, 12, 4, 0xffffffff },
	{ "one rank more", PART_INDEX, 0, 12, 4, 3 },
	{ "2^63 chunks", PART_INDEX, 0, 16, 8, 1ULL << 63 },
	{ "2^60 chunks (times 48 overflows)", PART_INDEX, 0, 16, 8,
	  0x0555555555555556ULL },
	{ "no chunks", PART_INDEX, 0, 16, 8, 0 },
	{ "other memory bytes", PART_INDEX, 0, 24, 8, 4096 },
	{ "other zero bytes", PART_INDEX, 0, 32, 8, 4096 },
	{ "sheets of 2^64 - 1 bytes", PART_INDEX, 0, 40, 8, ~0ULL },
	{ "index reserved", PART_INDEX, 0, 56, 8, 1 },
	{ "two ranks of one number", PART_RANK, 1, 0, 4, 0 },
	{ "rank reserved", PART_RANK, 0, 4, 4, 1 },
	{ "sheet elsewhere", PART_RANK, 0, 8, 8, 64 },
	{ "sheet far outside", PART_RANK, 0, 8, 8, ~0ULL },
	{ "sheet of 2^64 - 1 bytes", PART_RANK, 0, 16, 8, ~0ULL },
	{ "sheet of no bytes", PART_RANK, 0, 16, 8, 0 },
	{ "a rank with 2^60 chunks", PART_RANK, 0, 24, 8, 1ULL << 60 },
	{ "a rank with the other's chunk", PART_RANK, 0, 24, 8, 4 },
	{ "a rank with one chunk less", PART_RANK, 1, 24, 8, 2 },
	{ "chunk not at a page", PART_CHUNK, 0, 0, 8, RIG_ADDR + 1 },
	{ "chunk outside of the region", PART_CHUNK, 0, 0, 8, RIG_ADDR - 4096 },
	{ "chunk at the kernel's addresses", PART_CHUNK, 3, 0, 8,
	  0xffffffffff600000ULL },
	{ "chunk in the one before", PART_CHUNK, 1, 0, 8, RIG_ADDR + 4096 },
	{ "chunk of no memory", PART_CHUNK, 0, 8, 8, 0 },
	{ "chunk of half a page", PART_CHUNK, 0, 8, 8, 2048 },
	{ "chunk of 2^64 - 4096 bytes", PART_CHUNK, 0, 8, 8, ~4095ULL },
	{ "zeros beyond the region", PART_CHUNK, 1, 8, 8, 1ULL << 40 },
	{ "chunk in the header", PART_CHUNK, 0, 16, 8, 0 },
	{ "chunk in the index", PART_CHUNK, 2, 16, 8, 4096 + 16384 },
	{ "chunk beyond 2^63", PART_CHUNK, 2, 16, 8, ~0ULL },
	{ "chunk over another", PART_CHUNK, 2, 16, 8, 4100 },
	{ "stored more than the memory", PART_CHUNK, 0, 24, 4, 0xffffffff },
	{ "stored nothing of data", PART_CHUNK, 2, 24, 4, 0 },
	{ "stored less than the chunk", PART_CHUNK, 2, 24, 4, 4096 },
	{ "codec of the future", PART_CHUNK, 0, 28, 2, 9 },
	{ "zstd said to be raw", PART_CHUNK, 0, 28, 2, 1 },
	{ "raw said to be zstd", PART_CHUNK, 2, 28, 2, 2 },
	{ "zeros with a codec", PART_CHUNK, 1, 28, 2, 1 },
	{ "a source of the future", PART_CHUNK, 0, 30, 2, 1 },
	{ "another digest", PART_CHUNK, 0, 32, 8, 1 },
};

static char *place(const struct hostile *h, char *data, size_t len)
{
	char *trailer = data + len - TRAILER_LEN;
	char *index = data + get_u64(trailer, 16);

	switch (h->part) {
	case PART_TRAILER:
		return trailer;
	case PART_INDEX:
		return index;
	case PART_RANK:
		return index + INDEX_LEN + h->which * (int)RANK_LEN;
	case PART_CHUNK:
		return index + INDEX_LEN + 2 * RANK_LEN +
		       h->which * (int)CHUNK_LEN;
	case PART_HEADER:
	default:
		return data;
	}
}

static void hostile_fields(void)
{
	int dir = rig_dir("hostile");
	size_t len;
	char *data = small_image(dir, "n.img", &len);
	char *copy = malloc(len);
	struct err later = { "" };

	for (size_t i = 0; i < sizeof(hostile) / sizeof(*hostile); i++) {
		const struct hostile *h = &hostile[i];
		struct err err = { "" };
		int rc;

		memcpy(copy, data, len);
		if (h->width == 2)
			put_u16(place(h, copy, len), h->field,
				(uint16_t)h->value);
		else if (h->width == 4)
			put_u32(place(h, copy, len), h->field,
				(uint32_t)h->value);
		else
			put_u64(place(h, copy, len), h->field, h->value);
		CU_ASSERT(memcmp(copy, data, len) != 0);
		seal(copy, len);
		rig_spill(dir, "h.img", copy, len);
		rc = open_and_verify(dir, "h.img", &err);
		if (!rc)
			unit_note("accepted: %s", h->what);
		CU_ASSERT(rc < 0);
		CU_ASSERT(err.text[0] != '\0');
	}
	/* sealing alone does no harm */
	memcpy(copy, data, len);
	seal(copy, len);
	rig_spill(dir, "h.img", copy, len);
	CU_ASSERT_EQUAL(open_and_verify(dir, "h.img", NULL), 0);
	/* what a later Cairn may write is not called damaged */
	for (int i = 0; i < 6; i += 3) /* both ranks have it */
		put_u16(place(&(struct hostile){ .part = PART_CHUNK,
						 .which = i },
			      copy, len),
			28, CODEC_COUNT);
	seal(copy, len);
	rig_spill(dir, "h.img", copy, len);
	UNIT_FAILS(open_and_verify(dir, "h.img", &later), -EPROTONOSUPPORT,
		   &later, "codec 5, which this Cairn does not know");
	free(copy);
	free(data);
	close(dir);
}

/* --- sheets -----------------------------------------------------------------
 */

static void check_bent(struct sheet *s, size_t len, const char *words)
{
	struct err err = { "" };
	int rc = sheet_check(s, len, &err);

	CU_ASSERT(rc < 0);
	if (!strstr(err.text, words))
		unit_note("not \"%s\": %s", words, err.text);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, words));
	free(s);
}

static struct sheet *good_sheet(size_t *len)
{
	static const struct region regions[] = {
		{ .start = 0x1000, .len = 0x2000 },
		{ .start = 0x3000, .len = 0x1000, .flags = REGION_SAVE },
		{ .start = 0x8000, .len = 0x1000 },
	};

	return make_sheet(regions, 3, len);
}

#define BENT(statement, words)                               \
	do {                                                 \
		struct sheet *s = good_sheet(&len);          \
		struct region *r = (struct region *)(s + 1); \
		(void)r;                                     \
		statement;                                   \
		check_bent(s, len, words);                   \
	} while (0)

static void bent_sheets(void)
{
	struct err err = { "" };
	size_t len;
	struct sheet *good = good_sheet(&len);

	UNIT_OK(sheet_check(good, len, &err), &err);
	for (size_t n = 0; n < len; n++)
		CU_ASSERT(sheet_check(good, n, &err) < 0);
	free(good);
	BENT(s->magic++, "magic");
	BENT(s->version++, "version 2");
	BENT(s->size--, "says");
	BENT(s->nregions = 0xffffffff, "regions");
	BENT(s->nregions = 90, "regions");
	BENT(s->regions = 4, "regions");
	BENT(s->regions = 0xfffffff8, "regions");
	BENT(s->strings = s->size, "strings");
	BENT(s->strings_len = 0, "strings");
	BENT(s->strings_len = 0xffffffff, "strings");
	BENT(s->strings_len--, "strings");
	BENT(((char *)s)[s->strings] = 'x', "strings");
	BENT(s->explain_len = 0x7fffffff, "explanation");
	BENT(s->auxv_len = 16, "auxiliary");
	BENT((s->auxv = s->strings & ~7U, s->auxv_len = 1 << 20), "auxiliary");
	BENT(r[1].start = 0x2000, "overlaps");
	BENT(r[2].start = 0x1000, "overlaps");
	BENT(r[0].len = 0, "no region");
	BENT(r[0].len = 100, "no region");
	BENT(r[0].start = 100, "no region");
	BENT(r[2].len = ~4095ULL, "no region");
	BENT(r[2].start = ~4095ULL, "no region");
	BENT(r[0].kind = 0, "unknown");
	BENT(r[0].kind = 7, "unknown");
	BENT(r[0].flags = 1U << 31, "unknown");
	BENT(r[0].prot = 8, "unknown");
	BENT(r[0].name = 1000, "name");
}

static const struct unit_test tests[] = {
	{ "no flipped bit is accepted", every_bit },
	{ "no truncation is accepted", every_truncation },
	{ "no hostile field is accepted", hostile_fields },
	{ "no bent sheet is accepted", bent_sheets },
	{ NULL, NULL },
};

static const struct unit_suite suites[] = {
	{ "damage", tests },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	return unit_main(argc, argv, suites);
}
