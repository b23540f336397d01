/* SPDX-License-Identifier: BSD-3-Clause */
/* test_tier.c - epochs in burst buffers, copies of them, what is kept of both
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/log.h"
#include "storage/catalog.h"
#include "storage/copy.h"
#include "storage/fault.h"
#include "storage/tier.h"
#include "tests/unit/storage/rig.h"

static char dir[300];	      /* the checkpoint folder */
static char buffer[300];      /* a burst buffer */
static char folder[PATH_MAX]; /* the job's in it */

static void fresh(const char *name)
{
	struct err err = { "" };
	char text[100];
	int fd;

	snprintf(text, sizeof(text), "%s-ck", name);
	close(rig_dir(text));
	snprintf(dir, sizeof(dir), "%s", rig_path(text));
	snprintf(text, sizeof(text), "%s-bb", name);
	close(rig_dir(text));
	snprintf(buffer, sizeof(buffer), "%s", rig_path(text));
	UNIT_OK(tier_folder(buffer, dir, folder, &fd, &err), &err);
	close(fd);
}

/* Commits an epoch whose only image lies in the buffer. */
static json_t *fast_epoch(uint32_t epoch)
{
	struct image_options options = { .threads = 1 };
	struct image_totals totals;
	size_t len = 24 * 4096;
	char *memory = rig_memory(RIG_RANDOM, len, epoch);
	struct err err = { "" };
	json_t *m;
	int fd;

	UNIT_OK(epoch_folder(folder, epoch, 1, &fd, &err), &err);
	UNIT_OK(rig_image(fd, "node-a.img", 2, memory, len, &options, &totals,
			  &err),
		&err);
	close(fd);
	free(memory);
	m = rig_manifest(epoch, &totals);
	json_object_set_new(m, "time", json_string("2026-01-01T00:00:00Z"));
	json_object_set_new(json_array_get(json_object_get(m, "images"), 0),
			    "fast", json_string(folder));
	UNIT_OK(epoch_folder(dir, epoch, 1, &fd, &err), &err);
	UNIT_OK(manifest_commit(fd, m, &err), &err);
	close(fd);
	return m;
}

static const json_t *image_of(const json_t *m)
{
	return json_array_get(json_object_get(m, "images"), 0);
}

/* Copies it to the checkpoint folder and commits it there. */
static void flush(json_t *m)
{
	uint32_t epoch = (uint32_t)json_integer_value(
		json_object_get(m, "epoch"));
	struct copy_control c;
	struct err err = { "" };
	int fd;

	copy_control_init(&c, 0);
	UNIT_OK(epoch_folder(dir, epoch, 0, &fd, &err), &err);
	UNIT_OK(copy_image(folder, epoch, image_of(m), fd, &c, &err), &err);
	UNIT_OK(manifest_flushed(fd, m, &err), &err);
	close(fd);
	copy_control_fini(&c);
}

static json_t *load(uint32_t epoch)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY);
	struct err err = { "" };
	json_t *m = NULL;

	UNIT_OK(manifest_load(fd, epoch, &m, &err), &err);
	close(fd);
	return m;
}

static void damage(const char *where, uint32_t epoch)
{
	char path[PATH_MAX + 64], byte;
	int fd;

	snprintf(path, sizeof(path), "%s/epoch-%06u/node-a.img", where, epoch);
	fd = open(path, O_RDWR);
	CU_ASSERT(pread(fd, &byte, 1, 8) == 1);
	byte = (char)~byte;
	CU_ASSERT(pwrite(fd, &byte, 1, 8) == 1);
	close(fd);
}

static const char *listed(void)
{
	static char text[200];
	struct catalog c;
	struct err err;

	text[0] = '\0';
	if (catalog_load(dir, &c, &err))
		return "not to be listed";
	for (size_t i = 0; i < c.n; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			 "%s%u%s", i ? "," : "", c.epochs[i].epoch,
			 tier_is_fast(c.epochs[i].manifest) ? "f" : "");
	catalog_fini(&c);
	return text;
}

static void committed_in_the_buffer(void)
{
	struct err err = { "" };
	uint32_t newest;
	json_t *m;

	fresh("fast");
	json_decref(fast_epoch(3));
	m = load(3);
	CU_ASSERT(tier_is_fast(m));
	CU_ASSERT_STRING_EQUAL(tier_name(m), "burst-buffer");
	UNIT_OK(epoch_verify(dir, 3, &err), &err);
	damage(folder, 3);
	UNIT_FAILS(epoch_verify(dir, 3, &err), -EBADMSG, &err, "epoch 3");
	UNIT_FAILS(epoch_newest(dir, 0, &newest, &err), -ENOENT, &err, dir);
	json_decref(m);
}

/* A sound image, but not the one that was committed. */
static void of_another_epoch(void)
{
	char from[PATH_MAX + 64], to[PATH_MAX + 64];
	struct err err = { "" };

	fresh("other");
	json_decref(fast_epoch(3));
	json_decref(fast_epoch(4));
	snprintf(from, sizeof(from), "%s/epoch-000003/node-a.img", folder);
	snprintf(to, sizeof(to), "%s/epoch-000004/node-a.img", folder);
	CU_ASSERT(!rename(from, to));
	UNIT_FAILS(epoch_verify(dir, 4, &err), -EBADMSG, &err, "node-a.img");
	UNIT_FAILS(epoch_verify(dir, 3, &err), -EREMOTE, &err, "node a");
}

static void on_another_node(void)
{
	char away[PATH_MAX + 8];
	struct err err = { "" };
	json_t *m = NULL;
	uint32_t newest = 0;

	fresh("remote");
	json_decref(fast_epoch(3));
	snprintf(away, sizeof(away), "%s-2", folder);
	CU_ASSERT(!rename(folder, away));
	UNIT_FAILS(epoch_check(dir, 3, 1, &m, &err), -EREMOTE, &err,
		   "burst buffer of node a");
	CU_ASSERT_PTR_NOT_NULL(m); /* the manifest itself is good */
	json_decref(m);
	UNIT_OK(epoch_newest(dir, 0, &newest, &err), &err);
	CU_ASSERT_EQUAL(newest, 3);
}

static void flushed(void)
{
	struct err err = { "" };
	json_t *m, *old;
	struct image *im;
	int fd;

	fresh("flushed");
	old = fast_epoch(3);
	flush(old);
	m = load(3);
	CU_ASSERT(!tier_is_fast(m));
	CU_ASSERT(json_is_string(json_object_get(m, "flushed")));
	UNIT_OK(epoch_verify(dir, 3, &err), &err);
	/* The buffer's copy is not needed, and one that is bad does no harm. */
	UNIT_OK(epoch_folder(dir, 3, 0, &fd, &err), &err);
	damage(folder, 3);
	UNIT_OK(tier_image_open(fd, m, image_of(m), true, &im, &err), &err);
	image_close(im);
	UNIT_OK(tier_sweep(folder, NULL, 0, 4, &err), &err);
	CU_ASSERT(access(folder, F_OK));
	UNIT_OK(epoch_verify(dir, 3, &err), &err);
	/* But the folder's own is what counts there. */
	damage(dir, 3);
	CU_ASSERT(epoch_verify(dir, 3, &err));
	close(fd);
	json_decref(m);
	json_decref(old);
}

static void removed_meanwhile(void)
{
	struct err err = { "" };
	json_t *m;
	int fd;

	fresh("meanwhile");
	m = fast_epoch(3);
	UNIT_OK(epoch_folder(dir, 3, 0, &fd, &err), &err);
	/* Not all images are there: no commit. */
	UNIT_FAILS(manifest_flushed(fd, m, &err), -ENOENT, &err, "node-a.img");
	CU_ASSERT_STRING_EQUAL(listed(), "3f");
	CU_ASSERT(!unlinkat(fd, MANIFEST_NAME, 0));
	UNIT_FAILS(manifest_flushed(fd, m, &err), -ENOENT, &err, "removed");
	close(fd);
	json_decref(m);
}

/* The whole of a flush, to die in. */
static int flush_child(void *arg)
{
	flush(arg);
	return 0;
}

static void killed(void)
{
	static const enum fault faults[] = {
		FAULT_COMMIT_CREATED, FAULT_COMMIT_WRITTEN, FAULT_COMMIT_SYNCED,
		FAULT_COMMIT_RENAMED, FAULT_COMMIT_DONE
	};
	static const char *const files[] = { "node-a.img", MANIFEST_NAME };
	struct err err = { "" };
	char name[100];

	for (size_t i = 0; i < 10; i++) {
		enum fault fault = faults[i % 5];
		bool after = i >= 5 && fault >= FAULT_COMMIT_RENAMED;
		json_t *m;
		int status;

		snprintf(name, sizeof(name), "killed%zu", i);
		fresh(name);
		m = fast_epoch(3);
		snprintf(name, sizeof(name), "%s:%s", fault_name(fault),
			 files[i / 5]);
		setenv("CAIRN_FAULT", name, 1);
		status = rig_child(flush_child, m);
		unsetenv("CAIRN_FAULT");
		CU_ASSERT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		/* Either manifest, and it is true. */
		CU_ASSERT_STRING_EQUAL(listed(), after ? "3" : "3f");
		UNIT_OK(epoch_verify(dir, 3, &err), &err);
		flush(m);
		CU_ASSERT_STRING_EQUAL(listed(), "3");
		UNIT_OK(epoch_verify(dir, 3, &err), &err);
		json_decref(m);
	}
}

static void bad_source(void)
{
	struct copy_control c;
	struct err err = { "" };
	json_t *m;
	int fd, temporary;

	fresh("source");
	m = fast_epoch(3);
	damage(folder, 3);
	copy_control_init(&c, 0);
	UNIT_OK(epoch_folder(dir, 3, 0, &fd, &err), &err);
	CU_ASSERT(copy_image(folder, 3, image_of(m), fd, &c, &err));
	CU_ASSERT_EQUAL(rig_names(fd, &temporary), 1); /* the manifest */
	close(fd);
	copy_control_fini(&c);
	json_decref(m);
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void *cancel_soon(void *arg)
{
	copy_cancel(arg);
	return NULL;
}

static void throttled(void)
{
	struct copy_control c;
	struct err err = { "" };
	struct stat st;
	pthread_t thread;
	char path[PATH_MAX + 64];
	uint64_t begun;
	json_t *m;
	int fd, temporary;

	fresh("rate");
	m = fast_epoch(3);
	snprintf(path, sizeof(path), "%s/epoch-000003/node-a.img", folder);
	CU_ASSERT(!stat(path, &st));
	UNIT_OK(epoch_folder(dir, 3, 0, &fd, &err), &err);
	/* A fifth of a second, at this rate. */
	copy_control_init(&c, (uint64_t)st.st_size * 5);
	begun = now_ms();
	UNIT_OK(copy_image(folder, 3, image_of(m), fd, &c, &err), &err);
	CU_ASSERT(now_ms() - begun >= 200);
	/* Hours, at this one; but it can be stopped. */
	copy_rate(&c, 1);
	CU_ASSERT(!pthread_create(&thread, NULL, cancel_soon, &c));
	UNIT_FAILS(copy_image(folder, 3, image_of(m), fd, &c, &err), -ECANCELED,
		   &err, "stopped");
	pthread_join(thread, NULL);
	/* the manifest, and the first copy: nothing half */
	CU_ASSERT_EQUAL(rig_names(fd, &temporary), 2);
	CU_ASSERT_EQUAL(temporary, 0);
	close(fd);
	copy_control_fini(&c);
	json_decref(m);
}

static void kept(void)
{
	struct err err = { "" };

	fresh("kept");
	for (uint32_t e = 1; e <= 6; e++) {
		json_t *m = fast_epoch(e);

		if (e == 2 || e == 3)
			flush(m);
		json_decref(m);
	}
	CU_ASSERT_STRING_EQUAL(listed(), "1f,2,3,4f,5f,6f");
	/* The newest of both tiers, and what is being flushed. */
	UNIT_OK(prune(dir, 2, 4, &err), &err);
	CU_ASSERT_STRING_EQUAL(listed(), "2,3,4f,5f,6f");
	UNIT_OK(prune(dir, 2, 0, &err), &err);
	CU_ASSERT_STRING_EQUAL(listed(), "2,3,5f,6f");
	UNIT_OK(prune(dir, 1, 0, &err), &err);
	CU_ASSERT_STRING_EQUAL(listed(), "3,6f");
	/* A damaged copy in the folder is no reason to lose the other. */
	damage(dir, 3);
	UNIT_OK(prune(dir, 1, 0, &err), &err);
	CU_ASSERT_STRING_EQUAL(listed(), "3,6f");
}

static void swept(void)
{
	static const uint32_t keep[] = { 2 };
	struct err err = { "" };
	char stranger[PATH_MAX + 16];

	fresh("swept");
	for (uint32_t e = 1; e <= 4; e++)
		json_decref(fast_epoch(e));
	UNIT_OK(tier_sweep(folder, keep, 1, 4, &err), &err);
	CU_ASSERT(epoch_verify(dir, 1, &err) == -EREMOTE);
	UNIT_OK(epoch_verify(dir, 2, &err), &err);
	CU_ASSERT(epoch_verify(dir, 3, &err) == -EREMOTE);
	UNIT_OK(epoch_verify(dir, 4, &err), &err); /* maybe under way */
	snprintf(stranger, sizeof(stranger), "%s/mine", folder);
	CU_ASSERT(!mkdir(stranger, 0700));
	UNIT_OK(tier_sweep(folder, NULL, 0, UINT32_MAX, &err), &err);
	CU_ASSERT(!access(stranger, F_OK)); /* not ours to remove */
	UNIT_OK(tier_sweep("/nowhere/at/all", NULL, 0, 9, &err), &err);
}

/* Whoever can write to the buffer must not lead us elsewhere. */
static void links(void)
{
	char path[PATH_MAX], elsewhere[300];
	struct err err = { "" };
	int fd;

	fresh("links");
	close(rig_dir("elsewhere"));
	snprintf(elsewhere, sizeof(elsewhere), "%s", rig_path("elsewhere"));
	UNIT_OK(tier_sweep(folder, NULL, 0, UINT32_MAX, &err), &err);
	CU_ASSERT(!symlink(elsewhere, folder));
	UNIT_FAILS(tier_folder(buffer, dir, path, &fd, &err), -ENOTDIR, &err,
		   folder);
	CU_ASSERT(!unlink(folder));
	CU_ASSERT(!mkdir(folder, 0700) && !chmod(folder, 0777));
	UNIT_FAILS(tier_folder(buffer, dir, path, &fd, &err), -EPERM, &err,
		   "others may write");
	CU_ASSERT(!tier_path_ok("relative/x"));
	CU_ASSERT(!tier_path_ok("/a/../b"));
	CU_ASSERT(!tier_path_ok("/a/.."));
	CU_ASSERT(!tier_path_ok("/"));
	CU_ASSERT(!tier_path_ok(NULL));
}

static void count_named(void *arg, const char *path, const char *origin)
{
	CU_ASSERT_STRING_EQUAL(path, folder);
	CU_ASSERT_STRING_EQUAL(origin, dir);
	++*(int *)arg;
}

static void orphans(void)
{
	char path[PATH_MAX];
	struct err err = { "" };
	int n = 0, fd;

	fresh("orphans");
	CU_ASSERT_EQUAL(tier_orphans(buffer, count_named, &n), 0);
	/* Another job's, which lives. */
	UNIT_OK(tier_folder(buffer, unit_tmpdir(), path, &fd, &err), &err);
	close(fd);
	CU_ASSERT(!rmdir(dir));
	CU_ASSERT_EQUAL(tier_orphans(buffer, count_named, &n), 1);
	CU_ASSERT_EQUAL(n, 1);
}

static const struct unit_test tests[] = {
	{ "an epoch is committed in a buffer", committed_in_the_buffer },
	{ "an image of another epoch is refused", of_another_epoch },
	{ "images on another node are named", on_another_node },
	{ "a flush commits it in the folder", flushed },
	{ "a flush that has no epoch any more fails", removed_meanwhile },
	{ "a flush that is killed leaves one epoch or the other", killed },
	{ "a damaged image is not flushed", bad_source },
	{ "a copy keeps to its rate, and stops", throttled },
	{ "the newest of both tiers are kept", kept },
	{ "buffers are swept", swept },
	{ "links and others' folders are refused", links },
	{ "what dead jobs left is found", orphans },
	{ NULL, NULL },
};

static const struct unit_suite suites[] = {
	{ "tier", tests },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	log_init("test", "err");
	return unit_main(argc, argv, suites);
}
