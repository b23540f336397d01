/* SPDX-License-Identifier: BSD-3-Clause */
/* test_arena.c - the addresses of the lower half */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/base/procmaps.h"
#include "runtime/lower/arena.h"
#include "runtime/lower/lower.h"
#include "tests/lib/unit.h"

#define MIB (1UL << 20)

static void open_arena(void)
{
	struct err err;

	arena_close();
	UNIT_OK(arena_open(&err), &err);
}

static void *use(uintptr_t at, size_t size)
{
	void *p = mmap((void *)at, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	CU_ASSERT(p == (void *)at);
	arena_seal(at, size);
	memset(p, 1, size);
	return p;
}

static void test_alloc(void)
{
	uintptr_t a, b, c;

	open_arena();
	a = arena_alloc(10 * ARENA_PAGE, 0, 0);
	b = arena_alloc(1, 0, 0);
	CU_ASSERT(a && b == a + 10 * ARENA_PAGE);
	use(a, 10 * ARENA_PAGE);
	arena_free(a, 4 * ARENA_PAGE); /* a part */
	c = arena_alloc(4 * ARENA_PAGE, 0, 0);
	CU_ASSERT(c == a);
	CU_ASSERT(arena_alloc(5 * ARENA_PAGE, 0, 0) > b);
	CU_ASSERT(!arena_alloc(0, 0, 0));
	CU_ASSERT(!arena_alloc(1UL << 50, 0, 0));
}

static void test_align(void)
{
	open_arena();
	for (size_t align = ARENA_PAGE; align <= 64 * MIB; align *= 2) {
		uintptr_t a = arena_alloc(3 * ARENA_PAGE, align, 0);

		CU_ASSERT(a && !(a & (align - 1)));
		CU_ASSERT(lower_owns(a));
	}
}

static void test_owns(void)
{
	struct lower_range ranges[ARENA_PIECES];
	uintptr_t a;
	size_t n;
	int here;

	open_arena();
	a = arena_alloc(ARENA_PAGE, 0, 0);
	CU_ASSERT(lower_owns(a) && !lower_owns((uintptr_t)&here));
	n = lower_ranges(ranges, ARENA_PIECES);
	CU_ASSERT(n == 1);
	CU_ASSERT(ranges[0].start <= a && a < ranges[0].end);
	CU_ASSERT(ranges[0].end - ranges[0].start <= 64 * MIB);
	CU_ASSERT(!lower_owns(ranges[0].start - 1));
	CU_ASSERT(!lower_owns(ranges[0].end));
}

static void test_big(void)
{
	struct lower_range ranges[ARENA_PIECES];
	uintptr_t big;

	open_arena();
	big = arena_alloc(3000 * MIB, 2 * MIB, 0);
	CU_ASSERT(big && !(big % (2 * MIB)));
	CU_ASSERT(arena_holds(big, 3000 * MIB));
	CU_ASSERT(lower_ranges(ranges, ARENA_PIECES) == 2);
	arena_free(big, 1000 * MIB);
	CU_ASSERT(lower_owns(big));
	arena_free(big + 1000 * MIB, 2000 * MIB);
	CU_ASSERT(!lower_owns(big));
	CU_ASSERT(lower_ranges(ranges, ARENA_PIECES) == 1);
}

static void test_near(void)
{
	uintptr_t first, text, stub;

	open_arena();
	first = arena_alloc(ARENA_PAGE, 0, 0);
	CU_ASSERT(arena_alloc(4096 * MIB, 0, 0) != 0);
	text = arena_alloc(40 * MIB, 0, 0); /* fits into the first piece */
	CU_ASSERT(text - first < 64 * MIB);
	text = arena_alloc(40 * MIB, 0, 0); /* behind the big one */
	CU_ASSERT(text - first > 4096 * MIB);
	stub = arena_alloc(ARENA_PAGE, 0, text);
	CU_ASSERT(stub && stub - text + 40 * MIB < 2048 * MIB);
}

static void test_sealed(void)
{
	static struct procmaps maps;
	static struct procmap map;
	int seen = 0;

	open_arena();
	use(arena_alloc(MIB, 0, 0), MIB);
	CU_ASSERT(!procmaps_open(&maps, "/proc/self/smaps"));
	while (procmaps_next(&maps, &map) > 0) {
		if (!lower_owns(map.start))
			continue;
		CU_ASSERT(map.flags & PROCMAP_DONTFORK);
		seen++;
	}
	procmaps_close(&maps);
	CU_ASSERT(seen >= 3); /* header, the mapping, the rest */
}

/* A foreign mapping in the way is stepped over. */
static void test_obstacle(void)
{
	struct lower_range r[ARENA_PIECES];
	uintptr_t a;
	void *p;

	open_arena();
	CU_ASSERT(lower_ranges(r, ARENA_PIECES) == 1);
	p = mmap((void *)r[0].end, ARENA_PAGE, PROT_READ,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	CU_ASSERT(p == (void *)r[0].end);
	a = arena_alloc(100 * MIB, 0, 0);
	CU_ASSERT(a && !lower_owns((uintptr_t)p));
	munmap(p, ARENA_PAGE);
}

static void test_reset(void)
{
	struct lower_range r[ARENA_PIECES], again[ARENA_PIECES];

	open_arena();
	CU_ASSERT(lower_ranges(r, ARENA_PIECES) == 1);
	arena_reset(); /* as if restored without the lower half */
	munmap((void *)r[0].start, r[0].end - r[0].start);
	CU_ASSERT(!lower_owns(r[0].start));
	open_arena();
	CU_ASSERT(lower_ranges(again, ARENA_PIECES) == 1);
	CU_ASSERT(again[0].end <= r[0].start || r[0].end <= again[0].start);
}

static const struct unit_test tests[] = {
	{ "ranges are given, freed in part and given again", test_alloc },
	{ "ranges are aligned as asked", test_align },
	{ "the arena knows its own addresses", test_owns },
	{ "a big mapping's piece goes with it", test_big },
	{ "stubs lie in reach of their code", test_near },
	{ "nothing of the arena is forked", test_sealed },
	{ "foreign mappings are stepped over", test_obstacle },
	{ "a forgotten arena leaves no trace, and the next lies elsewhere",
	  test_reset },
	{ 0 },
};

static const struct unit_suite suites[] = { { "arena", tests }, { 0 } };

int main(int argc, char **argv)
{
	return unit_main(argc, argv, suites);
}
