/* SPDX-License-Identifier: BSD-3-Clause */
/* cpu.c - can this CPU run what was saved on another? */
#include "runtime/agent/cpu.h"

#include <errno.h>
#include <stdlib.h>

static const struct {
	unsigned int bit;
	const char *name;
} components[] = {
	{ 2, "AVX" },
	{ 5, "AVX-512" },
	{ 6, "AVX-512" },
	{ 7, "AVX-512" },
	{ 9, "protection keys" },
	{ 17, "AMX" },
	{ 18, "AMX" },
	{ 19, "APX" },
};

void cpu_here(struct cpu *cpu)
{
	const char *lacks = getenv("CAIRN_CPU_LACKS");

	cpu_features(cpu->features);
	if (lacks)
		cpu_forget(cpu->features, lacks);
	cpu->xcr0 = cpu_xcr0();
}

int cpu_check(const struct sheet *sheet, const struct cpu *here, uint32_t rank,
	      const char *node, struct err *err)
{
	uint64_t lacks = sheet->cpu_xcr0 & ~here->xcr0;
	const char *name = "register state";
	char missing[200];

	cpu_missing(sheet->cpu_features, here->features, missing,
		    sizeof(missing));
	if (missing[0])
		return err_set(err, -ENOTSUP,
			       "rank %u was saved on another kind of CPU: that "
			       "of node %s lacks %s; restart it on CPUs that "
			       "have them",
			       rank, node, missing);
	if (!lacks && sheet->cpu_layout &&
	    sheet->cpu_layout != cpu_layout(sheet->cpu_xcr0))
		return err_set(err, -ENOTSUP,
			       "rank %u was saved on another kind of CPU: that "
			       "of node %s lays registers out otherwise in "
			       "memory; restart it on CPUs of the first kind",
			       rank, node);
	if (!lacks)
		return 0;
	for (size_t i = 0; i < sizeof(components) / sizeof(*components); i++) {
		if (lacks & (1ull << components[i].bit)) {
			name = components[i].name;
			break;
		}
	}
	return err_set(err, -ENOTSUP,
		       "rank %u was saved on a CPU with %s (0x%llx), which "
		       "that of node %s lacks, or has switched off; restart it "
		       "on CPUs that have it",
		       rank, name, (unsigned long long)lacks, node);
}
