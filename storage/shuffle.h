/* SPDX-License-Identifier: BSD-3-Clause */
/* shuffle.h - put the bytes of equal weight of an array's elements together */
#ifndef CAIRN_STORAGE_SHUFFLE_H
#define CAIRN_STORAGE_SHUFFLE_H

#include <stddef.h>

/*
 * shuffle - plane after plane: all first bytes of the elements, all second ...
 *
 * Neighbours in an array of numbers share sign, exponent and the first digits,
 * so their planes compress where the array itself does not.  width is 4 or 8,
 * len a multiple of it; dst and src are apart.
 */
void shuffle(void *dst, const void *src, size_t len, unsigned int width);
/* unshuffle - the reverse. */
void unshuffle(void *dst, const void *src, size_t len, unsigned int width);

#endif
