/* SPDX-License-Identifier: BSD-3-Clause */
/* test_epoch.c - catalog, newest, verify, prune, owners (I1, I2, I9) */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/log.h"
#include "tests/unit/storage/rig.h"

static char dir[300];

static void fresh(const char *name, uint32_t first, uint32_t last)
{
	struct err err = { "" };

	snprintf(dir, sizeof(dir), "%s", rig_path(name));
	for (uint32_t e = first; e <= last; e++)
		UNIT_OK(rig_epoch(dir, e, e, &err), &err);
}

static char *file_of(uint32_t epoch, const char *name)
{
	static char path[400];

	snprintf(path, sizeof(path), "%s/epoch-%06u/%s", dir, epoch, name);
	return path;
}

static void damage(uint32_t epoch, const char *name, off_t at)
{
	int fd = open(file_of(epoch, name), O_RDWR);
	char c = 0;

	CU_ASSERT(fd >= 0);
	CU_ASSERT_EQUAL(pread(fd, &c, 1, at), 1);
	c = (char)(c ^ 0x10);
	CU_ASSERT_EQUAL(pwrite(fd, &c, 1, at), 1);
	close(fd);
}

/* "1,2,3" of what is committed */
static const char *committed(void)
{
	static char text[100];
	struct catalog c;
	struct err err = { "" };
	size_t n = 0;

	text[0] = '\0';
	UNIT_OK(catalog_load(dir, &c, &err), &err);
	for (size_t i = 0; i < c.n; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%u",
				      i ? "," : "", c.epochs[i].epoch);
	catalog_fini(&c);
	return text;
}

static void in_order(void)
{
	struct err err = { "" };
	struct catalog c;
	int fd;

	fresh("order", 9, 11);
	UNIT_OK(rig_epoch(dir, 1000000, 1, &err), &err);
	UNIT_OK(epoch_folder(dir, 12, 1, &fd, &err), &err); /* not committed */
	close(fd);
	CU_ASSERT_STRING_EQUAL(committed(), "9,10,11,1000000");
	UNIT_FAILS(epoch_folder(dir, 9, 1, &fd, &err), -EEXIST, &err,
		   "epoch 9 is committed already");
	UNIT_FAILS(epoch_folder(dir, 13, 0, &fd, &err), -ENOENT, &err,
		   "epoch-000013");
	UNIT_FAILS(catalog_load("/nonexistent", &c, &err), -ENOENT, &err,
		   "/nonexistent");
}

static void newest_that_verifies(void)
{
	struct err err = { "" };
	uint32_t epoch = 0;

	fresh("newest", 1, 4);
	UNIT_OK(epoch_newest(dir, 1, &epoch, &err), &err);
	CU_ASSERT_EQUAL(epoch, 4);
	damage(4, "node-a.img", 4096 + 100); /* a chunk */
	UNIT_FAILS(epoch_verify(dir, 4, &err), -EBADMSG, &err,
		   "epoch 4: node-a.img is damaged");
	UNIT_OK(epoch_newest(dir, 1, &epoch, &err), &err);
	CU_ASSERT_EQUAL(epoch, 3);
	UNIT_OK(epoch_newest(dir, 0, &epoch, &err), &err);
	CU_ASSERT_EQUAL(epoch, 4); /* a shallow look does not read chunks */
	damage(3, MANIFEST_NAME, 20);
	CU_ASSERT(!unlink(file_of(4, "node-a.img")));
	UNIT_OK(epoch_newest(dir, 0, &epoch, &err), &err);
	CU_ASSERT_EQUAL(epoch, 2);
	CU_ASSERT(!truncate(file_of(2, "node-a.img"), 9000));
	damage(1, "node-a.img", 0);
	UNIT_FAILS(epoch_newest(dir, 0, &epoch, &err), -ENOENT, &err,
		   "no epoch");
}

static void swapped_image(void)
{
	struct err err = { "" };
	char old[400];

	fresh("swapped", 1, 2);
	snprintf(old, sizeof(old), "%s", file_of(1, "node-a.img"));
	CU_ASSERT(!rename(old, file_of(2, "node-a.img")));
	UNIT_FAILS(epoch_verify(dir, 2, &err), -EBADMSG, &err, "epoch 2");
	UNIT_FAILS(epoch_verify(dir, 1, &err), -EBADMSG, &err, "node-a.img");
}

static void prune_keeps(void)
{
	struct err err = { "" };
	int fd;

	fresh("prune", 1, 5);
	UNIT_OK(epoch_folder(dir, 6, 1, &fd, &err), &err); /* under way */
	close(fd);
	UNIT_OK(epoch_folder(dir, 0, 1, &fd, &err), &err); /* left over */
	rig_spill(fd, ".node-a.img.tmp", "x", 1);
	close(fd);
	UNIT_OK(prune(dir, 3, 0, &err), &err);
	CU_ASSERT_STRING_EQUAL(committed(), "3,4,5");
	CU_ASSERT(access(file_of(0, ""), F_OK));
	CU_ASSERT(access(file_of(2, ""), F_OK));
	CU_ASSERT(!access(file_of(6, ""), F_OK));
	UNIT_OK(prune(dir, 0, 0, &err), &err); /* never the newest */
	CU_ASSERT_STRING_EQUAL(committed(), "5");
	UNIT_OK(epoch_verify(dir, 5, &err), &err);
}

static void prune_counts_good_ones(void)
{
	struct err err = { "" };

	fresh("good", 1, 4);
	damage(4, MANIFEST_NAME, 20);
	damage(3, "node-a.img", 8);
	UNIT_OK(prune(dir, 1, 0, &err), &err);
	/* 2 is the newest good one; 3 and 4 are for a person to look at */
	CU_ASSERT_STRING_EQUAL(committed(), "2,3");
	CU_ASSERT(!access(file_of(4, ""), F_OK));
	damage(2, "node-a.img", 8);
	UNIT_OK(prune(dir, 1, 0, &err), &err); /* no good one: nothing goes */
	CU_ASSERT_STRING_EQUAL(committed(), "2,3");
}

static void writable_by_others(void)
{
	struct err err = { "" };
	struct catalog c;
	uint32_t epoch;

	fresh("writable", 1, 1);
	CU_ASSERT(!chmod(file_of(1, "node-a.img"), 0620));
	UNIT_FAILS(epoch_verify(dir, 1, &err), -EPERM, &err,
		   "others may write to node-a.img");
	CU_ASSERT(!chmod(file_of(1, "node-a.img"), 0600));
	CU_ASSERT(!chmod(file_of(1, MANIFEST_NAME), 0602));
	UNIT_FAILS(epoch_verify(dir, 1, &err), -EPERM, &err, "manifest.json");
	CU_ASSERT(!chmod(file_of(1, MANIFEST_NAME), 0600));
	CU_ASSERT(!chmod(file_of(1, ""), 0770));
	UNIT_FAILS(epoch_verify(dir, 1, &err), -EPERM, &err, "epoch-000001");
	CU_ASSERT(!chmod(file_of(1, ""), 0700));
	CU_ASSERT(!chmod(dir, 0777));
	UNIT_FAILS(catalog_load(dir, &c, &err), -EPERM, &err, "chmod go-w");
	UNIT_FAILS(epoch_newest(dir, 1, &epoch, &err), -EPERM, &err, dir);
	UNIT_FAILS(rig_epoch(dir, 2, 2, &err), -EPERM, &err, dir);
	CU_ASSERT(!chmod(dir, 0700));
	UNIT_OK(epoch_verify(dir, 1, &err), &err);
}

static void of_somebody_else(void)
{
	struct err err = { "" };
	struct catalog c;

	if (geteuid()) {
		unit_skip("only root can give a file away");
		return;
	}
	fresh("stranger", 1, 1);
	CU_ASSERT(!chown(file_of(1, "node-a.img"), 65534, 65534));
	UNIT_FAILS(epoch_verify(dir, 1, &err), -EPERM, &err,
		   "belongs to user 65534");
	CU_ASSERT(!chown(file_of(1, "node-a.img"), 0, 0));
	CU_ASSERT(!chown(file_of(1, MANIFEST_NAME), 65534, 65534));
	UNIT_FAILS(epoch_verify(dir, 1, &err), -EPERM, &err,
		   "belongs to user 65534");
	CU_ASSERT(!chown(dir, 65534, 65534));
	UNIT_FAILS(catalog_load(dir, &c, &err), -EPERM, &err,
		   "belongs to user 65534");
	CU_ASSERT(!chown(dir, 0, 0));
}

static void links_are_not_followed(void)
{
	struct err err = { "" };
	char target[400];

	fresh("links", 1, 2);
	snprintf(target, sizeof(target), "%s", file_of(1, "node-a.img"));
	CU_ASSERT(!unlink(file_of(2, "node-a.img")));
	CU_ASSERT(!symlink(target, file_of(2, "node-a.img")));
	UNIT_FAILS(epoch_verify(dir, 2, &err), -ELOOP, &err, "node-a.img");
	CU_ASSERT(!unlink(file_of(2, "node-a.img")));
	CU_ASSERT(!mkfifo(file_of(2, "node-a.img"), 0600));
	UNIT_FAILS(epoch_verify(dir, 2, &err), -EPERM, &err, "regular file");
}

static const struct unit_test tests[] = {
	{ "committed epochs are listed in order", in_order },
	{ "the newest is the newest that verifies", newest_that_verifies },
	{ "an image of another epoch is refused", swapped_image },
	{ "prune keeps the newest and what is under way", prune_keeps },
	{ "prune counts good epochs only", prune_counts_good_ones },
	{ "what others may write to is refused", writable_by_others },
	{ "what belongs to somebody else is refused", of_somebody_else },
	{ "links and pipes are refused", links_are_not_followed },
	{ NULL, NULL },
};

static const struct unit_suite suites[] = {
	{ "epoch", tests },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	log_init("test", "err"); /* damage is warned of */
	return unit_main(argc, argv, suites);
}
