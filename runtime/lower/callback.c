/* SPDX-License-Identifier: BSD-3-Clause */
/* callback.c - addresses that the lower half can call */
#include <stdint.h>
#include <sys/mman.h>

#define LOG_PREFIX "lower half: "
#include "runtime/base/log.h"
#include "runtime/base/sys.h"
#include "runtime/lower/futex.h"
#include "runtime/lower/lower.h"
#include "runtime/lower/place.h"

/*
 * A thunk is
 *
 *	movabs $closure,%r10
 *	movabs $fn,%rax
 *	jmp    *entry(%rip)
 *
 * in pages of the upper half: it belongs to the program, is saved with it, and
 * works again after a restart, because fn, closure and callback_entry all lie
 * in the upper half too.  Each page begins with the address of the entry.
 * Thunks are few (one for each user-defined operation and the like).
 */
#define PAGE	   4096UL
#define THUNK_SIZE 32
#define THUNKS	   (PAGE / THUNK_SIZE)

struct thunk {
	uint8_t code[26];
	uint8_t used;
	uint8_t pad[5];
};
_Static_assert(sizeof(struct thunk) == THUNK_SIZE, "thunks fill a page");

struct page {
	const void *entry;
	struct page *next;
	uint8_t pad[THUNK_SIZE - 2 * sizeof(void *)];
	struct thunk thunk[THUNKS - 1];
};
_Static_assert(sizeof(struct page) == PAGE, "one page");

static struct page *pages; /* of the whole process, never given back */
static _Atomic uint32_t lock;

extern const char callback_entry[];
void callback_on_stranger(void) __attribute__((noreturn));

/* Pages are never writable and executable at once, but for the moment in which
 * a thunk is added: others of the page may be running. */
static void make_writable(struct page *p, int yes)
{
	sys_call(SYS_mprotect, p, PAGE,
		 PROT_READ | PROT_EXEC | (yes ? PROT_WRITE : 0));
}

static struct page *add_page(void)
{
	long got = sys_call(SYS_mmap, 0, PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct page *p = (struct page *)got;

	if (sys_is_error(got))
		return NULL;
	p->entry = callback_entry;
	p->next = pages;
	pages = p;
	make_writable(p, 0);
	return p;
}

static struct thunk *find_unused(struct page **in)
{
	for (struct page *p = pages; p; p = p->next) {
		*in = p;
		for (size_t i = 0; i < THUNKS - 1; i++)
			if (!p->thunk[i].used)
				return &p->thunk[i];
	}
	*in = add_page();
	return *in ? &(*in)->thunk[0] : NULL;
}

static void put(uint8_t *at, uint64_t value, int bytes)
{
	for (int i = 0; i < bytes; i++)
		at[i] = (uint8_t)(value >> 8 * i);
}

static void write_thunk(struct page *p, struct thunk *t, void *fn,
			void *closure)
{
	uint8_t *c = t->code;

	put(c, 0xba49, 2);
	put(c + 2, (uint64_t)closure, 8);
	put(c + 10, 0xb848, 2);
	put(c + 12, (uint64_t)fn, 8);
	put(c + 20, 0x25ff, 2);
	put(c + 22, (uint64_t)((uint8_t *)&p->entry - (c + 26)), 4);
	t->used = 1;
}

void *lower_callback(void *fn, void *closure)
{
	struct thunk *t;
	struct page *p;

	futex_lock(&lock);
	t = find_unused(&p);
	if (t) {
		make_writable(p, 1);
		write_thunk(p, t, fn, closure);
		make_writable(p, 0);
	}
	futex_unlock(&lock);
	return t;
}

void lower_callback_free(void *thunk)
{
	struct page *p = (struct page *)((uintptr_t)thunk & ~(PAGE - 1));

	if (!thunk)
		return;
	futex_lock(&lock);
	make_writable(p, 1);
	((struct thunk *)thunk)->used = 0;
	make_writable(p, 0);
	futex_unlock(&lock);
}

void *lower_closure(void)
{
	return place_context()->closure;
}

/* The library called the program back on a thread of its own: there is no TLS
 * of the program to run the function with, and the callback has no way to say
 * that it failed. */
void callback_on_stranger(void)
{
	log_err("the MPI library called a function of the program on a "
		"progress thread of its own, which Cairn does not support; "
		"switch the library's asynchronous progress off "
		"(MPIR_CVAR_ASYNC_PROGRESS=0)");
	for (;;)
		sys_call(SYS_exit_group, 1);
}
