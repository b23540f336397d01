/* SPDX-License-Identifier: BSD-3-Clause */
/* format.h - the numbers of FORMAT.md: magics, sizes, places of fields */
#ifndef CAIRN_STORAGE_FORMAT_H
#define CAIRN_STORAGE_FORMAT_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define FORMAT_VERSION 2U
#define FORMAT_OLDEST  1U /* still read: no sources, shorter chunk entries */

#define FORMAT_PAGE	   4096U
#define FORMAT_CHUNK_MAX   (1U << 20) /* memory of a chunk that is not zero */
#define FORMAT_ADDR_END	   (1ULL << 56)
#define FORMAT_RANKS_MAX   (1U << 24)
#define FORMAT_SOURCES_MAX 64U /* older images that chunks lie in */

/* The file begins with a header of one page. */
#define HEADER_MAGIC 0x474d494e52494143ULL /* "CAIRNIMG" */
#define HEADER_LEN   4096U
#define HEADER_FIELDS                                          \
	32U /* magic, version, length, page size, zero, digest \
	     */

/* The file ends with a trailer. */
#define TRAILER_MAGIC 0x444e454e52494143ULL /* "CAIRNEND" */
#define TRAILER_LEN   64U

/* The index stands before the trailer. */
#define INDEX_MAGIC 0x5844494e52494143ULL /* "CAIRNIDX" */
#define INDEX_LEN   64U			  /* its own header */
#define RANK_LEN    32U			  /* an entry of the rank table */
#define SOURCE_LEN  224U		  /* an entry of the source table */
#define CHUNK_LEN   48U			  /* an entry of the chunk table */
#define CHUNK_LEN_1 40U			  /* the same in format 1 */
#define SOURCE_NAME 200U /* room for a name, with its end, in an entry */

/* Little-endian fields at any alignment. */
static inline void put_u16(void *base, size_t at, uint16_t value)
{
	value = htole16(value);
	memcpy((char *)base + at, &value, sizeof(value));
}

static inline void put_u32(void *base, size_t at, uint32_t value)
{
	value = htole32(value);
	memcpy((char *)base + at, &value, sizeof(value));
}

static inline void put_u64(void *base, size_t at, uint64_t value)
{
	value = htole64(value);
	memcpy((char *)base + at, &value, sizeof(value));
}

static inline uint16_t get_u16(const void *base, size_t at)
{
	uint16_t value;

	memcpy(&value, (const char *)base + at, sizeof(value));
	return le16toh(value);
}

static inline uint32_t get_u32(const void *base, size_t at)
{
	uint32_t value;

	memcpy(&value, (const char *)base + at, sizeof(value));
	return le32toh(value);
}

static inline uint64_t get_u64(const void *base, size_t at)
{
	uint64_t value;

	memcpy(&value, (const char *)base + at, sizeof(value));
	return le64toh(value);
}

#endif
