/* SPDX-License-Identifier: BSD-3-Clause */
/* test_insn.c - TLS accesses are found in machine code, and nothing else is */
#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/lower/arena.h"
#include "runtime/lower/elf.h"
#include "runtime/lower/frames.h"
#include "runtime/lower/insn.h"
#include "runtime/lower/tls.h"
#include "tests/lib/unit.h"

/* Whose code is compared with what objdump makes of it. */
static const char *const libraries[] = {
	"/lib64/ld-linux-x86-64.so.2",
	"/lib/x86_64-linux-gnu/libm.so.6",
	"/lib/x86_64-linux-gnu/libc.so.6",
};
#define LIBRARIES (sizeof(libraries) / sizeof(*libraries))

static void test_lengths(void)
{
	static const struct {
		const char *bytes;
		unsigned int size, len; /* 0: unknown */
		int fs_at;
		bool memory;
	} table[] = {
#define CODE(bytes) bytes, sizeof(bytes) - 1
		{ CODE("\xc3"), 1, -1, false },
		/* mov %fs:0x10,%rax */
		{ CODE("\x64\x48\x8b\x04\x25\x10\x00\x00\x00"), 9, 0, true },
		/* lock cmpxchg with FS; data16 before FS */
		{ CODE("\xf0\x64\x0f\xb1\x08"), 5, 1, true },
		{ CODE("\x66\x64\x8b\x00"), 4, 1, true },
		/* mov 0x64(%rax),%rbx: no prefix */
		{ CODE("\x48\x8b\x58\x64"), 4, -1, true },
		/* FS where it does nothing */
		{ CODE("\x64\x89\xc8"), 3, 0, false },
		/* movabs; moffs; enter; test $imm,%eax; not %eax */
		{ CODE("\x48\xb8\x64\x64\x64\x64\x64\x64\x64\x64"), 10, -1,
		  false },
		{ CODE("\x64\xa1\1\2\3\4\5\6\7\x8"), 10, 0, true },
		{ CODE("\xc8\x10\x00\x00"), 4, -1, false },
		{ CODE("\xf7\xc0\1\2\3\4"), 6, -1, false },
		{ CODE("\xf7\xd0"), 2, -1, false },
		/* movsb; AVX, AVX-512 and SSE4 with numbers */
		{ CODE("\x64\xa4"), 2, 0, true },
		{ CODE("\xc5\xf8\x77"), 3, -1, false },
		{ CODE("\xc4\xe3\x79\x0f\xc1\x08"), 6, -1, false },
		{ CODE("\x62\xf3\x7d\x48\x25\xc0\xff"), 7, -1, false },
		{ CODE("\x66\x0f\x3a\x0f\xc1\x08"), 6, -1, false },
		/* no base; RIP-relative; no SIB displacement */
		{ CODE("\x8b\x04\x25\1\2\3\4"), 7, -1, true },
		{ CODE("\x8b\x05\1\2\3\4"), 6, -1, true },
		{ CODE("\x8b\x04\x24"), 3, -1, true },
		/* in; sti; nobody's opcode; XOP; a prefix behind REX; cut off
		 */
		{ CODE("\xec"), 0, -1, false },
		{ CODE("\xfb"), 0, -1, false },
		{ CODE("\x06"), 0, -1, false },
		{ CODE("\x8f\xe9\x78\x80\xc0"), 0, -1, false },
		{ CODE("\x48\x64\x8b\x00"), 0, -1, false },
		{ CODE("\x8b\x05\1\2\3"), 0, -1, true },
	};
	struct insn_info in;
	const uint8_t *p;

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		p = (const uint8_t *)table[i].bytes;
		in = insn_look(p, table[i].size);
		if (in.len != table[i].len)
			unit_note("case %zu: length %u", i, in.len);
		CU_ASSERT(in.len == table[i].len);
		CU_ASSERT(insn_len(p, table[i].size) == table[i].len);
		if (!in.len)
			continue;
		CU_ASSERT(in.fs_at == table[i].fs_at);
		CU_ASSERT(in.memory == table[i].memory);
	}
}

/* --- whole libraries ------------------------------------------------------ */

struct library {
	const char *path;
	int fd;
	const uint8_t *file;
	size_t size;
	Elf64_Phdr text;
};

static bool open_library(struct library *l, const char *path)
{
	const Elf64_Ehdr *e;
	const Elf64_Phdr *ph;
	struct stat st;

	l->path = path;
	l->fd = open(path, O_RDONLY);
	if (l->fd < 0 || fstat(l->fd, &st))
		return false;
	l->size = (size_t)st.st_size;
	e = mmap(NULL, l->size, PROT_READ, MAP_PRIVATE, l->fd, 0);
	l->file = (const uint8_t *)e;
	ph = (const Elf64_Phdr *)(l->file + e->e_phoff);
	for (int i = 0; i < e->e_phnum; i++)
		if (ph[i].p_type == PT_LOAD && ph[i].p_flags & PF_X)
			l->text = ph[i];
	return true;
}

static void close_library(struct library *l)
{
	munmap((void *)l->file, l->size);
	close(l->fd);
}

/* objdump's next instruction: place, length, whether it uses FS other than for
 * the stack protector.  Its text in what. */
static bool next_line(FILE *f, unsigned long *at, unsigned int *len, bool *fs,
		      char what[256])
{
	int used;
	char *p;

	while (fgets(what, 256, f)) {
		if (sscanf(what, " %lx:\t%n", at, &used) != 1 || what[0] != ' ')
			continue;
		p = what + used;
		for (*len = 0; isxdigit(p[0]) && isxdigit(p[1]) && p[2] == ' ';
		     p += 3)
			++*len;
		*fs = strstr(p, "%fs:") && !strstr(p, "%fs:0x28");
		return true;
	}
	return false;
}

static FILE *disassemble(const char *path)
{
	char command[256];

	if (system("objdump --version >/dev/null 2>&1"))
		return NULL;
	snprintf(command, sizeof(command), "objdump -d -w --insn-width=16 %s",
		 path);
	return popen(command, "r");
}

static void compare(const struct library *l, FILE *f)
{
	unsigned int len, n = 0, differ = 0;
	struct insn_info in;
	unsigned long at;
	char what[256];
	bool fs;

	while (next_line(f, &at, &len, &fs, what)) {
		/* addresses are offsets in the text of these libraries */
		in = insn_look(l->file + at, l->size - at);
		n++;
		/* to objdump fwait and what follows are one */
		if (l->file[at] == 0x9b)
			continue;
		if (in.len == len &&
		    insn_len(l->file + at, l->size - at) == len &&
		    (!fs || (in.fs_at >= 0 && in.memory)))
			continue;
		if (differ++ < 5)
			unit_note("%s: %u, not %s", l->path, in.len, what);
	}
	unit_note("%s: %u instructions", l->path, n);
	CU_ASSERT(n > 1000);
	CU_ASSERT(!differ);
}

static void test_objdump(void)
{
	struct library l;
	FILE *f;

	for (size_t i = 0; i < LIBRARIES; i++) {
		f = disassemble(libraries[i]);
		if (!f || !open_library(&l, libraries[i])) {
			unit_skip("no objdump, or another system");
			return;
		}
		compare(&l, f);
		pclose(f);
		close_library(&l);
	}
}

/* --- rewriting ------------------------------------------------------------ */

/* Its text as ld.so would map it, but in the arena and writable. */
static uint8_t *map_text(const struct library *l, size_t *size)
{
	uint64_t offset = l->text.p_offset & ~(ARENA_PAGE - 1);
	uintptr_t at;

	*size = arena_round(l->text.p_filesz + l->text.p_offset - offset);
	at = arena_alloc(*size, 0, 0);
	if (!at)
		return NULL;
	return mmap((void *)at, *size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_FIXED, l->fd, (off_t)offset);
}

static bool rewrite(const struct library *l, uint8_t *text, size_t size)
{
	return tls_text((uintptr_t)text, size, PROT_READ | PROT_WRITE, l->fd,
			l->text.p_offset);
}

static size_t count_changes(const struct library *l, const uint8_t *text,
			    size_t size)
{
	const uint8_t *old = l->file + (l->text.p_offset & ~(ARENA_PAGE - 1));
	size_t n = 0;

	for (size_t i = 0; i < size; i++) {
		if (text[i] == old[i])
			continue;
		n++;
		CU_ASSERT(old[i] == 0x64 && text[i] == 0x65);
	}
	return n;
}

/* Exactly the instructions in which objdump sees FS, once each. */
static void check_rewritten(const struct library *l, FILE *f,
			    const uint8_t *text, size_t size)
{
	unsigned long at, base = l->text.p_offset & ~(ARENA_PAGE - 1);
	size_t changes = count_changes(l, text, size), n = 0, missed = 0;
	unsigned int len;
	char what[256];
	bool fs;

	while (next_line(f, &at, &len, &fs, what)) {
		if (!fs)
			continue;
		n++;
		if (!memcmp(text + at - base, l->file + at, len) &&
		    missed++ < 5)
			unit_note("%s: not rewritten: %s", l->path, what);
	}
	unit_note("%s: %zu sites", l->path, n);
	CU_ASSERT(n > 10 || strstr(l->path, "libm"));
	CU_ASSERT(!missed);
	CU_ASSERT(changes == n);
}

static void test_rewrite(void)
{
	struct library l;
	struct err err;
	uint8_t *text;
	size_t size;
	FILE *f;

	UNIT_OK(arena_open(&err), &err);
	for (size_t i = 0; i < LIBRARIES; i++) {
		f = disassemble(libraries[i]);
		if (!f || !open_library(&l, libraries[i])) {
			unit_skip("no objdump, or another system");
			return;
		}
		text = map_text(&l, &size);
		CU_ASSERT_FATAL(text && text != MAP_FAILED);
		CU_ASSERT(rewrite(&l, text, size));
		check_rewritten(&l, f, text, size);
		pclose(f);
		close_library(&l);
	}
	arena_close();
}

/* The function of the first site, as offsets in the text. */
static void find_first(const struct library *l, const uint8_t *text,
		       size_t *from, size_t *to)
{
	const uint8_t *old = l->file + (l->text.p_offset & ~(ARENA_PAGE - 1));
	uintptr_t start = 0, end = 0;
	struct frames frames;
	size_t i = 0;

	while (text[i] == old[i])
		i++;
	CU_ASSERT_FATAL(
		frames_open(&frames, l->fd, (uintptr_t)text, l->text.p_offset));
	CU_ASSERT(frames_find(&frames, (uintptr_t)(text + i), &start, &end));
	frames_close(&frames);
	*from = start - (uintptr_t)text;
	*to = end - (uintptr_t)text;
	CU_ASSERT(*from <= i && i < *to);
}

/* A function that cannot be decoded stays as it is, the others are rewritten,
 * and the library is not trusted. */
static void test_undecodable(void)
{
	size_t size, from, to, all, rest;
	uint8_t *text, *again;
	struct library l;
	struct err err;

	UNIT_OK(arena_open(&err), &err);
	if (!open_library(&l, libraries[2])) {
		unit_skip("no libc in Debian's folder");
		return;
	}
	text = map_text(&l, &size);
	CU_ASSERT(rewrite(&l, text, size));
	all = count_changes(&l, text, size);
	find_first(&l, text, &from, &to);

	again = map_text(&l, &size);
	again[from] = 0x06;
	CU_ASSERT(!rewrite(&l, again, size));
	again[from] = text[from];
	rest = count_changes(&l, again, size);
	CU_ASSERT(rest && rest < all);
	CU_ASSERT(memcmp(again + from, text + from, to - from));
	CU_ASSERT(!memcmp(again + to, text + to, size - to));
	close_library(&l);
	arena_close();
}

/* Code that no table describes is trusted if nothing in it can use FS. */
static void test_no_table(void)
{
	static uint8_t code[64];
	/* the stack protector's; a displacement of 64 bytes, no memory behind
	 * it: not even a prefix would do harm */
	static const uint8_t good[] = {
		0x64, 0x48, 0x8b, 0x04, 0x25, 0x28, 0,
		0,    0,    0x48, 0x8b, 0x58, 0x64, 0xc3
	};
	static const uint8_t fs[] = {
		0x64, 0x48, 0x8b, 0x04, 0x25, 0, 0, 0, 0
	};
	static const uint8_t base[] = { 0xf3, 0x48, 0x0f, 0xae, 0xc0 };
	static const uint8_t fence[] = { 0x0f, 0xae, 0xf0 };

	memset(code, 0x90, sizeof(code));
	memcpy(code + 20, good, sizeof(good));
	CU_ASSERT(tls_text((uintptr_t)code, sizeof(code), 0, -1, 0));
	memcpy(code + 40, fs, sizeof(fs));
	CU_ASSERT(tls_next(code, sizeof(code), 0) == 40);
	CU_ASSERT(!tls_text((uintptr_t)code, sizeof(code), 0, -1, 0));
	memset(code, 0x90, sizeof(code));
	memcpy(code + 30, base, sizeof(base));
	CU_ASSERT(tls_next(code, sizeof(code), 0) == 32);
	memset(code, 0x90, sizeof(code));
	memcpy(code + 30, fence, sizeof(fence));
	CU_ASSERT(tls_next(code, sizeof(code), 0) == sizeof(code));
}

static const struct unit_test tests[] = {
	{ "lengths of instructions are right", test_lengths },
	{ "whole libraries are decoded as objdump does", test_objdump },
	{ "exactly the accesses by FS are rewritten", test_rewrite },
	{ "a function that cannot be decoded is left", test_undecodable },
	{ "code without a table is looked through", test_no_table },
	{ 0 },
};

static const struct unit_suite suites[] = { { "insn", tests }, { 0 } };

int main(int argc, char **argv)
{
	return unit_main(argc, argv, suites);
}
