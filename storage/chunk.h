/* SPDX-License-Identifier: BSD-3-Clause */
/* chunk.h - cut memory where pages are zero */
#ifndef CAIRN_STORAGE_CHUNK_H
#define CAIRN_STORAGE_CHUNK_H

#include <stddef.h>

/* Memory is handed to the pool in windows of this many bytes, so this is
 * the largest chunk that is written.  It fits a core's second-level cache. */
#define CHUNK_WINDOW (256U << 10)

/*
 * chunk_next - the first span of whole pages: all zero, or not
 *
 * Gives its length (0 only for len 0).  Fewer than four zero pages between
 * others are not worth an entry of the index and stay in a data span, where
 * they compress to nothing.
 */
size_t chunk_next(const void *data, size_t len, int *is_zero);

#endif
