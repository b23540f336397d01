/* SPDX-License-Identifier: BSD-3-Clause */
/* cpu.c - can this CPU run what was saved on another? */
#include "runtime/agent/cpu.h"

#include <cpuid.h>
#include <errno.h>

#define ECX_OSXSAVE (1u << 27)

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

uint64_t cpu_xcr0(void)
{
	unsigned int a, b, c, d;

	if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & ECX_OSXSAVE))
		return 0;
	__asm__("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
	return (uint64_t)d << 32 | a;
}

int cpu_check(const struct sheet *sheet, uint32_t rank, const char *node,
	      struct err *err)
{
	uint64_t lacks = sheet->cpu_xcr0 & ~cpu_xcr0();
	const char *name = "register state";

	if (!lacks)
		return 0;
	for (size_t i = 0; i < sizeof(components) / sizeof(*components); i++) {
		if (lacks & (1ull << components[i].bit)) {
			name = components[i].name;
			break;
		}
	}
	return err_set(err, -ENOTSUP,
		       "rank %u was saved on a CPU with %s (0x%llx), which %s "
		       "lacks; restart on a node with such a CPU",
		       rank, name, (unsigned long long)lacks, node);
}
