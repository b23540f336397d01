/* SPDX-License-Identifier: BSD-3-Clause */
/* test_manifest.c - a manifest is whole, or it is not one */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/storage/rig.h"

static const struct image_totals totals = {
	.bytes = 3,
	.memory_bytes = 8192,
	.index_digest = 0xfedcba9876543210
};

/* An epoch's folder with something that is as long as an image. */
static int epoch_dir(const char *name, uint32_t epoch)
{
	struct err err;
	int fd;

	if (epoch_folder(rig_path(name), epoch, 1, &fd, &err))
		abort();
	rig_spill(fd, "node-a.img", "abc", 3);
	return fd;
}

static void comes_back(void)
{
	struct err err = { "" };
	json_t *m = rig_manifest(7, &totals), *again = NULL, *images;
	int fd = epoch_dir("back", 7), dir = rig_dir("back");

	UNIT_OK(manifest_commit(fd, m, &err), &err);
	CU_ASSERT_PTR_NULL(json_object_get(m, "checksum"));
	UNIT_OK(manifest_load(dir, 7, &again, &err), &err);
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(again, "format")),
			MANIFEST_FORMAT);
	CU_ASSERT_EQUAL(strlen(json_string_value(
				json_object_get(again, "time"))),
			20);
	images = json_object_get(again, "images");
	CU_ASSERT(json_equal(images, json_object_get(m, "images")));
	CU_ASSERT_STRING_EQUAL(json_string_value(
				       json_object_get(json_array_get(images,
								      0),
						       "index_digest")),
			       "fedcba9876543210");
	UNIT_FAILS(manifest_commit(fd, m, &err), -EEXIST, &err, "already");
	json_decref(again);
	json_decref(m);
	close(fd);
	close(dir);
}

static void is_private(void)
{
	struct stat st = { 0 };
	struct err err = { "" };
	json_t *m = rig_manifest(1, &totals);
	int fd = epoch_dir("private", 1);

	umask(0);
	UNIT_OK(manifest_commit(fd, m, &err), &err);
	CU_ASSERT(!fstatat(fd, MANIFEST_NAME, &st, 0));
	CU_ASSERT_EQUAL(st.st_mode & 0777, 0600);
	CU_ASSERT(!fstat(fd, &st));
	CU_ASSERT_EQUAL(st.st_mode & 0777, 0700);
	umask(022);
	json_decref(m);
	close(fd);
}

static void every_byte_counts(void)
{
	struct err err = { "" };
	json_t *m = rig_manifest(1, &totals), *again;
	int fd = epoch_dir("flip", 1);
	size_t len, accepted = 0;
	char *text;

	UNIT_OK(manifest_commit(fd, m, &err), &err);
	text = rig_slurp(fd, MANIFEST_NAME, &len);
	for (size_t i = 0; i < len; i++)
		for (int bit = 0; bit < 8; bit++) {
			text[i] = (char)(text[i] ^ 1 << bit);
			if (!manifest_parse(text, len, &again, &err)) {
				accepted++;
				json_decref(again);
			}
			text[i] = (char)(text[i] ^ 1 << bit);
		}
	CU_ASSERT_EQUAL(accepted, 0);
	for (size_t i = 0; i < len; i++)
		if (!manifest_parse(text, i, &again, &err)) {
			accepted++;
			json_decref(again);
		}
	CU_ASSERT_EQUAL(accepted, 0);
	UNIT_OK(manifest_parse(text, len, &again, &err), &err);
	json_decref(again);
	unit_note("%zu bytes: each bit flipped, each truncation", len);
	free(text);
	json_decref(m);
	close(fd);
}

static void must_be_complete(void)
{
	static const char *const members[] = {
		"epoch",    "ranks",   "bytes",	  "memory_bytes",
		"pause_ms", "seconds", "program", "mpi",
		"cpu",	    "kernel",  "images",
	};
	struct err err = { "" };
	int fd = epoch_dir("complete", 1);

	for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++) {
		json_t *m = rig_manifest(1, &totals);

		json_object_del(m, members[i]);
		UNIT_FAILS(manifest_commit(fd, m, &err), -EBADMSG, &err,
			   members[i]);
		json_decref(m);
	}
	CU_ASSERT(faccessat(fd, MANIFEST_NAME, F_OK, 0));
	close(fd);
}

static void strange_images(void)
{
	static const struct {
		const char *member, *json, *words;
	} cases[] = {
		{ "file", "\"../x\"", "images.file" },
		{ "file", "\"\"", "images.file" },
		{ "file", "\"other.img\"", "not in the epoch's folder" },
		{ "bytes", "4", "not the 4" },
		{ "bytes", "-1", "images.bytes" },
		{ "index_digest", "\"xyz\"", "images.index_digest" },
		{ "ranks", "[]", "images.ranks" },
		{ "ranks", "[0, 2]", "images.ranks" },
		{ "ranks", "[1, 1]", "rank 1 is in two images" },
	};
	struct err err = { "" };
	int fd = epoch_dir("strange", 1);

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		json_t *m = rig_manifest(1, &totals);
		json_t *image = json_array_get(json_object_get(m, "images"), 0);
		int rc;

		json_object_set_new(image, cases[i].member,
				    json_loads(cases[i].json, JSON_DECODE_ANY,
					       NULL));
		rc = manifest_commit(fd, m, &err);
		CU_ASSERT(rc < 0);
		CU_ASSERT_PTR_NOT_NULL(strstr(err.text, cases[i].words));
		json_decref(m);
	}
	CU_ASSERT(faccessat(fd, MANIFEST_NAME, F_OK, 0));
	close(fd);
}

static void ended_ranks(void)
{
	static const struct {
		const char *json, *words;
	} cases[] = {
		{ "3", "exited" },
		{ "[{\"rank\": 3, \"code\": 0}]", "exited.rank" },
		{ "[{\"rank\": 2}]", "exited.code" },
		{ "[{\"rank\": 2, \"code\": 256}]", "exited.code" },
		{ "[{\"rank\": 1, \"code\": 0}]", "rank 1 has ended" },
	};
	struct err err = { "" };
	int fd = epoch_dir("ended", 1);
	json_t *m = rig_manifest(1, &totals);

	json_object_set_new(m, "ranks", json_integer(3));
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		json_object_set_new(m, "exited",
				    json_loads(cases[i].json, JSON_DECODE_ANY,
					       NULL));
		UNIT_FAILS(manifest_commit(fd, m, &err), -EBADMSG, &err,
			   cases[i].words);
	}
	json_object_set_new(m, "exited",
			    json_pack("[{si si}]", "rank", 2, "code", 7));
	UNIT_OK(manifest_commit(fd, m, &err), &err);
	CU_ASSERT_EQUAL(manifest_exited(m, 1), -1);
	CU_ASSERT_EQUAL(manifest_exited(m, 2), 7);
	json_decref(m);
	close(fd);
}

static void of_another_epoch(void)
{
	struct err err = { "" };
	json_t *m = rig_manifest(5, &totals), *again;
	int fd = epoch_dir("another", 6), dir = rig_dir("another");

	UNIT_OK(manifest_commit(fd, m, &err), &err);
	UNIT_FAILS(manifest_load(dir, 6, &again, &err), -EBADMSG, &err,
		   "epoch 6: the manifest is damaged: it is another epoch's");
	json_decref(m);
	close(fd);
	close(dir);
}

static const struct unit_test tests[] = {
	{ "a manifest comes back", comes_back },
	{ "a manifest is private whatever the umask", is_private },
	{ "every bit and every length of a manifest counts",
	  every_byte_counts },
	{ "a manifest with a member missing is not committed",
	  must_be_complete },
	{ "a manifest with a strange image is not committed", strange_images },
	{ "ranks that had ended are named once, with a code", ended_ranks },
	{ "a manifest of another epoch is refused", of_another_epoch },
	{ NULL, NULL },
};

static const struct unit_suite suites[] = {
	{ "manifest", tests },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	return unit_main(argc, argv, suites);
}
