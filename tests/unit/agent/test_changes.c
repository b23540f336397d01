/* SPDX-License-Identifier: BSD-3-Clause */
/* test_changes.c - what a rank says has changed: read, and refused */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/agent/changes.h"
#include "tests/lib/unit.h"

#define PAGE 4096ull
#define AT   8192 /* of the list in its file */

static const struct delta_record good[] = {
	{ 0x10000 | DELTA_TRACKED, 0x20000 },
	{ 0x12000, 0x13000 },
	{ 0x1f000, 0x20000 },
	{ 0x20000 | DELTA_TRACKED, 0x24000 },
	{ 0x40000 | DELTA_TRACKED, 0x50000 },
	{ 0x12000, 0x15000 }, /* told of again */
	{ 0x30000, 0x31000 }, /* of what is not tracked */
};
#define GOOD (sizeof(good) / sizeof(*good))

static int list(const struct delta *head, const struct delta_record *r,
		size_t n)
{
	int fd = memfd_create("list", MFD_CLOEXEC);

	if (pwrite(fd, head, sizeof(*head), AT) != (ssize_t)sizeof(*head) ||
	    pwrite(fd, r, n * sizeof(*r), AT + sizeof(*head)) !=
		    (ssize_t)(n * sizeof(*r)))
		CU_FAIL("cannot write the list");
	return fd;
}

static int read_list(struct changes *c, int fd, uint64_t at, struct err *err)
{
	off_t len = lseek(fd, 0, SEEK_END);
	int rc = changes_read(c, fd, at, (uint64_t)len, err);

	close(fd);
	return rc;
}

static void answers(void)
{
	static const struct {
		uint64_t addr, end;
		bool clean;
	} wanted[] = {
		{ 0x0, 0x10000, false },     { 0x10000, 0x12000, true },
		{ 0x12000, 0x15000, false }, { 0x14000, 0x15000, false },
		{ 0x15000, 0x1f000, true },  { 0x1f000, 0x20000, false },
		{ 0x20000, 0x24000, true },  { 0x24000, 0x40000, false },
		{ 0x40000, 0x50000, true },  { 0x50000, 0x60000, false },
	};
	struct delta head = { .magic = DELTA_MAGIC, .since = 7, .count = GOOD };
	struct err err = { "" };
	struct changes c;

	UNIT_OK(read_list(&c, list(&head, good, GOOD), AT, &err), &err);
	CU_ASSERT_EQUAL(c.since, 7);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++) {
		uint64_t end = 0x60000;

		CU_ASSERT_EQUAL(changes_clean(&c, wanted[i].addr, &end),
				wanted[i].clean);
		CU_ASSERT_EQUAL(end, wanted[i].end);
	}
	changes_fini(&c);
}

static void nothing_known(void)
{
	struct delta head = { .magic = DELTA_MAGIC, .count = GOOD, .why = "x" };
	struct err err = { "" };
	struct changes c;
	uint64_t end = 0x11000;

	UNIT_OK(read_list(&c, list(&head, good, GOOD), AT, &err), &err);
	CU_ASSERT_EQUAL(c.since, 0);
	CU_ASSERT_STRING_EQUAL(c.why, "x");
	CU_ASSERT(!changes_clean(&c, 0x10000, &end));
	changes_fini(&c);
	UNIT_OK(read_list(&c, list(&head, good, GOOD), 0, &err), &err);
	CU_ASSERT(!changes_clean(&c, 0x10000, &end));
	changes_fini(&c);
}

static void refused(const struct delta *head, struct delta_record one,
		    uint64_t at)
{
	struct err err = { "" };
	struct changes c;

	UNIT_FAILS(read_list(&c, list(head, &one, 1), at, &err), -EPROTO, &err,
		   "malformed");
}

static void malformed(void)
{
	const struct delta head = { .magic = DELTA_MAGIC,
				    .since = 7,
				    .count = 1 };
	struct delta_record one = { 0x1000, 0x2000 };
	struct delta bent = head;

	refused(&head, one, AT + 8);
	refused(&head, one, 4 * AT);
	refused(&head, one, ~0ull - 4095);
	bent.magic++;
	refused(&bent, one, AT);
	bent = head;
	bent.reserved = 1;
	refused(&bent, one, AT);
	bent = head;
	bent.count = 2;
	refused(&bent, one, AT);
	bent.count = 1ull << 60;
	refused(&bent, one, AT);
	refused(&head, (struct delta_record){ 0x1000, 0x1000 }, AT);
	refused(&head, (struct delta_record){ 0x2000, 0x1000 }, AT);
	refused(&head, (struct delta_record){ 0x1002, 0x2000 }, AT);
	refused(&head, (struct delta_record){ 0x1000, 0x2001 }, AT);
}

static const struct unit_test tests[] = {
	{ "memory is clean where it is tracked and not told of", answers },
	{ "without a list nothing is clean", nothing_known },
	{ "a malformed list is refused", malformed },
	{ NULL, NULL },
};

static const struct unit_suite suites[] = {
	{ "changes", tests },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	return unit_main(argc, argv, suites);
}
