/* SPDX-License-Identifier: BSD-3-Clause */
/* test_procmaps.c - memory maps are read as the kernel writes them */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/base/procmaps.h"
#include "tests/lib/unit.h"

static struct procmaps maps;
static struct procmap map;

static void parses_lines(void)
{
	CU_ASSERT_EQUAL(procmap_parse("7f00-8f00 rw-s 00012000 fe:01 1234 "
				      "      /a b/c\\012d (deleted)",
				      &map),
			0);
	CU_ASSERT_EQUAL(map.start, 0x7f00);
	CU_ASSERT_EQUAL(map.end, 0x8f00);
	CU_ASSERT_EQUAL(map.prot, PROT_READ | PROT_WRITE);
	CU_ASSERT_TRUE(map.shared);
	CU_ASSERT_TRUE(map.deleted);
	CU_ASSERT_EQUAL(map.offset, 0x12000);
	CU_ASSERT_EQUAL(map.ino, 1234);
	CU_ASSERT_STRING_EQUAL(map.name, "/a b/c\nd");
	CU_ASSERT_EQUAL(procmap_parse("1000-2000 ---p 00000000 00:00 0 ", &map),
			0);
	CU_ASSERT_EQUAL(map.prot, PROT_NONE);
	CU_ASSERT_FALSE(map.shared);
	CU_ASSERT_STRING_EQUAL(map.name, "");
}

static void refuses_other_text(void)
{
	static const char *const bad[] = {
		"", "x", "12", "12-", "12-34", "12-34 rw", "12-34 rw-p 0 fe"
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CU_ASSERT_EQUAL(procmap_parse(bad[i], &map), -EINVAL);
}

static bool find(const char *path, const void *at)
{
	uint64_t address = (uintptr_t)at;
	bool found = false;
	int rc;

	CU_ASSERT_EQUAL(procmaps_open(&maps, path), 0);
	while (!found && (rc = procmaps_next(&maps, &map)) > 0)
		found = map.start <= address && address < map.end;
	procmaps_close(&maps);
	return found;
}

static void finds_flags_of_own_memory(void)
{
	size_t len = (size_t)sysconf(_SC_PAGESIZE) * 64;
	char *p = mmap(NULL, len, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	CU_ASSERT_PTR_NOT_EQUAL_FATAL(p, MAP_FAILED);
	CU_ASSERT_EQUAL(madvise(p, len, MADV_DONTFORK), 0);
	CU_ASSERT_TRUE_FATAL(find("/proc/self/smaps", p));
	CU_ASSERT_EQUAL(map.end - map.start, len);
	CU_ASSERT_EQUAL(map.rss, 0);
	CU_ASSERT_EQUAL(map.flags & (PROCMAP_DONTFORK | PROCMAP_NORESERVE |
				     PROCMAP_WIPEONFORK),
			PROCMAP_DONTFORK | PROCMAP_NORESERVE);
	p[0] = 1;
	CU_ASSERT_TRUE_FATAL(find("/proc/self/smaps", p));
	CU_ASSERT_TRUE(map.rss > 0);
	CU_ASSERT_TRUE(find("/proc/self/smaps", __builtin_frame_address(0)));
	CU_ASSERT_TRUE(map.flags & PROCMAP_GROWSDOWN);
	CU_ASSERT_TRUE(find("/proc/self/maps", __builtin_frame_address(0)));
	CU_ASSERT_STRING_EQUAL(map.name, "[stack]");
	munmap(p, len);
	CU_ASSERT_FALSE(find("/proc/self/maps", p));
}

/* More mappings than one buffer holds. */
static void reads_long_maps(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), n = 1000, seen = 0;
	char *p = mmap(NULL, 2 * n * page, PROT_READ,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int rc;

	CU_ASSERT_PTR_NOT_EQUAL_FATAL(p, MAP_FAILED);
	for (size_t i = 0; i < n; i++)
		mprotect(p + 2 * i * page, page, PROT_READ | PROT_WRITE);
	CU_ASSERT_EQUAL(procmaps_open(&maps, "/proc/self/smaps"), 0);
	while ((rc = procmaps_next(&maps, &map)) > 0)
		seen += map.start >= (uintptr_t)p &&
			map.end <= (uintptr_t)p + 2 * n * page;
	CU_ASSERT_EQUAL(rc, 0);
	CU_ASSERT_TRUE(seen >= 2 * n - 1);
	procmaps_close(&maps);
	munmap(p, 2 * n * page);
}

int main(int argc, char **argv)
{
	static const struct unit_test tests[] = {
		{ "a line of maps is parsed", parses_lines },
		{ "what is no such line is refused", refuses_other_text },
		{ "smaps tells flags and size", finds_flags_of_own_memory },
		{ "a map of thousands is read whole", reads_long_maps },
		{ NULL, NULL },
	};
	static const struct unit_suite suites[] = { { "procmaps", tests },
						    { NULL, NULL } };

	return unit_main(argc, argv, suites);
}
