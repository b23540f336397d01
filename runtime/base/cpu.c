/* SPDX-License-Identifier: BSD-3-Clause */
/* cpu.c - what a CPU can do, and how it lays registers out in memory */
#include "runtime/base/cpu.h"

#include <cpuid.h>
#include <stdbool.h>
#include <stddef.h>

/* Where each word comes from. */
enum { ECX1, EDX1, EBX7, ECX7, EDX7, EAX71, ECX80000001, EAXD1 };

/*
 * Features that change what runs: a program's libc and libraries chose their
 * routines by them when it started, and those choices are in its memory.
 */
static const struct {
	uint8_t word, bit;
	char name[18];
} features[] = {
	{ ECX1, 0, "sse3" },
	{ ECX1, 1, "pclmulqdq" },
	{ ECX1, 9, "ssse3" },
	{ ECX1, 12, "fma" },
	{ ECX1, 13, "cx16" },
	{ ECX1, 19, "sse4_1" },
	{ ECX1, 20, "sse4_2" },
	{ ECX1, 22, "movbe" },
	{ ECX1, 23, "popcnt" },
	{ ECX1, 25, "aes" },
	{ ECX1, 26, "xsave" },
	{ ECX1, 28, "avx" },
	{ ECX1, 29, "f16c" },
	{ ECX1, 30, "rdrand" },
	{ EBX7, 0, "fsgsbase" },
	{ EBX7, 3, "bmi1" },
	{ EBX7, 5, "avx2" },
	{ EBX7, 8, "bmi2" },
	{ EBX7, 9, "erms" },
	{ EBX7, 11, "rtm" },
	{ EBX7, 16, "avx512f" },
	{ EBX7, 17, "avx512dq" },
	{ EBX7, 18, "rdseed" },
	{ EBX7, 19, "adx" },
	{ EBX7, 21, "avx512ifma" },
	{ EBX7, 23, "clflushopt" },
	{ EBX7, 24, "clwb" },
	{ EBX7, 28, "avx512cd" },
	{ EBX7, 29, "sha_ni" },
	{ EBX7, 30, "avx512bw" },
	{ EBX7, 31, "avx512vl" },
	{ ECX7, 1, "avx512vbmi" },
	{ ECX7, 3, "pku" },
	{ ECX7, 4, "ospke" },
	{ ECX7, 5, "waitpkg" },
	{ ECX7, 6, "avx512_vbmi2" },
	{ ECX7, 8, "gfni" },
	{ ECX7, 9, "vaes" },
	{ ECX7, 10, "vpclmulqdq" },
	{ ECX7, 11, "avx512_vnni" },
	{ ECX7, 12, "avx512_bitalg" },
	{ ECX7, 14, "avx512_vpopcntdq" },
	{ ECX7, 22, "rdpid" },
	{ ECX7, 27, "movdiri" },
	{ ECX7, 28, "movdir64b" },
	{ EDX7, 4, "fsrm" },
	{ EDX7, 22, "amx_bf16" },
	{ EDX7, 23, "avx512_fp16" },
	{ EDX7, 24, "amx_tile" },
	{ EDX7, 25, "amx_int8" },
	{ EAX71, 4, "avx_vnni" },
	{ EAX71, 5, "avx512_bf16" },
	{ EAX71, 23, "avx_ifma" },
	{ ECX80000001, 5, "abm" },
	{ ECX80000001, 6, "sse4a" },
	{ ECX80000001, 11, "xop" },
	{ ECX80000001, 16, "fma4" },
	{ EAXD1, 0, "xsaveopt" },
	{ EAXD1, 1, "xsavec" },
};

#define FEATURES (sizeof(features) / sizeof(*features))

void cpu_features(uint32_t words[CPU_WORDS])
{
	unsigned int a, b, c, d;

	for (int i = 0; i < CPU_WORDS; i++)
		words[i] = 0;
	if (__get_cpuid(1, &a, &b, &c, &d)) {
		words[ECX1] = c;
		words[EDX1] = d;
	}
	if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) {
		words[EBX7] = b;
		words[ECX7] = c;
		words[EDX7] = d;
		if (a >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d))
			words[EAX71] = a;
	}
	if (__get_cpuid(0x80000001, &a, &b, &c, &d))
		words[ECX80000001] = c;
	if (__get_cpuid_count(0xd, 1, &a, &b, &c, &d))
		words[EAXD1] = a;
}

static bool has(const uint32_t words[CPU_WORDS], size_t feature)
{
	return words[features[feature].word] >> features[feature].bit & 1;
}

void cpu_missing(const uint32_t wanted[CPU_WORDS],
		 const uint32_t have[CPU_WORDS], char *text, int room)
{
	int n = 0;

	for (size_t i = 0; i < FEATURES; i++) {
		const char *name = features[i].name;

		if (!has(wanted, i) || has(have, i))
			continue;
		if (n && n < room - 1)
			text[n++] = ' ';
		while (*name && n < room - 1)
			text[n++] = *name++;
	}
	text[n] = '\0';
}

/* Is name, in whole, what stands at text? */
static bool stands_at(const char *text, const char *name)
{
	while (*name && *text == *name) {
		text++;
		name++;
	}
	return !*name && (!*text || *text == ' ' || *text == ',');
}

void cpu_forget(uint32_t words[CPU_WORDS], const char *list)
{
	char before = ' ';

	for (; *list; before = *list++)
		for (size_t i = 0; i < FEATURES; i++)
			if ((before == ' ' || before == ',') &&
			    stands_at(list, features[i].name))
				words[features[i].word] &= ~(
					1u << features[i].bit);
}

uint64_t cpu_xcr0(void)
{
	unsigned int a, b, c, d;

	if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE))
		return 0;
	__asm__ volatile("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
	return (uint64_t)d << 32 | a;
}

uint64_t cpu_layout(uint64_t xcr0)
{
	uint64_t digest = 0xcbf29ce484222325ULL;

	/* x87 and SSE, bits 0 and 1, are where FXSAVE has them. */
	for (unsigned int i = 2; i < 63; i++) {
		unsigned int size, offset, c, d;

		if (!(xcr0 >> i & 1) ||
		    !__get_cpuid_count(0xd, i, &size, &offset, &c, &d))
			continue;
		digest = (digest ^ i) * 0x100000001b3ULL;
		digest = (digest ^ size) * 0x100000001b3ULL;
		digest = (digest ^ offset) * 0x100000001b3ULL;
	}
	return digest;
}
