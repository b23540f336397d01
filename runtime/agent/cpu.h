/* SPDX-License-Identifier: BSD-3-Clause */
/* cpu.h - can this CPU run what was saved on another? */
#ifndef CAIRN_AGENT_CPU_H
#define CAIRN_AGENT_CPU_H

#include <stdint.h>

#include "runtime/base/cpu.h"
#include "runtime/base/err.h"
#include "runtime/base/sheet.h"

struct cpu {
	uint32_t features[CPU_WORDS];
	uint64_t xcr0;
};

/* cpu_here - this node's.  CAIRN_CPU_LACKS="avx2,fma" makes it a lesser one,
 * for tests. */
void cpu_here(struct cpu *cpu);

/* cpu_check - 0, or -ENOTSUP with a sentence: here lacks features by which the
 * code in this sheet's process was chosen, or the register state in its signal
 * frames does not fit (TRAPS, Process 8). */
int cpu_check(const struct sheet *sheet, const struct cpu *here, uint32_t rank,
	      const char *node, struct err *err) must_check;

#endif
