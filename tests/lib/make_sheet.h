/* SPDX-License-Identifier: BSD-3-Clause */
/* make_sheet.h - capture sheets for tests */
#ifndef CAIRN_TESTS_LIB_MAKE_SHEET_H
#define CAIRN_TESTS_LIB_MAKE_SHEET_H

#include <stddef.h>

#include "runtime/base/sheet.h"

/* make_sheet - a well-formed sheet with these regions, of which start, len and
 * flags are taken (kind REGION_ANON, readable and writable where 0);
 * malloc'ed. */
struct sheet *make_sheet(const struct region *regions, size_t n, size_t *len);

#endif
