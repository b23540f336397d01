/* SPDX-License-Identifier: BSD-3-Clause */
/* chunk.c - cut memory where pages are zero */
#include "storage/chunk.h"

#include <stdint.h>
#include <string.h>

#include "storage/format.h"

#define ZERO_RUN_MIN 4

static int page_is_zero(const char *page)
{
	/* Equal to itself moved by eight bytes, and these are zero: one
	 * vectorized pass that stops at the first difference. */
	return get_u64(page, 0) == 0 &&
	       !memcmp(page, page + 8, FORMAT_PAGE - 8);
}

static size_t zero_pages(const char *data, size_t npages)
{
	size_t n = 0;

	while (n < npages && page_is_zero(data + n * FORMAT_PAGE))
		n++;
	return n;
}

size_t chunk_next(const void *data, size_t len, int *is_zero)
{
	const char *p = data;
	size_t npages = len / FORMAT_PAGE;
	size_t n = zero_pages(p, npages);

	*is_zero = n > 0 && (n >= ZERO_RUN_MIN || n == npages);
	if (*is_zero)
		return n * FORMAT_PAGE;
	while (n < npages) {
		size_t run = zero_pages(p + n * FORMAT_PAGE, npages - n);

		if (run >= ZERO_RUN_MIN)
			break;
		n += run ? run : 1;
	}
	return n * FORMAT_PAGE;
}
