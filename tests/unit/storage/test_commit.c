/* SPDX-License-Identifier: BSD-3-Clause */
/* test_commit.c - whatever dies or fails, the older epoch stays (I1, I7) */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/log.h"
#include "storage/commit.h"
#include "storage/fault.h"
#include "tests/unit/storage/rig.h"

static char dir[300];

static void fresh(const char *name)
{
	struct err err = { "" };

	snprintf(dir, sizeof(dir), "%s", rig_path(name));
	UNIT_OK(rig_epoch(dir, 1, 1, &err), &err);
}

static uint32_t newest(void)
{
	struct err err = { "" };
	uint32_t epoch = 0;

	UNIT_OK(epoch_newest(dir, 1, &epoch, &err), &err);
	return epoch;
}

/* --- killed --------------------------------------------------------------- */

static int commit_two(void *fault)
{
	struct err err;

	setenv("CAIRN_FAULT", fault, 1);
	return rig_epoch(dir, 2, 2, &err) ? 1 : 0;
}

static void killed_at(const char *file)
{
	for (int f = FAULT_COMMIT_CREATED; f <= FAULT_COMMIT_DONE; f++) {
		char fault[100], name[100];
		struct err err = { "" };
		int status, is_visible;

		snprintf(name, sizeof(name), "kill-%d-%s", f, file);
		snprintf(fault, sizeof(fault), "%s:%s",
			 fault_name((enum fault)f), file);
		fresh(name);
		status = rig_child(commit_two, fault);
		CU_ASSERT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		is_visible = f >= FAULT_COMMIT_RENAMED &&
			     !strcmp(file, MANIFEST_NAME);
		CU_ASSERT_EQUAL(newest(), is_visible ? 2 : 1);
		/* Who comes next is not in the way of what was left. */
		UNIT_OK(rig_epoch(dir, 3, 3, &err), &err);
		CU_ASSERT_EQUAL(newest(), 3);
		UNIT_OK(prune(dir, 1, 0, &err), &err);
		CU_ASSERT_EQUAL(newest(), 3);
	}
}

static void killed_while_imaging(void)
{
	killed_at("node-a.img");
}

static void killed_while_committing(void)
{
	killed_at(MANIFEST_NAME);
}

static void tried_again(void)
{
	char fault[] = "commit-synced:node-a.img";
	struct err err = { "" };

	fresh("again");
	CU_ASSERT(WIFSIGNALED(rig_child(commit_two, fault)));
	/* The same epoch's number, with its leftover still there. */
	UNIT_OK(rig_epoch(dir, 2, 2, &err), &err);
	CU_ASSERT_EQUAL(newest(), 2);
}

static int prune_to_one(void *fault)
{
	struct err err;

	setenv("CAIRN_FAULT", fault, 1);
	return prune(dir, 1, 0, &err) ? 1 : 0;
}

static void killed_while_pruning(void)
{
	static const enum fault faults[] = { FAULT_PRUNE_MANIFEST,
					     FAULT_PRUNE_FILES };

	for (size_t i = 0; i < 2; i++) {
		char fault[100], name[100];
		struct err err = { "" };
		struct catalog c;

		snprintf(name, sizeof(name), "prune-%zu", i);
		snprintf(fault, sizeof(fault), "%s", fault_name(faults[i]));
		fresh(name);
		UNIT_OK(rig_epoch(dir, 2, 2, &err), &err);
		UNIT_OK(rig_epoch(dir, 3, 3, &err), &err);
		CU_ASSERT(WIFSIGNALED(rig_child(prune_to_one, fault)));
		UNIT_OK(catalog_load(dir, &c, &err), &err);
		CU_ASSERT_EQUAL(c.n, 2); /* 1 is no longer committed */
		for (size_t k = 0; k < c.n; k++)
			UNIT_OK(epoch_verify(dir, c.epochs[k].epoch, &err),
				&err);
		catalog_fini(&c);
		UNIT_OK(prune(dir, 1, 0, &err), &err);
		CU_ASSERT_EQUAL(newest(), 3);
	}
}

/* --- failing calls -------------------------------------------------------- */

static void failing_call(enum fault fault, int code, const char *words)
{
	struct err err = { "" };
	int temporary, fd;

	fresh(fault_name(fault));
	setenv("CAIRN_FAULT", fault_name(fault), 1);
	UNIT_FAILS(rig_epoch(dir, 2, 2, &err), code, &err, words);
	unsetenv("CAIRN_FAULT");
	CU_ASSERT_EQUAL(newest(), 1);
	if (!epoch_folder(dir, 2, 1, &fd, &err)) {
		CU_ASSERT_EQUAL(rig_names(fd, &temporary), 0);
		close(fd);
	}
	UNIT_OK(rig_epoch(dir, 2, 2, &err), &err);
	CU_ASSERT_EQUAL(newest(), 2);
}

static void calls_fail(void)
{
	failing_call(FAULT_WRITE_EIO, -EIO, "cannot write node-a.img: input");
	failing_call(FAULT_WRITE_ENOSPC, -ENOSPC, "prune old epochs");
	failing_call(FAULT_FSYNC_EIO, -EIO, "cannot sync node-a.img");
	failing_call(FAULT_DIR_FSYNC_EIO, -EIO, "cannot sync the folder");
}

static void short_writes(void)
{
	struct err err = { "" };

	fresh("short");
	setenv("CAIRN_FAULT", fault_name(FAULT_WRITE_SHORT), 1);
	UNIT_OK(rig_epoch(dir, 2, 2, &err), &err);
	unsetenv("CAIRN_FAULT");
	CU_ASSERT_EQUAL(newest(), 2);
}

/* --- a full disk -----------------------------------------------------------
 */

enum full { FULL_RIGHT, FULL_WRONG, FULL_SKIPPED };

/* In a child with its own mounts: a tmpfs of 8 MiB takes epoch 1 but not the
 * 16 MiB of epoch 2. */
static int fill_disk(void *arg)
{
	struct image_totals totals;
	struct err err = { "" };
	size_t len = 16 << 20;
	char *memory;
	uint32_t epoch = 0;
	int fd, temporary, rc;

	(void)arg;
	if (unshare(CLONE_NEWNS | (geteuid() ? CLONE_NEWUSER : 0)) ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", dir, "tmpfs", 0, "size=8m,mode=700"))
		return FULL_SKIPPED;
	if (rig_epoch(dir, 1, 1, &err) || epoch_folder(dir, 2, 1, &fd, &err))
		return FULL_WRONG;
	memory = rig_memory(RIG_RANDOM, len, 1);
	rc = rig_image(fd, "node-a.img", 1, memory, len, NULL, &totals, &err);
	free(memory);
	unit_note("%s", err.text);
	fflush(stdout);
	if (rc != -ENOSPC || !strstr(err.text, "free space") ||
	    rig_names(fd, &temporary) != 0)
		return FULL_WRONG;
	/* The space is given back, and the older epoch is whole. */
	if (epoch_newest(dir, 1, &epoch, &err) || epoch != 1 ||
	    rig_epoch(dir, 3, 3, &err))
		return FULL_WRONG;
	return FULL_RIGHT;
}

static void full_disk(void)
{
	int status;

	fresh("full");
	status = rig_child(fill_disk, NULL);
	if (WIFEXITED(status) && WEXITSTATUS(status) == FULL_SKIPPED)
		unit_skip("no private mounts here");
	else
		CU_ASSERT_EQUAL(status, FULL_RIGHT);
}

/* --- the function itself ---------------------------------------------------
 */

static void replaces_whole(void)
{
	struct err err = { "" };
	struct commit c;
	size_t len;
	char *text;
	int fd = rig_dir("replace"), temporary;

	UNIT_OK(commit_file(fd, "a", "one", 3, 0, &err), &err);
	UNIT_OK(commit_file(fd, "a", "twotwo", 6, 0, &err), &err);
	UNIT_FAILS(commit_file(fd, "a", "three", 5, 1, &err), -EEXIST, &err,
		   "a is there already");
	UNIT_OK(commit_begin(&c, fd, "a", 0, &err), &err);
	UNIT_OK(commit_pwrite(c.fd, "x", 1, 0, "a", &err), &err);
	commit_abort(&c);
	commit_abort(&c);
	text = rig_slurp(fd, "a", &len);
	CU_ASSERT(len == 6 && !memcmp(text, "twotwo", 6));
	CU_ASSERT_EQUAL(rig_names(fd, &temporary), 1);
	UNIT_FAILS(commit_file(fd, "../a", "x", 1, 0, &err), -EINVAL, &err,
		   "plain");
	UNIT_FAILS(commit_file(fd, "", "x", 1, 0, &err), -EINVAL, &err,
		   "plain");
	/* a failing fsync or write leaves the old file, and nothing else */
	setenv("CAIRN_FAULT", fault_name(FAULT_FSYNC_EIO), 1);
	UNIT_FAILS(commit_file(fd, "a", "x", 1, 0, &err), -EIO, &err, "sync");
	CU_ASSERT_EQUAL(rig_names(fd, &temporary), 1);
	setenv("CAIRN_FAULT", fault_name(FAULT_WRITE_EIO), 1);
	UNIT_FAILS(commit_file(fd, "a", "x", 1, 0, &err), -EIO, &err, "write");
	unsetenv("CAIRN_FAULT");
	CU_ASSERT_EQUAL(rig_names(fd, &temporary), 1);
	CU_ASSERT_EQUAL(temporary, 0);
	free(text);
	close(fd);
}

static const struct unit_test tests[] = {
	{ "a file is replaced whole or not at all", replaces_whole },
	{ "killed at each step of an image, the older epoch stays",
	  killed_while_imaging },
	{ "killed at each step of the commit, an epoch is whole",
	  killed_while_committing },
	{ "a killed epoch can be tried again", tried_again },
	{ "killed while pruning, what is committed is whole",
	  killed_while_pruning },
	{ "a failing call leaves the older epoch and a sentence", calls_fail },
	{ "short writes are continued", short_writes },
	{ "a full disk leaves the older epoch and a sentence", full_disk },
	{ NULL, NULL },
};

static const struct unit_suite suites[] = {
	{ "commit", tests },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	log_init("test", "err");
	return unit_main(argc, argv, suites);
}
