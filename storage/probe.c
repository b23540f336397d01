/* SPDX-License-Identifier: BSD-3-Clause */
/* probe.c - choose how to store a chunk, by a sample and by who is short */
#include "storage/probe.h"

#include <string.h>

#include "storage/shuffle.h"

/*
 * DESIGN
 *
 * Compressing and writing go on side by side, and the slower of them is what an
 * epoch waits for.  So a chunk's time is weighed by who is short at the moment:
 *
 *	pressure * sink's time a byte * ratio + (1 - pressure) * CPU time a
 *	byte / threads
 *
 * Pressure is how full the sink's queue is (sink_load).  While the disk waits for the
 * threads it falls, and chunks are stored as they are or packed by cheap ways;
 * when the queue fills up, better ways get their turn: the mixture settles where
 * both are busy.  CPU times are the thread's own, so a thread that has to share
 * its core shows as a queue that runs empty, not as a slow codec.
 *
 * Ratios come from a sample of 16 KiB: four pieces of the chunk.  Each chunk's
 * is compressed at the fast level only (6% of the time the whole would take);
 * the other ways, a tenth of the chunk's time, are tried in each eighth chunk,
 * and when the fast ratio has moved or the last choice gained nothing: chunks
 * that follow each other are of the same array as a rule.
 *
 * zstd's negative levels code no entropy, which is all that planes of shuffled
 * floats have to offer, so shuffling goes with level 1.
 */
#define SAMPLE_PIECES	 4
#define SAMPLE_PIECE	 (SAMPLE_LEN / SAMPLE_PIECES)
#define FULL_EVERY	 8
#define MOVED		 (1.0 / 32)
#define RATIO_MAX	 (15.0 / 16) /* a stored chunk is read back faster */
#define NS_CHECKSUM	 0.15	     /* a stored byte */
#define LEARN		 (1.0 / 8)

/* ns a byte until it is measured: one core of 2020. */
static const struct {
	enum codec codec;
	int level;
	double cost;
} ways[WAY_COUNT] = {
	[WAY_RAW] = { CODEC_RAW, 0, 0 },
	[WAY_FAST] = { CODEC_ZSTD, -5, 0.5 },
	[WAY_GOOD] = { CODEC_ZSTD, 1, 1.3 },
	[WAY_SHUFFLE4] = { CODEC_SHUFFLE4, 1, 0.9 },
	[WAY_SHUFFLE8] = { CODEC_SHUFFLE8, 1, 0.9 },
};

enum codec way_codec(enum way way)
{
	return ways[way].codec;
}

int way_level(enum way way)
{
	return ways[way].level;
}

void probe_init(struct probe *p)
{
	p->stale = 1;
	for (int i = 0; i < WAY_COUNT; i++) {
		p->ratio[i] = 1;
		p->cost[i] = ways[i].cost;
	}
}

static size_t take_sample(struct probe *p, const char *src, size_t len)
{
	size_t step;

	if (len <= SAMPLE_LEN) {
		memcpy(p->sample, src, len);
		return len;
	}
	/* Whole elements, not torn ones. */
	step = (len - SAMPLE_PIECE) / (SAMPLE_PIECES - 1) & ~(size_t)63;
	for (size_t i = 0; i < SAMPLE_PIECES; i++)
		memcpy(p->sample + i * SAMPLE_PIECE, src + i * step,
		       SAMPLE_PIECE);
	return SAMPLE_LEN;
}

static double try_way(struct probe *p, ZSTD_CCtx *c, enum way way, int level,
		      size_t len)
{
	const char *src = p->sample;
	size_t n;

	if (way == WAY_SHUFFLE4 || way == WAY_SHUFFLE8) {
		shuffle(p->planes, p->sample, len, way == WAY_SHUFFLE4 ? 4 : 8);
		src = p->planes;
	}
	n = ZSTD_compressCCtx(c, p->out, sizeof(p->out), src, len, level);
	return ZSTD_isError(n) || !len ? 1 : (double)n / (double)len;
}

/* Ratios of this chunk, as good as is known. */
static void look(struct probe *p, ZSTD_CCtx *c, size_t len)
{
	double fast = try_way(p, c, WAY_FAST, way_level(WAY_FAST), len);
	double moved = fast - p->ratio[WAY_FAST];

	p->ratio[WAY_FAST] = fast;
	if (!p->stale && ++p->age < FULL_EVERY && moved < MOVED &&
	    moved > -MOVED)
		return;
	p->stale = 0;
	p->age = 0;
	for (enum way w = WAY_GOOD; w < WAY_COUNT; w++)
		p->ratio[w] = try_way(p, c, w, way_level(w), len);
}

static double expected_ns(const struct probe *p, enum way way,
			  const struct codec_load *load)
{
	double cpu = p->cost[way] + NS_CHECKSUM * p->ratio[way];

	return load->pressure * load->sink_ns * p->ratio[way] +
	       (1 - load->pressure) * cpu / load->threads;
}

static enum way least_time(const struct probe *p, const struct codec_load *load)
{
	enum way best = WAY_RAW;

	for (enum way w = WAY_FAST; w < WAY_COUNT; w++)
		if (p->ratio[w] <= RATIO_MAX &&
		    expected_ns(p, w, load) < expected_ns(p, best, load))
			best = w;
	return best;
}

/* Of plain and shuffled, at the user's level. */
static enum way least_bytes(struct probe *p, ZSTD_CCtx *c, int level,
			    size_t len)
{
	double least = RATIO_MAX;
	enum way best = WAY_RAW;

	for (enum way w = WAY_GOOD; w < WAY_COUNT; w++) {
		double ratio = try_way(p, c, w, level, len);

		if (ratio < least) {
			least = ratio;
			best = w;
		}
	}
	return best;
}

enum way probe_choose(struct probe *p, ZSTD_CCtx *c,
		      const struct codec_wish *wish,
		      const struct codec_load *load, const void *src,
		      size_t len)
{
	size_t n;

	if (wish->mode == CODEC_NONE)
		return WAY_RAW;
	n = take_sample(p, src, len);
	if (wish->mode == CODEC_SMALL)
		return least_bytes(p, c, wish->level, n);
	if (wish->mode == CODEC_FAST)
		return try_way(p, c, WAY_FAST, way_level(WAY_FAST), n) >
				       RATIO_MAX ?
			       WAY_RAW :
			       WAY_FAST;
	look(p, c, n);
	return least_time(p, load);
}

void probe_learn(struct probe *p, enum way way, double ns, size_t len,
		 int gained)
{
	p->cost[way] += (ns / (double)len - p->cost[way]) * LEARN;
	if (!gained)
		p->stale = 1;
}
