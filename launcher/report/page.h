/* SPDX-License-Identifier: BSD-3-Clause */
/* page.h - the report: one page that needs nothing else */
#ifndef CAIRN_LAUNCHER_REPORT_PAGE_H
#define CAIRN_LAUNCHER_REPORT_PAGE_H

#include <stdio.h>

#include "launcher/report/life.h"

/* page_write - HTML that is well-formed XML, too, without scripts and without
 * anything from elsewhere. */
void page_write(FILE *out, const struct life *life, const char *dir);

#endif
