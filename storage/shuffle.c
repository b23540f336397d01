/* SPDX-License-Identifier: BSD-3-Clause */
/* shuffle.c - put the bytes of equal weight of an array's elements together */
#include "storage/shuffle.h"

#include <emmintrin.h>

/*
 * DESIGN
 *
 * A block of 16 elements is `width` registers of 16 bytes.  Number its bytes:
 * four bits say which element, the last two or three which byte of it.
 * Interleaving the bytes of the block's first half with those of its second
 * half moves the number's first bit to its end, a rotation.  Four of them bring
 * the element's bits behind the byte's: register i then holds plane i.  Two or
 * three more would complete the turn: these undo it.
 *
 * SSE2 is in every x86-64, so nothing is chosen at run time.
 */
#define BLOCK	  16 /* elements */
#define WIDTH_MAX 8

/* With width known the loops are unrolled and all stays in
 * registers. */
#define INLINE static inline __attribute__((always_inline))

INLINE void rotate(__m128i r[WIDTH_MAX], unsigned int width)
{
	__m128i t[WIDTH_MAX];

#pragma GCC unroll 4
	for (unsigned int i = 0; i < width / 2; i++) {
		t[2 * i] = _mm_unpacklo_epi8(r[i], r[i + width / 2]);
		t[2 * i + 1] = _mm_unpackhi_epi8(r[i], r[i + width / 2]);
	}
#pragma GCC unroll 8
	for (unsigned int i = 0; i < width; i++)
		/* cppcheck-suppress uninitvar ; filled two at a time */
		r[i] = t[i];
}

/* Planes of n elements each, of which a block is at element `at`. */
INLINE void block_to_planes(char *dst, const char *src, size_t n, size_t at,
			    unsigned int width)
{
	__m128i r[WIDTH_MAX];

#pragma GCC unroll 8
	for (unsigned int i = 0; i < width; i++)
		r[i] = _mm_loadu_si128(
			(const __m128i *)(const void *)(src + at * width +
							(size_t)i * BLOCK));
	rotate(r, width);
	rotate(r, width);
	rotate(r, width);
	rotate(r, width);
#pragma GCC unroll 8
	for (unsigned int i = 0; i < width; i++)
		_mm_storeu_si128((__m128i *)(void *)(dst + i * n + at), r[i]);
}

INLINE void planes_to_block(char *dst, const char *src, size_t n, size_t at,
			    unsigned int width)
{
	__m128i r[WIDTH_MAX];

#pragma GCC unroll 8
	for (unsigned int i = 0; i < width; i++)
		r[i] = _mm_loadu_si128(
			(const __m128i *)(const void *)(src + i * n + at));
	rotate(r, width);
	rotate(r, width);
	if (width == 8)
		rotate(r, width);
#pragma GCC unroll 8
	for (unsigned int i = 0; i < width; i++)
		_mm_storeu_si128((__m128i *)(void *)(dst + at * width +
						     (size_t)i * BLOCK),
				 r[i]);
}

void shuffle(void *dst, const void *src, size_t len, unsigned int width)
{
	size_t n = len / width, at = 0;
	const char *from = src;
	char *to = dst;

	if (width == 8)
		for (; at + BLOCK <= n; at += BLOCK)
			block_to_planes(to, from, n, at, 8);
	else if (width == 4)
		for (; at + BLOCK <= n; at += BLOCK)
			block_to_planes(to, from, n, at, 4);
	for (; at < n; at++)
		for (unsigned int i = 0; i < width; i++)
			to[i * n + at] = from[at * width + i];
}

void unshuffle(void *dst, const void *src, size_t len, unsigned int width)
{
	size_t n = len / width, at = 0;
	const char *from = src;
	char *to = dst;

	if (width == 8)
		for (; at + BLOCK <= n; at += BLOCK)
			planes_to_block(to, from, n, at, 8);
	else if (width == 4)
		for (; at + BLOCK <= n; at += BLOCK)
			planes_to_block(to, from, n, at, 4);
	for (; at < n; at++)
		for (unsigned int i = 0; i < width; i++)
			to[at * width + i] = from[i * n + at];
}
