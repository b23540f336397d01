/* SPDX-License-Identifier: BSD-3-Clause */
/* insn.c - how long is an x86-64 instruction, and does it use FS? */
#include "runtime/lower/insn.h"

/*
 * Two tables say what follows an opcode; the opcodes 0f 38 and 0f 3a have
 * one shape each, and what VEX and EVEX prefixes lead to differs little.
 * What compilers and assemblers do not emit (REX before another prefix, XOP,
 * calls of 16 bits, far pointers) and what only a kernel may do (ports, cli)
 * counts as unknown: whoever asks must be able to do without the answer, and
 * data that is taken for code soon comes to such an opcode.
 */
/* clang-format off */
enum {
	M = 1,	 /* a ModRM byte, maybe a SIB byte and a displacement */
	B = 2,	 /* one byte */
	Z = 4,	 /* four bytes, two with an operand size prefix */
	W = 8,	 /* two bytes */
	S = 16,	 /* memory without ModRM: strings, xlat */
	V = 32,	 /* see read_special() */
	BAD = 128,
};
#define X BAD

static const uint8_t one[256] = {
	/* 00 */ M,M,M,M,B,Z,X,X, M,M,M,M,B,Z,X,V,
	/* 10 */ M,M,M,M,B,Z,X,X, M,M,M,M,B,Z,X,X,
	/* 20 */ M,M,M,M,B,Z,V,X, M,M,M,M,B,Z,V,X,
	/* 30 */ M,M,M,M,B,Z,V,X, M,M,M,M,B,Z,V,X,
	/* 40 */ V,V,V,V,V,V,V,V, V,V,V,V,V,V,V,V,
	/* 50 */ 0,0,0,0,0,0,0,0, 0,0,0,0,0,0,0,0,
	/* 60 */ X,X,V,M,V,V,V,V, Z,M|Z,B,M|B,X,X,X,X,
	/* 70 */ B,B,B,B,B,B,B,B, B,B,B,B,B,B,B,B,
	/* 80 */ M|B,M|Z,X,M|B,M,M,M,M, M,M,M,M,M,M,M,V,
	/* 90 */ 0,0,0,0,0,0,0,0, 0,0,X,0,0,0,0,0,
	/* a0 */ V,V,V,V,S,S,S,S, B,Z,S,S,S,S,S,S,
	/* b0 */ B,B,B,B,B,B,B,B, V,V,V,V,V,V,V,V,
	/* c0 */ M|B,M|B,W,0,V,V,M|B,M|Z, W|B,0,X,X,0,B,X,X,
	/* d0 */ M,M,M,M,X,X,X,S, M,M,M,M,M,M,M,M,
	/* e0 */ B,B,B,B,X,X,X,X, V,V,X,B,X,X,X,X,
	/* f0 */ V,X,V,V,0,0,V,V, 0,0,X,X,0,0,M,M,
};
static const uint8_t two[256] = {
	/* 00 */ M,M,M,M,X,0,0,0, 0,0,X,0,X,M,0,X,
	/* 10 */ M,M,M,M,M,M,M,M, M,M,M,M,M,M,M,M,
	/* 20 */ M,M,M,M,X,X,X,X, M,M,M,M,M,M,M,M,
	/* 30 */ 0,0,0,0,0,0,X,0, V,X,V,X,X,X,X,X,
	/* 40 */ M,M,M,M,M,M,M,M, M,M,M,M,M,M,M,M,
	/* 50 */ M,M,M,M,M,M,M,M, M,M,M,M,M,M,M,M,
	/* 60 */ M,M,M,M,M,M,M,M, M,M,M,M,M,M,M,M,
	/* 70 */ M|B,M|B,M|B,M|B,M,M,M,0, X,X,X,X,M,M,M,M,
	/* 80 */ V,V,V,V,V,V,V,V, V,V,V,V,V,V,V,V,
	/* 90 */ M,M,M,M,M,M,M,M, M,M,M,M,M,M,M,M,
	/* a0 */ 0,0,0,M,M|B,M,X,X, 0,0,0,M,M|B,M,M,M,
	/* b0 */ M,M,M,M,M,M,M,M, M,M,M|B,M,M,M,M,M,
	/* c0 */ M,M,M|B,M,M|B,M|B,M|B,M, 0,0,0,0,0,0,0,0,
	/* d0 */ M,M,M,M,M,M,M,M, M,M,M,M,M,M,M,M,
	/* e0 */ M,M,M,M,M,M,M,M, M,M,M,M,M,M,M,M,
	/* f0 */ M,M,M,M,M,M,M,M, M,M,M,M,M,M,M,M,
};
/* clang-format on */

/* A decoder's place; the caller sees to it that INSN_MAX + 10 bytes can be
 * read, or has copied them. */
struct reader {
	const uint8_t *start, *p;
	bool word;	   /* operand size prefix */
	bool repeat, lock; /* f3 or f2; f0 */
	bool address;	   /* address size prefix */
	uint8_t rex;
};

static int32_t get32(const uint8_t *p)
{
	return (int32_t)(p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24);
}

/* ModRM and what belongs to it. */
static void read_modrm(struct reader *r, struct insn_info *in)
{
	uint8_t modrm = *r->p++, sib;
	int mod = modrm >> 6, rm = modrm & 7;

	if (mod == 3)
		return;
	in->memory = true;
	if (rm == 4) {
		sib = *r->p++;
		if (mod == 0 && (sib & 7) == 5) {
			in->absolute = sib == 0x25;
			in->address = get32(r->p);
			r->p += 4;
		}
	} else if (mod == 0 && rm == 5) {
		r->p += 4;
	}
	r->p += mod == 1 ? 1 : mod == 2 ? 4 : 0;
}

static void read_operands(struct reader *r, struct insn_info *in, uint8_t kind)
{
	if (kind & M)
		read_modrm(r, in);
	if (kind & S)
		in->memory = true;
	r->p += (kind & B ? 1 : 0) + (kind & W ? 2 : 0) +
		(kind & Z ? (r->word ? 2 : 4) : 0);
}

static uint8_t vector_kind(int map, uint8_t op)
{
	switch (map) {
	case 1:
		return op == 0x77 ? 0 :
				    M | (two[op] & B && two[op] & M ? B : 0);
	case 2:
	case 5:
	case 6:
		return M;
	case 3:
		return M | B;
	}
	return BAD;
}

/* c5, c4 (VEX) and 62 (EVEX); r->p is behind that byte. */
static uint8_t read_vector(struct reader *r, uint8_t op)
{
	int map = 1;

	if (r->rex || r->word || r->repeat || r->lock)
		return BAD;
	if (op == 0xc5) {
		r->p++;
	} else if (op == 0xc4) {
		map = *r->p & 0x1f;
		r->p += 2;
		if (map > 3)
			return BAD;
	} else {
		map = *r->p & 7;
		if (*r->p & 8 || !(r->p[1] & 4))
			return BAD;
		r->p += 3;
	}
	return vector_kind(map, *r->p++);
}

static uint8_t read_two(struct reader *r)
{
	uint8_t op = *r->p++;

	if (op == 0x38) {
		r->p++;
		return M;
	}
	if (op == 0x3a) {
		r->p++;
		return M | B;
	}
	if (op >= 0x80 && op <= 0x8f) { /* jumps */
		r->p += 4;
		return r->word ? BAD : 0;
	}
	return two[op];
}

/* Opcodes whose shape depends on more than themselves; prefixes are done. */
static uint8_t read_special(struct reader *r, uint8_t op)
{
	switch (op) {
	case 0x0f:
		return read_two(r);
	case 0x62:
	case 0xc4:
	case 0xc5:
		return read_vector(r, op);
	case 0x8f: /* pop; another REG field is AMD's XOP */
		return *r->p & 0x38 ? BAD : M;
	case 0xa0:
	case 0xa1:
	case 0xa2:
	case 0xa3:
		r->p += r->address ? 4 : 8;
		return S;
	case 0xe8:
	case 0xe9:
		r->p += 4;
		return r->word ? BAD : 0;
	case 0xf6:
		return *r->p & 0x30 ? M : M | B;
	case 0xf7:
		return *r->p & 0x30 ? M : M | Z;
	}
	if (op >= 0xb8 && op <= 0xbf) { /* mov $number,register */
		r->p += r->rex & 8 ? 8 : r->word ? 2 : 4;
		return 0;
	}
	return BAD; /* REX before another prefix */
}

/* Prefixes of the old kind, in any order, then at most one REX. */
static void read_prefixes(struct reader *r, struct insn_info *in)
{
	for (; r->p - r->start < INSN_MAX; r->p++) {
		switch (*r->p) {
		case 0x64:
			in->fs_at = (int)(r->p - r->start);
			continue;
		case 0x66:
			r->word = true;
			continue;
		case 0x67:
			r->address = true;
			continue;
		case 0xf0:
			r->lock = true;
			continue;
		case 0xf2:
		case 0xf3:
			r->repeat = true;
			continue;
		case 0x26:
		case 0x2e:
		case 0x36:
		case 0x3e:
		case 0x65:
			continue;
		}
		break;
	}
	in->prefix = (unsigned int)(r->p - r->start);
	if ((*r->p & 0xf0) == 0x40)
		r->rex = *r->p++;
	/* what it says outweighs 66 */
	r->word = r->word && !(r->rex & 8);
}

/* p can be read well beyond the longest instruction. */
static struct insn_info look(const uint8_t *p, size_t max)
{
	struct insn_info in = { .fs_at = -1 };
	struct reader r = { .start = p, .p = p };
	uint8_t op, kind;

	read_prefixes(&r, &in);
	op = *r.p++;
	kind = one[op];
	if (kind == V)
		kind = read_special(&r, op);
	if (kind == BAD)
		return in;
	read_operands(&r, &in, kind);
	if ((size_t)(r.p - p) <= max && r.p - p <= INSN_MAX)
		in.len = (unsigned int)(r.p - p);
	return in;
}

/*
 * The same length for most of what compilers emit: at most one operand size or
 * repeat prefix, REX, one or two bytes of opcode; 0 for the rest.  A library is
 * a million instructions.
 */
static unsigned int quick_len(const uint8_t *p)
{
	const uint8_t *start = p;
	bool word = *p == 0x66, prefixed = word || (*p | 1) == 0xf3;
	uint8_t kind, modrm;

	p += prefixed;
	p += (*p & 0xf0) == 0x40;
	if (*p == 0x0f) {
		kind = two[*++p];
		if (*p >= 0x80 && *p <= 0x8f && !prefixed)
			return (unsigned int)(p - start) + 5;
	} else {
		kind = one[*p];
		if (*p == 0xe8 && !prefixed)
			return (unsigned int)(p - start) + 5;
		if (kind & Z && word)
			return 0;
	}
	if (kind & (V | BAD))
		return 0;
	p++;
	if (kind & M) {
		modrm = *p++;
		if (modrm < 0xc0) {
			if ((modrm & 7) == 4) {
				if (modrm < 0x40 && (*p & 7) == 5)
					p += 4;
				p++;
			} else if ((modrm & 0xc7) == 5) {
				p += 4;
			}
			p += modrm < 0x40 ? 0 : modrm < 0x80 ? 1 : 4;
		}
	}
	p += (kind & B) / B + (kind & W) / W * 2 + (kind & Z) / Z * 4;
	return (unsigned int)(p - start);
}

unsigned int insn_len(const uint8_t *p, size_t max)
{
	unsigned int len = max >= 2 * INSN_MAX ? quick_len(p) : 0;

	return len ? len : insn_look(p, max).len;
}

struct insn_info insn_look(const uint8_t *p, size_t max)
{
	uint8_t copy[2 * INSN_MAX + 16];

	if (max >= sizeof(copy))
		return look(p, max);
	for (size_t i = 0; i < sizeof(copy); i++)
		copy[i] = i < max ? p[i] : 0x06; /* nobody's opcode */
	return look(copy, max);
}
