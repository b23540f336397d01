/* SPDX-License-Identifier: BSD-3-Clause */
/* patch.c - lead the guest's system calls to place_call */
#include "runtime/lower/patch.h"

#include <errno.h>
#include <sys/mman.h>

#include "runtime/base/sys.h"
#include "runtime/lower/arena.h"
#include "runtime/lower/crossing.h"
#include "runtime/lower/place_private.h"

/*
 * A site becomes a jump to a stub of its own:
 *
 *	(instructions that the jump replaced)
 *	lea  -128(%rsp),%rsp	the red zone is the caller's
 *	call *entry(%rip)	patch_entry.S; returns here with the result ...
 *	jmp  done
 *	jmp  native		... or here, to perform the call unchanged ...
 *	lea  128(%rsp),%rsp	... or here: so too, but a new thread, whose
 *	syscall			result is 0, takes its FS into GS
 *	mov  %rax,%rcx		(the call has destroyed RCX)
 *	jrcxz new
 *	jmp  back
 * new:
 *	rdfsbase %rcx
 *	wrgsbase %rcx
 *	jmp  back
 * native:
 *	lea  128(%rsp),%rsp	so that a new thread on another stack, or the
 *	syscall			child of vfork, goes on as if nothing was there
 *	jmp  back
 * done:
 *	lea  128(%rsp),%rsp
 *	jmp  back
 *
 * Stubs lie behind one another in pages of their own near the code, written
 * before anybody can reach them and never changed again.
 */
#define STUB_SIZE 128

/* Which numbers were found: in the first code that was patched (ld.so), and in
 * all later code. */
static _Atomic uint32_t found[2][PLACE_CALLS];
static _Atomic uint32_t generic_found;
static _Atomic uint32_t texts;

extern const char patch_entry[];

void patch_reset(void)
{
	for (size_t i = 0; i < PLACE_CALLS; i++)
		found[0][i] = found[1][i] = 0;
	generic_found = 0;
	texts = 0;
}

static void copy(uint8_t *to, const uint8_t *from, size_t n)
{
	while (n--)
		*(volatile uint8_t *)to++ = *from++;
}

static void put32(uint8_t *at, int64_t value)
{
	for (int i = 0; i < 4; i++)
		at[i] = (uint8_t)(value >> 8 * i);
}

static int32_t get32(const uint8_t *at)
{
	return (int32_t)(at[0] | at[1] << 8 | at[2] << 16 |
			 (uint32_t)at[3] << 24);
}

/* A jump at `at` to `to`: five bytes. */
static uint8_t *put_jump(uint8_t *at, const uint8_t *to)
{
	at[0] = 0xe9;
	put32(at + 1, to - (at + 5));
	return at + 5;
}

static uint8_t *put(uint8_t *at, const char *bytes, size_t n)
{
	copy(at, (const uint8_t *)bytes, n);
	return at + n;
}

#define PUT(at, bytes) put(at, bytes, sizeof(bytes) - 1)
#define LEA_DOWN       "\x48\x8d\x64\x24\x80"
#define LEA_UP	       "\x48\x8d\xa4\x24\x80\x00\x00\x00"

static void write_stub(uint8_t *stub, const uint8_t *entry, const uint8_t *code,
		       const struct patch_site *site)
{
	size_t moved = site->syscall - site->from;
	const uint8_t *back = code + site->syscall + 2;
	uint8_t *p = stub;

	copy(p, code + site->from, moved);
	if (site->rip_at >= 0)
		put32(p + site->rip_at,
		      get32(p + site->rip_at) + (code + site->from - stub));
	p = PUT(p + moved, LEA_DOWN);
	p = PUT(p, "\xff\x15"); /* call *entry(%rip) */
	put32(p, entry - (p + 4));
	p = PUT(p + 4, "\xeb\x34"); /* jmp done */
	p = PUT(p, "\xeb\x23");	    /* jmp native */
	p = PUT(p, LEA_UP "\x0f\x05");
	p = PUT(p, "\x48\x89\xc1\xe3\x05"); /* mov, jrcxz */
	p = put_jump(p, back);
	p = PUT(p, "\xf3\x48\x0f\xae\xc1\xf3\x48\x0f\xae\xd9");
	p = put_jump(p, back);
	p = PUT(p, LEA_UP "\x0f\x05"); /* native: */
	p = put_jump(p, back);
	p = PUT(p, LEA_UP); /* done: */
	put_jump(p, back);
}

static void write_site(uint8_t *code, const struct patch_site *site,
		       const uint8_t *stub)
{
	uint8_t *p = put_jump(code + site->from, stub);

	while (p < code + site->syscall + 2)
		*p++ = 0x90;
}

static size_t count_sites(const uint8_t *code, size_t size, uint32_t *counts,
			  _Atomic uint32_t *generic)
{
	struct patch_site site;
	size_t at = 0, n = 0;

	while (patch_next(code, size, &at, &site)) {
		n++;
		if (site.nr < 0)
			++*generic;
		else
			++counts[site.nr];
	}
	return n;
}

static long map_stubs(uintptr_t near, size_t size)
{
	uintptr_t at = arena_alloc(size, 0, near);
	long got;

	if (!at)
		return -ENOMEM;
	got = sys_call(SYS_mmap, at, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	if (!sys_is_error(got))
		arena_seal(at, size);
	return got;
}

int patch_text(uintptr_t start, size_t size, int prot)
{
	uint8_t *code = (uint8_t *)start, *stub;
	size_t at = 0, n, stubs_size;
	struct patch_site site;
	long rc;

	n = count_sites(code, size, (uint32_t *)found[texts ? 1 : 0],
			&generic_found);
	texts++;
	if (!n)
		return 0;
	stubs_size = arena_round((n + 1) * STUB_SIZE);
	rc = map_stubs(start, stubs_size);
	if (sys_is_error(rc))
		return (int)rc;
	stub = (uint8_t *)rc;
	*(const char **)stub = patch_entry;

	rc = sys_call(SYS_mprotect, start, size, prot | PROT_WRITE);
	if (rc)
		return (int)rc;
	for (size_t i = 1; patch_next(code, size, &at, &site); i++) {
		write_stub(stub + i * STUB_SIZE, stub, code, &site);
		write_site(code, &site, stub + i * STUB_SIZE);
	}
	sys_call(SYS_mprotect, stub, stubs_size, PROT_READ | PROT_EXEC);
	return (int)sys_call(SYS_mprotect, start, size, prot);
}

/* --- did we find all? ----------------------------------------------------- */

bool patch_found(long nr)
{
	return found[0][nr] != 0;
}

int patch_check(enum patch_stage stage, struct err *err)
{
	const char *what = stage == PATCH_LOADER ? "dynamic loader" :
						   "C library";
	long nr;

	if (stage == PATCH_LOADER && found[0][SYS_mmap] && found[0][SYS_brk] &&
	    found[0][SYS_openat])
		return 0;
	if (stage == PATCH_LOADER)
		return err_set(err, -ENOTSUP,
			       "this system's %s makes its system calls in a "
			       "way that Cairn does not know, so the MPI "
			       "library cannot be kept apart from the program; "
			       "use Cairn on Debian 12, or report your version "
			       "of glibc",
			       what);
	for (unsigned int i = 0; (nr = place_essential(i)) >= 0; i++)
		if (!found[1][nr])
			return err_set(err, -ENOTSUP,
				       "Cairn does not recognise how this "
				       "system's %s calls %s, so the MPI "
				       "library cannot be kept apart from the "
				       "program; report your version of glibc",
				       what, place_name(nr));
	if (crossing_rewrites() &&
	    !(found[1][SYS_clone] && found[1][SYS_clone3] &&
	      found[0][SYS_mprotect] && found[1][SYS_mprotect]))
		return err_set(err, -ENOTSUP,
			       "Cairn does not recognise how this system's %s "
			       "makes threads and protects memory; set "
			       "CAIRN_CROSSING=fs",
			       what);
	if (!generic_found)
		return err_set(err, -ENOTSUP,
			       "Cairn does not recognise the function "
			       "syscall() of this system's C library; report "
			       "your version of glibc");
	return 0;
}
