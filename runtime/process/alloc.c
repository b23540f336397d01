/* SPDX-License-Identifier: BSD-3-Clause */
/* alloc.c - memory of the upper half that is not the program's malloc */
#include "runtime/process/private.h"

#include <errno.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/mman.h>

/*
 * DESIGN
 *
 * Blocks of up to 32 KiB come from free lists, one for each of four steps
 * between powers of two; empty lists are filled from pieces of 1 MiB that are
 * never given back.  Larger blocks are mappings of their own.  A header of 16
 * bytes before each block says which.
 *
 * While the lock is held the thread's depth is raised: the checkpoint signal
 * then defers to the moment when the lock is free, so a handler that parks, or
 * that allocates, never finds it taken by the thread below it.
 */
#define PIECE	(1UL << 20)
#define CLASSES 45
#define LARGEST 32768

struct block {
	uint64_t size;	/* usable bytes */
	uint32_t class; /* CLASSES: a mapping of its own */
	uint32_t magic;
};
#define BLOCK_MAGIC 0x6b636c62U

/* The heap is one for the process: file scope. */
static _Atomic uint32_t heap_lock;
static struct block *heap_free[CLASSES]; /* linked through the first word */
static char *piece_next, *piece_end;

static size_t class_size(unsigned int class)
{
	unsigned int shift = class / 4 + 4;

	return (1UL << shift) + (class % 4) * (1UL << (shift - 2));
}

static unsigned int class_of(size_t size)
{
	unsigned int class = 0;

	/* start near: the power of two below it */
	if (size > 32)
		class = (63 - (unsigned int)__builtin_clzl(size - 1) - 4) * 4;
	while (class_size(class) < size)
		class ++;
	/* 16-byte steps only: 20, 24, 28 and the like are rounded up */
	while (class_size(class) % 16)
		class ++;
	return class;
}

static struct thread_ctx *heap_begin(void)
{
	struct thread_ctx *ctx = cairn_ctx;
	uint32_t c = 0;

	if (ctx)
		ctx->depth++;
	__asm__ volatile("" ::: "memory");
	if (atomic_compare_exchange_strong(&heap_lock, &c, 1))
		return ctx;
	if (c != 2)
		c = atomic_exchange(&heap_lock, 2);
	while (c) {
		sys_call(SYS_futex, &heap_lock, FUTEX_WAIT_PRIVATE, 2, 0);
		c = atomic_exchange(&heap_lock, 2);
	}
	return ctx;
}

static void heap_end(struct thread_ctx *ctx)
{
	if (atomic_exchange(&heap_lock, 0) == 2)
		sys_call(SYS_futex, &heap_lock, FUTEX_WAKE_PRIVATE, 1);
	if (ctx)
		ctx_leave(ctx);
}

static void *map(size_t size)
{
	long p = sys_call(SYS_mmap, 0, size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return sys_is_error(p) ? NULL : (void *)p;
}

static struct block *carve(unsigned int class)
{
	size_t need = class_size(class) + sizeof(struct block);
	struct block *b;

	if ((size_t)(piece_end - piece_next) < need) {
		char *piece = map(PIECE);

		if (!piece)
			return NULL;
		piece_next = piece;
		piece_end = piece + PIECE;
	}
	b = (struct block *)piece_next;
	piece_next += need;
	b->class = class;
	b->size = class_size(class);
	b->magic = BLOCK_MAGIC;
	return b;
}

static void *alloc_large(size_t size)
{
	size_t len = (size + sizeof(struct block) + 4095) & ~4095UL;
	struct block *b;

	if (len < size)
		return NULL;
	b = map(len);
	if (!b)
		return NULL;
	b->class = CLASSES;
	b->size = len - sizeof(*b);
	b->magic = BLOCK_MAGIC;
	return b + 1;
}

void *upper_alloc(size_t size)
{
	struct thread_ctx *ctx;
	struct block *b;
	unsigned int class;
	bool used = false;

	if (size > LARGEST)
		return alloc_large(size);
	class = class_of(size ? size : 1);
	ctx = heap_begin();
	b = heap_free[class];
	if (b) {
		heap_free[class] = *(struct block **)(b + 1);
		used = true;
	} else {
		b = carve(class);
	}
	heap_end(ctx);
	if (!b)
		return NULL;
	if (used)
		memset(b + 1, 0, b->size);
	return b + 1;
}

void upper_free(void *p)
{
	struct block *b;
	struct thread_ctx *ctx;

	if (!p)
		return;
	b = (struct block *)p - 1;
	if (b->magic != BLOCK_MAGIC)
		__builtin_trap(); /* not ours, or overwritten */
	if (b->class == CLASSES) {
		sys_call(SYS_munmap, b, b->size + sizeof(*b));
		return;
	}
	ctx = heap_begin();
	*(struct block **)p = heap_free[b->class];
	heap_free[b->class] = b;
	heap_end(ctx);
}

void *upper_realloc(void *p, size_t size)
{
	size_t old = p ? ((struct block *)p - 1)->size : 0;
	void *q;

	if (p && size <= old && size >= old / 2)
		return p;
	q = upper_alloc(size);
	if (q && p) {
		memcpy(q, p, size < old ? size : old);
		upper_free(p);
	}
	return q;
}
