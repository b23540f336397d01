/* SPDX-License-Identifier: BSD-3-Clause */
/* advice.c - what the kernel was told of mappings is told again */
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/programs/restore/ckpt.h"

/*
 * usage: advice [all | dc | wf]
 *
 * Each mapping must have the same flags in /proc/self/smaps after the
 * checkpoint as before it, in each life, and its contents.  With an argument
 * there are some that a child of the process does not get: "dc", an empty one;
 * "wf", one with contents; "all", both kinds with and without contents.
 */
#define PAGE 4096UL
#define LEN  (16 * PAGE)

struct kind {
	const char *name;
	char flag[3]; /* that smaps must tell */
	int prot, flags, advice;
	int hidden;
};

#define RW   (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
static const struct kind kinds[] = {
	{ "plain", "wr", RW, ANON, -1, 0 },
	{ "huge pages", "hg", RW, ANON, MADV_HUGEPAGE, 0 },
	{ "no huge pages", "nh", RW, ANON, MADV_NOHUGEPAGE, 0 },
	{ "in no dump", "dd", RW, ANON, MADV_DONTDUMP, 0 },
	{ "not reserved", "nr", RW, ANON | MAP_NORESERVE, -1, 0 },
	{ "locked", "lo", RW, ANON | MAP_LOCKED, -1, 0 },
	{ "not in a child", "dc", RW, ANON, MADV_DONTFORK, 1 },
	{ "wiped in a child", "wf", RW, ANON, MADV_WIPEONFORK, 1 },
};
#define KINDS (sizeof(kinds) / sizeof(*kinds))

static char *at[KINDS];	   /* mappings with contents */
static char *empty[KINDS]; /* never touched */

/* Does the mapping at this address have the flag? */
static int has_flag(const char *address, const char *flag)
{
	char line[512], want[5] = { ' ', flag[0], flag[1], ' ', 0 };
	FILE *smaps = fopen("/proc/self/smaps", "r");
	unsigned long start, end, here = (unsigned long)address;
	int found = 0, inside = 0;

	while (smaps && fgets(line, sizeof(line), smaps)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			inside = start <= here && here < end;
		else if (inside && !strncmp(line, "VmFlags:", 8))
			found = strstr(line, want) != NULL;
	}
	if (smaps)
		fclose(smaps);
	return found;
}

/* A page between any two, so that the kernel never makes one of them. */
static char *map_one(const struct kind *k)
{
	char *p = mmap(NULL, LEN + 2 * PAGE, PROT_NONE, ANON | MAP_NORESERVE,
		       -1, 0);

	p = mmap(p + PAGE, LEN, k->prot, k->flags | MAP_FIXED, -1, 0);
	if (k->advice >= 0)
		CHECK(!madvise(p, LEN, k->advice));
	return p;
}

/* A file that was opened for writing, mapped for reading. */
static char *map_file(int fd)
{
	char *p;

	CHECK(pwrite(fd, "as it was", 10, 0) == 10);
	p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	CHECK(p != MAP_FAILED);
	return p;
}

/* What of these a child would not get: all, one by its flag, or none.  An empty
 * one that is wiped is as any other. */
static void map_all(const char *hidden)
{
	for (size_t i = 0; i < KINDS; i++) {
		int wanted = !kinds[i].hidden || !strcmp(hidden, "all");

		if (wanted || !strcmp(kinds[i].flag, "wf") ||
		    !strcmp(hidden, kinds[i].flag))
			empty[i] = map_one(&kinds[i]);
		if (wanted ||
		    (!strcmp(hidden, "wf") && !strcmp(kinds[i].flag, "wf"))) {
			at[i] = map_one(&kinds[i]);
			strcpy(at[i] + 3 * PAGE, kinds[i].name);
		}
	}
}

/* A flag that only its own mapping may have. */
static void check_flag(const char *p, size_t i, size_t flag)
{
	int has = p && has_flag(p, kinds[flag].flag);

	if (!flag || !p)
		return;
	if (has != (i == flag))
		printf("FAILED: a mapping that is %s: it has %s flag %s\n",
		       kinds[i].name, has ? "the" : "no", kinds[flag].flag);
	failures += has != (i == flag);
}

static void check_all(void)
{
	for (size_t i = 0; i < KINDS; i++) {
		if (at[i])
			CHECK(!strcmp(at[i] + 3 * PAGE, kinds[i].name));
		for (size_t flag = 0; flag < KINDS; flag++) {
			check_flag(at[i], i, flag);
			check_flag(empty[i], i, flag);
		}
	}
}

int main(int argc, char **argv)
{
	char name[] = "/tmp/cairn-advice-XXXXXX";
	int fd = mkstemp(name);
	char *file = map_file(fd), *hidden, *hole;

	map_all(argc > 1 ? argv[1] : "");
	/* Out of reach, but not empty; and empty. */
	hidden = map_one(&kinds[0]);
	strcpy(hidden, "hidden");
	mprotect(hidden, LEN, PROT_NONE);
	hole = mmap(NULL, 1UL << 40, PROT_NONE, ANON | MAP_NORESERVE, -1, 0);
	CHECK(hole != MAP_FAILED);
	check_all();
	test_ckpt();
	check_all();
	CHECK(!strcmp(file, "as it was"));
	CHECK(pwrite(fd, "as it is!", 10, 0) == 10);
	mprotect(hidden, LEN, PROT_READ);
	CHECK(!strcmp(hidden, "hidden"));
	CHECK(!mprotect(hole + (1UL << 39), PAGE, RW));
	return test_end();
}
