/* SPDX-License-Identifier: BSD-3-Clause */
/* test_codec.c - each codec gives back what it got, and nothing else */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "storage/codec.h"
#include "storage/format.h"
#include "storage/probe.h"
#include "storage/shuffle.h"
#include "tests/unit/storage/rig.h"

#define LEN (256U << 10)

static const struct codec_load disk_short = { .sink_ns = 4,
					      .pressure = 15.0 / 16,
					      .threads = 4 };
static const struct codec_load cpu_short = { .sink_ns = 0.2,
					     .pressure = 3.0 / 8,
					     .threads = 1 };
static const struct codec_wish automatic = { CODEC_AUTO, 0 };

/* --- shuffling ------------------------------------------------------------ */

static void shuffle_by(unsigned int width)
{
	char *src = rig_memory(RIG_RANDOM, LEN, 5);
	char *planes = malloc(LEN), *back = malloc(LEN);

	/* Whole blocks, a rest, less than a block. */
	for (size_t n = 0; n < 100; n++) {
		memset(planes, 0, LEN);
		shuffle(planes, src, n * width, width);
		for (size_t i = 0; i < n * width; i++)
			CU_ASSERT_FATAL(planes[i % width * n + i / width] ==
					src[i]);
		memset(back, 0, LEN);
		unshuffle(back, planes, n * width, width);
		CU_ASSERT(!memcmp(back, src, n * width));
		CU_ASSERT(planes[n * width] == 0 && back[n * width] == 0);
	}
	shuffle(planes, src, LEN, width);
	unshuffle(back, planes, LEN, width);
	CU_ASSERT(!memcmp(back, src, LEN));
	free(src);
	free(planes);
	free(back);
}

static void shuffled_planes(void)
{
	shuffle_by(4);
	shuffle_by(8);
}

/* --- round trips ---------------------------------------------------------- */

/* A smooth field with noise in the last digits. */
static char *doubles(void)
{
	double *v = (double *)(void *)rig_memory(RIG_RANDOM, LEN, 9);

	for (size_t i = 0; i < LEN / sizeof(*v); i++) {
		uint64_t noise;

		memcpy(&noise, &v[i], sizeof(noise));
		v[i] = 300 + sin((double)i / 5000) +
		       (double)(noise % 4096) * 1e-8;
	}
	return (char *)v;
}

static char *floats(void)
{
	char *m = rig_memory(RIG_RANDOM, LEN, 9);
	float *v = (float *)(void *)m;

	for (size_t i = 0; i < LEN / sizeof(*v); i++) {
		uint32_t noise;

		memcpy(&noise, &v[i], sizeof(noise));
		v[i] = (float)(300 + sin((double)i / 5000) +
			       (double)(noise % 64) * 3e-5);
	}
	return m;
}

/* Words in any order. */
static char *words(void)
{
	static const char list[][9] = { "harbour ", "stone ",  "a ",
					"marks ",   "the ",    "way ",
					"back ",    "of ",     "between ",
					"hills ",   "cairns ", "and ",
					"fog, ",    "where ",  "walkers ",
					"were. " };
	char *m = rig_memory(RIG_RANDOM, LEN, 2);
	size_t at = 0;

	for (size_t i = 0; at < LEN - 9; i++) {
		const char *word = list[(unsigned char)m[LEN - 1 - i] % 16];

		memcpy(m + at, word, strlen(word));
		at += strlen(word);
	}
	memset(m + at, ' ', LEN - at);
	return m;
}

/* The codec chosen; the memory came back. */
static enum codec trip(const struct codec_wish *wish,
		       const struct codec_load *load, const char *src,
		       size_t len, size_t *stored)
{
	struct codec_ctx *ctx = codec_create();
	char *dst = malloc(codec_room(len)), *back = malloc(len);
	enum codec codec;

	CU_ASSERT_FATAL(ctx && dst && back);
	codec = codec_encode(ctx, wish, load, src, len, dst, stored);
	CU_ASSERT(*stored <= len);
	memset(back, 0x5a, len);
	CU_ASSERT_EQUAL(codec_decode(ctx, codec, codec == CODEC_RAW ? src : dst,
				     *stored, back, len),
			0);
	CU_ASSERT(!memcmp(back, src, len));
	codec_destroy(ctx);
	free(dst);
	free(back);
	return codec;
}

static void chosen(const char *wish_text, const struct codec_load *load,
		   char *src, enum codec expected)
{
	struct codec_wish wish;
	size_t stored;
	enum codec codec;

	CU_ASSERT_EQUAL(codec_wish_parse(wish_text, &wish), 0);
	codec = trip(&wish, load, src, LEN, &stored);
	unit_note("%s: codec %d, %.3f of the memory", wish_text, (int)codec,
		  (double)stored / LEN);
	CU_ASSERT_EQUAL(codec, expected);
	free(src);
}

static void a_slow_disk(void)
{
	chosen("auto", &disk_short, doubles(), CODEC_SHUFFLE8);
	chosen("auto", &disk_short, floats(), CODEC_SHUFFLE4);
	chosen("auto", &disk_short, words(), CODEC_ZSTD);
	chosen("auto", &disk_short, rig_memory(RIG_RANDOM, LEN, 1), CODEC_RAW);
}

static void a_fast_disk(void)
{
	chosen("auto", &cpu_short, doubles(), CODEC_RAW);
	chosen("auto", &cpu_short, floats(), CODEC_RAW);
	chosen("auto", &cpu_short, rig_memory(RIG_RANDOM, LEN, 1), CODEC_RAW);
}

static void what_users_want(void)
{
	chosen("none", &disk_short, words(), CODEC_RAW);
	chosen("fast", &cpu_short, words(), CODEC_ZSTD);
	chosen("fast", &disk_short, doubles(), CODEC_RAW);
	chosen("small", &cpu_short, doubles(), CODEC_SHUFFLE8);
	chosen("small", &cpu_short, floats(), CODEC_SHUFFLE4);
	chosen("small", &cpu_short, rig_memory(RIG_RANDOM, LEN, 1), CODEC_RAW);
	chosen("19", &cpu_short, words(), CODEC_ZSTD);
}

static void all_lengths(void)
{
	char *src = doubles();
	size_t stored;

	for (size_t len = FORMAT_PAGE; len <= LEN; len += 7 * FORMAT_PAGE)
		CU_ASSERT_EQUAL(trip(&automatic, &disk_short, src, len,
				     &stored),
				CODEC_SHUFFLE8);
	free(src);
}

/* Memory that changes its kind; the choice follows. */
static void the_choice_follows(void)
{
	struct codec_ctx *ctx = codec_create();
	char *dst = malloc(codec_room(LEN));
	char *kinds[] = { doubles(), rig_memory(RIG_RANDOM, LEN, 3),
			  words(), floats() };
	static const enum codec expected[] = { CODEC_SHUFFLE8, CODEC_RAW,
					       CODEC_ZSTD, CODEC_SHUFFLE4 };
	enum codec last = CODEC_COUNT;
	size_t stored;

	for (int k = 0; k < 4; k++) {
		for (int i = 0; i < 10; i++)
			last = codec_encode(ctx, &automatic, &disk_short,
					    kinds[k], LEN, dst, &stored);
		CU_ASSERT_EQUAL(last, expected[k]);
		free(kinds[k]);
	}
	free(dst);
	codec_destroy(ctx);
}

static void wishes(void)
{
	static const char *const bad[] = { "tight", "0",  "20", "-5",
					   "3x",    "1.5" };
	struct codec_wish w;

	CU_ASSERT(!codec_wish_parse(NULL, &w) && w.mode == CODEC_AUTO);
	CU_ASSERT(!codec_wish_parse("", &w) && w.mode == CODEC_AUTO);
	CU_ASSERT(!codec_wish_parse("12", &w) && w.mode == CODEC_SMALL &&
		  w.level == 12);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CU_ASSERT_EQUAL(codec_wish_parse(bad[i], &w), -EINVAL);
}

/* --- hostile input -------------------------------------------------------- */

static int decode(enum codec codec, const char *src, size_t stored, size_t len)
{
	struct codec_ctx *ctx = codec_create();
	char *dst = malloc(len + 1);
	int rc;

	memset(dst, 0x5a, len + 1);
	rc = codec_decode(ctx, codec, src, stored, dst, len);
	CU_ASSERT(dst[len] == 0x5a); /* never beyond */
	free(dst);
	codec_destroy(ctx);
	return rc;
}

/* A frame of zeros that gives len bytes indeed, and yet is no chunk. */
static void good_frame(enum codec codec, size_t len)
{
	char *src = calloc(1, len), *dst = malloc(ZSTD_compressBound(len));
	size_t n = ZSTD_compress(dst, ZSTD_compressBound(len), src, len, 1);

	CU_ASSERT(!ZSTD_isError(n));
	CU_ASSERT_EQUAL(decode(codec, dst, n, len), -EBADMSG);
	free(src);
	free(dst);
}

static void hostile_input(void)
{
	static const enum codec frames[] = { CODEC_ZSTD, CODEC_SHUFFLE4,
					     CODEC_SHUFFLE8 };
	struct codec_ctx *ctx = codec_create();
	char *src = doubles(), *dst = malloc(codec_room(LEN)), *bent;
	size_t n;

	CU_ASSERT_EQUAL(codec_encode(ctx, &automatic, &disk_short, src, LEN,
				     dst, &n),
			CODEC_SHUFFLE8);
	for (size_t i = 0; i < 3; i++) {
		enum codec c = frames[i];

		CU_ASSERT_EQUAL(decode(c, dst, n, LEN), 0);
		CU_ASSERT_EQUAL(decode(c, dst, n - 1, LEN), -EBADMSG);
		CU_ASSERT_EQUAL(decode(c, dst, 0, LEN), -EBADMSG);
		CU_ASSERT_EQUAL(decode(c, dst, n, LEN - 4096), -EBADMSG);
		CU_ASSERT_EQUAL(decode(c, dst, n, LEN + 4096), -EBADMSG);
		CU_ASSERT_EQUAL(decode(c, src, LEN, LEN), -EBADMSG);
	}
	good_frame(CODEC_SHUFFLE8, LEN + 4);	     /* no whole elements */
	good_frame(CODEC_SHUFFLE4, FORMAT_CHUNK_MAX + 4096); /* too much */
	CU_ASSERT_EQUAL(decode(CODEC_RAW, src, LEN, LEN - 4096), -EBADMSG);
	CU_ASSERT_EQUAL(decode(CODEC_ZERO, src, 1, LEN), -EBADMSG);
	CU_ASSERT_EQUAL(decode(CODEC_COUNT, src, LEN, LEN), -EBADMSG);
	/* Whatever a flipped byte does, it stays inside. */
	bent = malloc(n);
	for (size_t i = 0; i < n; i += 1 + n / 500) {
		memcpy(bent, dst, n);
		bent[i] = (char)~bent[i];
		(void)decode(CODEC_SHUFFLE8, bent, n, LEN);
	}
	free(bent);
	free(src);
	free(dst);
	codec_destroy(ctx);
}

static const struct unit_test tests[] = {
	{ "shuffling puts bytes into planes and back", shuffled_planes },
	{ "a slow disk gets numbers shuffled", a_slow_disk },
	{ "a fast disk gets them as they are", a_fast_disk },
	{ "the user's wish decides", what_users_want },
	{ "chunks of all lengths come back", all_lengths },
	{ "the choice follows the memory's kind", the_choice_follows },
	{ "a wish is a word or a level", wishes },
	{ "hostile input is refused", hostile_input },
	{ NULL, NULL },
};

static const struct unit_suite suites[] = {
	{ "codec", tests },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	return unit_main(argc, argv, suites);
}
