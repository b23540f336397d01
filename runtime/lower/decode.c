/* SPDX-License-Identifier: BSD-3-Clause */
/* decode.c - find the system calls in a stretch of machine code */
#include <emmintrin.h>
#include <stdbool.h>

#include "runtime/lower/patch.h"
#include "runtime/lower/place.h"

/*
 * Compilers load the number right before the instruction, or a few plain
 * instructions earlier:
 *
 *	b8 09 00 00 00		mov $9,%eax
 *	31 ff			xor %edi,%edi		(sometimes)
 *	0f 05			syscall
 *
 * A jump needs five bytes.  From the number's load on we decode forward, and
 * accept the site only if known instructions that leave EAX alone lead exactly
 * to the system call.  The instructions that the jump covers move to the stub.
 */
#define LOOK_BACK 24
#define JUMP	  5

struct insn {
	size_t len;
	int rip_at; /* offset of a RIP-relative displacement, or -1 */
	bool to_eax;
};

#define REX_R 4
#define REX_B 1

static size_t modrm_len(const uint8_t *p, int *rip_at, int at)
{
	int mod = p[0] >> 6, rm = p[0] & 7;
	size_t len = 1;

	if (mod == 3)
		return len;
	if (rm == 4) {
		if (mod == 0 && (p[1] & 7) == 5)
			return 6; /* sib with a displacement, no base */
		len++;
	}
	if (mod == 0 && rm == 5) {
		*rip_at = at + 1;
		return 5;
	}
	return len + (mod == 1 ? 1 : mod == 2 ? 4 : 0);
}

/* Knows the few instructions that compilers put there; len 0 for others. */
static struct insn decode(const uint8_t *p)
{
	struct insn in = { .rip_at = -1 };
	size_t at = 0, imm = 0;
	uint8_t rex = 0, op, reg, rm;

	if ((p[0] & 0xf0) == 0x40)
		rex = p[at++];
	op = p[at++];
	if (op >= 0xb8 && op <= 0xbf && !(rex & 8)) { /* mov $imm32,reg */
		in.len = at + 4;
		in.to_eax = op == 0xb8 && !(rex & REX_B);
		return in;
	}
	if (op == 0x90 && !rex) {
		in.len = 1;
		return in;
	}
	reg = p[at] >> 3 & 7;
	rm = p[at] & 7;
	switch (op) {
	case 0x83: /* add, sub, and ... $imm8,rm */
		imm = 1;
		break;
	case 0xc7: /* mov $imm32,rm */
		imm = 4;
		break;
	case 0x01: /* add, or, and, sub, xor, mov: reg to rm */
	case 0x09:
	case 0x21:
	case 0x29:
	case 0x31:
	case 0x89:
		break;
	case 0x8b: /* mov, lea, xor: rm to reg */
	case 0x8d:
	case 0x33:
		in.to_eax = !reg && !(rex & REX_R);
		goto length;
	default:
		return in;
	}
	in.to_eax = p[at] >> 6 == 3 && !rm && !(rex & REX_B);
length:
	in.len = at + modrm_len(p + at, &in.rip_at, (int)at) + imm;
	if (imm && in.rip_at >= 0)
		in.len = 0; /* the displacement is not at the end */
	return in;
}

/* Do known instructions lead from `from` to the system call at `to`?  Notes the
 * last place from which a jump fits. */
static bool leads_to(const uint8_t *code, size_t from, size_t to,
		     struct patch_site *site)
{
	struct insn in;
	size_t at = from;

	site->from = from;
	site->rip_at = -1;
	while (at < to) {
		in = decode(code + at);
		if (!in.len || (in.to_eax && at != from))
			return false;
		if (to + 2 - at >= JUMP) {
			site->from = at;
			site->rip_at = -1;
		}
		if (in.rip_at >= 0)
			site->rip_at = (int)(at - site->from) + in.rip_at;
		at += in.len;
	}
	return at == to;
}

static long number_at(const uint8_t *p)
{
	return p[1] | p[2] << 8 | p[3] << 16 | (long)p[4] << 24;
}

static bool number_site(const uint8_t *code, size_t at, struct patch_site *site)
{
	for (size_t back = 5; back <= LOOK_BACK && back <= at; back++) {
		const uint8_t *p = code + at - back;

		if (p[0] != 0xb8)
			continue;
		if (back < at && (p[-1] & 0xf1) == 0x41)
			continue; /* 41 b8: R8, not EAX */
		if (!place_wants(number_at(p)))
			continue;
		if (!leads_to(code, at - back, at, site))
			continue;
		site->nr = number_at(p);
		site->syscall = at;
		return true;
	}
	return false;
}

/* libc's syscall(): moves every argument down by one. */
static bool generic_site(const uint8_t *code, size_t at,
			 struct patch_site *site)
{
	static const uint8_t shuffle[] = {
		0x48, 0x89, 0xf8, 0x48, 0x89, 0xf7, 0x48, 0x89,
		0xd6, 0x48, 0x89, 0xca, 0x4d, 0x89, 0xc2, 0x4d,
		0x89, 0xc8, 0x4c, 0x8b, 0x4c, 0x24, 0x08,
	};

	if (at < sizeof(shuffle))
		return false;
	for (size_t i = 0; i < sizeof(shuffle); i++)
		if (code[at - sizeof(shuffle) + i] != shuffle[i])
			return false;
	site->from = at - 5; /* the last of them */
	site->syscall = at;
	site->nr = -1;
	site->rip_at = -1;
	return true;
}

/* The next 0f 05 at or behind i, or size.  Sixteen at a time: a library has
 * megabytes of code, and this runs whenever one is opened. */
static size_t next_syscall(const uint8_t *code, size_t size, size_t i)
{
	const __m128i first = _mm_set1_epi8(0x0f), second = _mm_set1_epi8(0x05);
	__m128i here, behind;
	unsigned int hits;

	for (; i + 17 <= size; i += 16) {
		here = _mm_loadu_si128((const __m128i *)(code + i));
		behind = _mm_loadu_si128((const __m128i *)(code + i + 1));
		hits = (unsigned int)_mm_movemask_epi8(
			_mm_and_si128(_mm_cmpeq_epi8(here, first),
				      _mm_cmpeq_epi8(behind, second)));
		if (hits)
			return i + (size_t)__builtin_ctz(hits);
	}
	for (; i + 1 < size; i++)
		if (code[i] == 0x0f && code[i + 1] == 0x05)
			return i;
	return size;
}

int patch_next(const uint8_t *code, size_t size, size_t *at,
	       struct patch_site *site)
{
	size_t i = *at;

	for (; (i = next_syscall(code, size, i)) < size; i += 2) {
		if (!number_site(code, i, site) && !generic_site(code, i, site))
			continue;
		*at = i + 2;
		return 1;
	}
	return 0;
}
