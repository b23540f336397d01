/* SPDX-License-Identifier: BSD-3-Clause */
/* test_buffer.c - which folder an epoch's image goes to */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/agent/buffer.h"
#include "runtime/base/log.h"
#include "tests/lib/unit.h"

static void finds_in_order(void)
{
	char *all[] = { "TMPDIR=/t",
			"LOCALWORKDIR=/l",
			"SLURM_TMPDIR=/s",
			"BBPATH=/b",
			"DW_JOB_PRIVATE=/p",
			"DW_JOB_STRIPED=/j",
			"DW_PERSISTENT_STRIPED_scratch=/d",
			NULL };
	static const char *const want[] = { "/d", "/j", "/p", "/b",
					    "/s", "/l", "/t" };
	char *odd[] = { "TMPDIR=relative", "BBPATH=", "BBPATHS=/no", "TMP=/no",
			NULL };

	for (int i = 0; i < 7; i++) {
		CU_ASSERT_STRING_EQUAL(buffer_find(all), want[i]);
		all[6 - i] = NULL;
	}
	CU_ASSERT_PTR_NULL(buffer_find(all));
	CU_ASSERT_PTR_NULL(buffer_find(odd));
}

static char dir[300], root[300];

static struct buffer *begin(const char *name)
{
	struct buffer *b = NULL;
	struct err err = { "" };

	snprintf(dir, sizeof(dir), "%s/%s-ck", unit_tmpdir(), name);
	snprintf(root, sizeof(root), "%s/%s-bb", unit_tmpdir(), name);
	CU_ASSERT(!mkdir(dir, 0700) && !mkdir(root, 0700));
	UNIT_OK(buffer_create(root, "n1", dir, &b, &err), &err);
	return b;
}

/* Does this epoch go into the buffer? */
static int is_fast(struct buffer *b, uint32_t epoch)
{
	struct err err = { "" };
	int fd = -1;

	UNIT_OK(buffer_begin(b, epoch, &fd, &err), &err);
	close(fd);
	return buffer_path(b) != NULL;
}

static void goes_past_what_fails(void)
{
	/* 1 fails; 2 goes past; 3 fails; 4, 5 go past; 6 is good; 7 fails */
	static const char want[] = "FsFssFFsF";
	struct buffer *b = begin("fails");
	struct err why;

	for (uint32_t e = 1; want[e - 1]; e++) {
		CU_ASSERT_EQUAL(is_fast(b, e), want[e - 1] == 'F');
		if (e == 6) {
			buffer_done(b, 4096);
			continue;
		}
		snprintf(why.text, sizeof(why.text), "no space");
		buffer_failed(b, -ENOSPC, &why);
		/* Where is only said if it was there. */
		CU_ASSERT_EQUAL(!strncmp(why.text, "node n1, burst buffer /",
					 23),
				want[e - 1] == 'F');
	}
	buffer_destroy(b);
}

/* A rank that cannot be read says nothing against the buffer. */
static void blames_itself_only(void)
{
	struct buffer *b = begin("blames");
	struct err why = { "rank 3 has gone" };

	CU_ASSERT(is_fast(b, 1));
	buffer_failed(b, -ESRCH, &why);
	CU_ASSERT_STRING_EQUAL(why.text, "rank 3 has gone");
	CU_ASSERT(is_fast(b, 2));
	buffer_destroy(b);
}

static void needs_space(void)
{
	struct buffer *b = begin("space");

	CU_ASSERT(is_fast(b, 1));
	buffer_done(b, 1ULL << 60); /* more than any disk has */
	CU_ASSERT(!is_fast(b, 2));
	buffer_done(b, 4096);
	CU_ASSERT(is_fast(b, 3));
	buffer_destroy(b);
}

static void vanishes_and_comes_back(void)
{
	struct buffer *b = begin("vanishes");

	CU_ASSERT(!rmdir(root));
	CU_ASSERT(!is_fast(b, 1));
	CU_ASSERT(!mkdir(root, 0700));
	CU_ASSERT(is_fast(b, 2));
	buffer_destroy(b);
}

static void none(void)
{
	struct buffer *b = NULL;
	struct err err = { "" };

	UNIT_OK(buffer_create(NULL, "n1", unit_tmpdir(), &b, &err), &err);
	CU_ASSERT(!is_fast(b, 1));
	CU_ASSERT_PTR_NULL(buffer_folder(b));
	buffer_destroy(b);
}

static const struct unit_test tests[] = {
	{ "the environment is searched in order", finds_in_order },
	{ "a buffer that fails is left out for a while", goes_past_what_fails },
	{ "other failures are not the buffer's", blames_itself_only },
	{ "a buffer without space is not begun", needs_space },
	{ "a buffer may vanish and come back", vanishes_and_comes_back },
	{ "without a buffer all goes to the folder", none },
	{ NULL, NULL },
};

static const struct unit_suite suites[] = {
	{ "buffer", tests },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	log_init("test", "err");
	return unit_main(argc, argv, suites);
}
