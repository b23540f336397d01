/* SPDX-License-Identifier: BSD-3-Clause */
/* tls.c - lead the guest's TLS accesses from FS to GS */
#include "runtime/lower/tls.h"

#include <emmintrin.h>
#include <sys/mman.h>

#include "runtime/base/sys.h"
#include "runtime/lower/frames.h"
#include "runtime/lower/insn.h"

/*
 * An FS prefix is the byte 64, a GS prefix 65: a site is rewritten in place.
 * What must never happen is that a 64 within a number or a displacement is
 * taken for a prefix, or that a prefix is missed.  So each 64 of the code that
 * reads like the beginning of an FS access, is decided by decoding its function
 * from the beginning, which .eh_frame knows, instruction by instruction up to
 * there.  A 64 that no such access can begin with (what follows it reaches no
 * memory, or is the stack protector's) is left alone whatever it is: as a
 * prefix it does no harm, since both halves have the same canary.
 */
#define FS_PREFIX 0x64
#define GS_PREFIX 0x65
#define CANARY	  0x28

struct text {
	uint8_t *code;
	size_t size;
	int prot;
	bool writable; /* made so for the first site */
	struct frames frames;
	/* decoded up to here, within this function */
	size_t at, end;
};

/* rdfsbase, wrfsbase: f3 [REX] 0f ae, a register */
static bool is_fs_base(const uint8_t *code, size_t size, size_t i)
{
	if (i + 3 > size || code[i + 2] >> 6 != 3 || code[i + 2] & 0x28)
		return false;
	return (i >= 1 && code[i - 1] == 0xf3) ||
	       (i >= 2 && code[i - 2] == 0xf3);
}

static bool is_harmless(const uint8_t *p, size_t max)
{
	struct insn_info in = insn_look(p, max);

	return in.len && (!in.memory || (in.absolute && in.address == CANARY));
}

static bool may_use(const uint8_t *code, size_t size, size_t i)
{
	if (code[i] == FS_PREFIX)
		return !is_harmless(code + i, size - i);
	return i + 1 < size && code[i] == 0x0f && code[i + 1] == 0xae &&
	       is_fs_base(code, size, i);
}

/* Sixteen bytes at a time: a library has megabytes of code. */
size_t tls_next(const uint8_t *code, size_t size, size_t i)
{
	const __m128i prefix = _mm_set1_epi8(FS_PREFIX);
	const __m128i first = _mm_set1_epi8(0x0f);
	const __m128i second = _mm_set1_epi8((char)0xae);
	__m128i here, behind;
	unsigned int hits;
	size_t at;

	for (; i + 17 <= size; i += 16) {
		here = _mm_loadu_si128((const __m128i *)(code + i));
		behind = _mm_loadu_si128((const __m128i *)(code + i + 1));
		hits = (unsigned int)_mm_movemask_epi8(
			_mm_or_si128(_mm_cmpeq_epi8(here, prefix),
				     _mm_and_si128(_mm_cmpeq_epi8(here, first),
						   _mm_cmpeq_epi8(behind,
								  second))));
		for (; hits; hits &= hits - 1) {
			at = i + (size_t)__builtin_ctz(hits);
			if (may_use(code, size, at))
				return at;
		}
	}
	for (; i < size; i++)
		if (may_use(code, size, i))
			return i;
	return size;
}

/* --- one candidate -------------------------------------------------------- */

enum verdict { DATA, PREFIX, UNKNOWN };

static bool enter_function(struct text *t, size_t i)
{
	uintptr_t base = (uintptr_t)t->code, start, end;

	if (i >= t->at && i < t->end)
		return true;
	if (!frames_find(&t->frames, base + i, &start, &end))
		return false;
	t->at = start - base;
	t->end = end - base;
	return true;
}

static enum verdict judge(struct text *t, size_t i)
{
	struct insn_info in;
	unsigned int len;

	if (t->code[i] != FS_PREFIX || !enter_function(t, i))
		return UNKNOWN;
	for (;; t->at += len) {
		len = insn_len(t->code + t->at, t->end - t->at);
		if (!len)
			return UNKNOWN;
		if (i < t->at + len)
			break;
	}
	in = insn_look(t->code + t->at, t->end - t->at);
	return i < t->at + in.prefix ? PREFIX : DATA;
}

static bool rewrite(struct text *t, size_t i)
{
	if (!t->writable &&
	    sys_call(SYS_mprotect, t->code, t->size, t->prot | PROT_WRITE))
		return false;
	t->writable = true;
	t->code[i] = GS_PREFIX;
	return true;
}

static bool rewrite_all(struct text *t)
{
	size_t size = t->frames.text_end - (uintptr_t)t->code, i = 0;
	bool all = true;

	while ((i = tls_next(t->code, size, i)) < size) {
		switch (judge(t, i)) {
		case DATA:
			break;
		case PREFIX:
			all &= rewrite(t, i);
			break;
		case UNKNOWN:
			all = false;
			break;
		}
		i++;
	}
	return all;
}

bool tls_text(uintptr_t start, size_t size, int prot, int fd, uint64_t offset)
{
	struct text t = { .code = (uint8_t *)start,
			  .size = size,
			  .prot = prot };
	bool all;

	if (!frames_open(&t.frames, fd, start, offset))
		return tls_next(t.code, size, 0) == size;
	if (t.frames.text_end > start + size)
		t.frames.text_end = start + size;
	all = rewrite_all(&t);
	frames_close(&t.frames);
	if (t.writable && sys_call(SYS_mprotect, t.code, size, prot))
		return false;
	return all;
}
