/* SPDX-License-Identifier: BSD-3-Clause */
/* random.h - numbers that follow from a seed, the same on every machine */
#ifndef CAIRN_TESTS_RANDOM_H
#define CAIRN_TESTS_RANDOM_H

#include <stdint.h>

struct rng {
	uint64_t s; /* the seed */
};

/* splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number
 * generators, 2014) */
static inline uint64_t draw(struct rng *r)
{
	uint64_t z = (r->s += 0x9e3779b97f4a7c15ULL);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static inline int below(struct rng *r, int n)
{
	return (int)(draw(r) % (uint64_t)n);
}

#endif
