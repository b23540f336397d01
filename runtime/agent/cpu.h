/* SPDX-License-Identifier: BSD-3-Clause */
/* cpu.h - can this CPU run what was saved on another? */
#ifndef CAIRN_AGENT_CPU_H
#define CAIRN_AGENT_CPU_H

#include <stdint.h>

#include "runtime/base/err.h"
#include "runtime/base/sheet.h"

/* cpu_check - 0, or -ENOTSUP with a sentence: the register state in the signal
 * frames of this sheet's process does not fit (TRAPS, Process 8). */
int cpu_check(const struct sheet *sheet, uint32_t rank, const char *node,
	      struct err *err) must_check;
uint64_t cpu_xcr0(void); /* 0 without XSAVE */

#endif
