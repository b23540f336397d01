/* SPDX-License-Identifier: BSD-3-Clause */
/* stack.c - the guest's first stack: arguments, environment, auxiliary vector
 */
#include "runtime/lower/stack.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#include "runtime/base/fmt.h"
#include "runtime/base/sys.h"
#include "runtime/lower/arena.h"
#include "runtime/lower/guest/guest.h"

#define STACK_SIZE (1UL << 20) /* and what the strings take */

/* What the guest's own environment says, whatever the program's does. */
static const char *const forced[] = {
	/* UCX would patch the guest's libc to watch mappings, and could not see
	 * the program's: stale registrations (TRAPS: registration caches) */
	"UCX_MEM_EVENTS=n",
	"FI_MR_CACHE_MONITOR=disabled",
	/* callbacks would come on threads without the program's TLS */
	"MPIR_CVAR_ASYNC_PROGRESS=0",
	"MPICH_ASYNC_PROGRESS=0",
	/* windows at the same address in all ranks: a hundred tries, none of
	 * which lies in the arena */
	"MPIR_CVAR_SHM_SYMHEAP_RETRY=0",
	GUEST_MARK "=1",
};
/* The guest's threads run with borrowed TLS: sched_getcpu must ask the kernel,
 * not the donor's restartable sequence.  A dlopen'ed library may want TLS in
 * the static area. */
#define TUNABLES "GLIBC_TUNABLES="
#define TUNABLES_FORCED \
	"glibc.pthread.rseq=0:glibc.rtld.optional_static_tls=4096"

/* Names that end with '=', or prefixes of names. */
static const char *const dropped[] = { "LD_PRELOAD=", "LD_AUDIT=", "CAIRN_" };

static bool begins(const char *s, const char *with)
{
	return !strncmp(s, with, strlen(with));
}

static bool is_kept(const char *var)
{
	size_t i;

	for (i = 0; i < sizeof(dropped) / sizeof(*dropped); i++)
		if (begins(var, dropped[i]))
			return false;
	for (i = 0; i < sizeof(forced) / sizeof(*forced); i++)
		if (!strncmp(var, forced[i],
			     strchr(forced[i], '=') - forced[i] + 1))
			return false;
	return true;
}

/* A writer that runs twice: first it only measures. */
struct writer {
	char *strings; /* NULL: measure */
	size_t used;
	uintptr_t *words;
	size_t nwords;
};

static void put_word(struct writer *w, uintptr_t value)
{
	if (w->words)
		w->words[w->nwords] = value;
	w->nwords++;
}

static uintptr_t put_bytes(struct writer *w, const void *bytes, size_t n)
{
	char *at = w->strings + w->used;

	w->used += n;
	if (!w->strings)
		return 0;
	memcpy(at, bytes, n);
	return (uintptr_t)at;
}

static uintptr_t put_string(struct writer *w, const char *s)
{
	return put_bytes(w, s, strlen(s) + 1);
}

static void put_tunables(struct writer *w, const char *old)
{
	uintptr_t at;

	if (!old) {
		put_word(w, put_string(w, TUNABLES TUNABLES_FORCED));
		return;
	}
	at = put_bytes(w, old, strlen(old));
	put_string(w, ":" TUNABLES_FORCED);
	put_word(w, at);
}

static void put_environment(struct writer *w, char **envp)
{
	const char *tunables = NULL;

	for (; envp && *envp; envp++) {
		if (begins(*envp, TUNABLES))
			tunables = *envp;
		else if (is_kept(*envp))
			put_word(w, put_string(w, *envp));
	}
	for (size_t i = 0; i < sizeof(forced) / sizeof(*forced); i++)
		put_word(w, put_string(w, forced[i]));
	put_tunables(w, tunables);
	put_word(w, 0);
}

static void put_auxv(struct writer *w, const struct elf_image *program,
		     const struct elf_image *loader)
{
	static const unsigned long inherited[] = {
		AT_SYSINFO_EHDR, AT_HWCAP, AT_HWCAP2, AT_CLKTCK,      AT_UID,
		AT_EUID,	 AT_GID,   AT_EGID,   AT_MINSIGSTKSZ,
	};
	static const char platform[] = "x86_64";
	/* What libc makes its canary and its guard of pointers from: the lower
	 * half gets the program's, so that it does not matter by which register
	 * either is read (lower.md, Crossing). */
	uint64_t random[2];
	unsigned long value;

	__asm__("mov %%fs:0x28, %0" : "=r"(random[0]));
	__asm__("mov %%fs:0x30, %0" : "=r"(random[1]));

	for (size_t i = 0; i < sizeof(inherited) / sizeof(*inherited); i++) {
		value = getauxval(inherited[i]);
		if (!value && inherited[i] == AT_SYSINFO_EHDR)
			continue;
		put_word(w, inherited[i]);
		put_word(w, value);
	}
	put_word(w, AT_PAGESZ);
	put_word(w, ARENA_PAGE);
	put_word(w, AT_PHDR);
	put_word(w, program->phdr);
	put_word(w, AT_PHENT);
	put_word(w, sizeof(Elf64_Phdr));
	put_word(w, AT_PHNUM);
	put_word(w, program->phnum);
	put_word(w, AT_BASE);
	put_word(w, loader->base);
	put_word(w, AT_ENTRY);
	put_word(w, program->entry);
	put_word(w, AT_SECURE);
	put_word(w, 0);
	put_word(w, AT_RANDOM);
	put_word(w, put_bytes(w, random, sizeof(random)));
	put_word(w, AT_PLATFORM);
	put_word(w, put_string(w, platform));
	put_word(w, AT_NULL);
	put_word(w, 0);
}

static void put_all(struct writer *w, char *const argv[], char **envp,
		    const struct elf_image *program,
		    const struct elf_image *loader)
{
	size_t argc = 0;

	while (argv[argc])
		argc++;
	put_word(w, argc);
	for (size_t i = 0; i < argc; i++)
		put_word(w, put_string(w, argv[i]));
	put_word(w, 0);
	put_environment(w, envp);
	put_auxv(w, program, loader);
}

uintptr_t stack_build(char *const argv[], char **envp,
		      const struct elf_image *program,
		      const struct elf_image *loader)
{
	struct writer w = { 0 };
	uintptr_t start, sp;
	size_t size, top;
	long got;

	put_all(&w, argv, envp, program, loader);
	top = (w.used + w.nwords * sizeof(uintptr_t) + 63) & ~15UL;
	size = arena_round(STACK_SIZE + top);
	start = arena_alloc(size, 0, 0);
	if (!start)
		return 0;
	/* the lowest page stays without access: a guard */
	got = sys_call(SYS_mmap, start + ARENA_PAGE, size - ARENA_PAGE,
		       PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	if (sys_is_error(got))
		return 0;
	arena_seal(start + ARENA_PAGE, size - ARENA_PAGE);

	sp = start + size - top;
	w = (struct writer){
		.words = (uintptr_t *)sp,
		.strings = (char *)(sp + w.nwords * sizeof(uintptr_t)),
	};
	put_all(&w, argv, envp, program, loader);
	return sp;
}
