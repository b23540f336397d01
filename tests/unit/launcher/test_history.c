/* SPDX-License-Identifier: BSD-3-Clause */
/* test_history.c - the record of a job's life, and what is told of an epoch */
#include "launcher/history.h"
#include "launcher/timeline.h"
#include "tests/lib/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int dirfd;
static char path[400];

static void fresh(struct history *h, bool lazy)
{
	snprintf(path, sizeof(path), "%s/" HISTORY_FILE, unit_tmpdir());
	unlink(path);
	dirfd = open(unit_tmpdir(), O_RDONLY | O_DIRECTORY);
	CU_ASSERT_FATAL(dirfd >= 0);
	history_open(h, dirfd, lazy);
}

static void done(struct history *h)
{
	history_fini(h);
	close(dirfd);
}

static void add(struct history *h, const char *kind, bool worth, int n)
{
	struct err err = { "" };

	UNIT_OK(history_add(h, kind, worth, json_pack("{s:i}", "n", n), &err),
		&err);
}

/* "start0 epoch1 ...": what can be read */
static const char *read_back(size_t skipped)
{
	static char text[4096];
	struct err err = { "" };
	json_t *events = NULL, *e;
	size_t i, found = 0, len = 0;

	UNIT_OK(history_load(unit_tmpdir(), &events, &found, &err), &err);
	CU_ASSERT_EQUAL(found, skipped);
	text[0] = '\0';
	json_array_foreach(events, i, e)
	{
		if (len + 30 < sizeof(text))
			len += (size_t)
				sprintf(text + len, "%s%d ",
					json_string_value(
						json_object_get(e, "event")),
					(int)json_integer_value(
						json_object_get(e, "n")));
	}
	json_decref(events);
	return text;
}

static void spill(const char *text, size_t len)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT, 0600);

	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT_EQUAL(write(fd, text, len), (ssize_t)len);
	close(fd);
}

static void test_appended(void)
{
	struct history h;
	struct stat st;

	fresh(&h, false);
	add(&h, "start", false, 0);
	add(&h, "epoch", true, 1);
	done(&h);
	/* another run goes on in the same file */
	dirfd = open(unit_tmpdir(), O_RDONLY | O_DIRECTORY);
	history_open(&h, dirfd, true);
	add(&h, "start", false, 2);
	CU_ASSERT_STRING_EQUAL(read_back(0), "start0 epoch1 start2 ");
	CU_ASSERT(!stat(path, &st) && (st.st_mode & 0777) == 0600);
	done(&h);
}

static void test_lazy(void)
{
	struct history h;

	fresh(&h, true);
	add(&h, "start", false, 0);
	add(&h, "end", false, 1);
	CU_ASSERT(access(path, F_OK));
	done(&h);
	CU_ASSERT(access(path, F_OK));
	fresh(&h, true);
	add(&h, "start", false, 0);
	add(&h, "epoch", true, 1);
	CU_ASSERT_STRING_EQUAL(read_back(0), "start0 epoch1 ");
	done(&h);
}

static void test_torn(void)
{
	static const char torn[] = "{\"v\":1,\"t\":1,\"event\":\"epo";
	static const char nul[] = "a\0b\n";
	struct history h;

	fresh(&h, false);
	add(&h, "start", true, 0);
	spill(torn, strlen(torn));
	CU_ASSERT_STRING_EQUAL(read_back(1), "start0 ");
	/* the next line does not become a part of it */
	add(&h, "start", true, 1);
	CU_ASSERT_STRING_EQUAL(read_back(1), "start0 start1 ");
	spill(nul, sizeof(nul) - 1);
	spill("{\"v\":2,\"t\":1,\"event\":\"start\"}\n", 30);
	spill("{\"v\":1,\"t\":\"1\",\"event\":7}\n[]\n", 29);
	add(&h, "end", true, 2);
	CU_ASSERT_STRING_EQUAL(read_back(6), "start0 start1 end2 ");
	done(&h);
}

static void test_bounded(void)
{
	struct history h;
	struct stat st;
	off_t largest = 0;
	const char *all;

	fresh(&h, false);
	h.max = 8000;
	h.kept = 2000;
	add(&h, "start", true, 0);
	for (int i = 1; i <= 500; i++) {
		add(&h, "epoch", true, i);
		if (!stat(path, &st) && st.st_size > largest)
			largest = st.st_size;
	}
	CU_ASSERT(largest < 8100);
	all = read_back(0);
	/* a start is worth more than an old epoch */
	CU_ASSERT_PTR_NOT_NULL(strstr(all, "start0 epoch"));
	CU_ASSERT_PTR_NULL(strstr(all, "epoch1 "));
	CU_ASSERT_PTR_NOT_NULL(strstr(all, "epoch499 epoch500 "));
	done(&h);
}

static void test_strange_files(void)
{
	struct history h;
	struct err err = { "" };
	json_t *events = NULL;
	size_t skipped;

	fresh(&h, false);
	UNIT_FAILS(history_load(unit_tmpdir(), &events, &skipped, &err),
		   -ENOENT, &err, HISTORY_FILE);
	CU_ASSERT(!symlink("elsewhere", path));
	UNIT_FAILS(history_add(&h, "start", true, json_object(), &err), -ELOOP,
		   &err, "cannot write");
	/* said once */
	UNIT_OK(history_add(&h, "start", true, json_object(), &err), &err);
	UNIT_FAILS(history_load(unit_tmpdir(), &events, &skipped, &err), -ELOOP,
		   &err, HISTORY_FILE);
	unlink(path);
	CU_ASSERT(!mkfifo(path, 0600));
	CU_ASSERT(history_load(unit_tmpdir(), &events, &skipped, &err) < 0);
	unlink(path);
	spill("\n", 1);
	CU_ASSERT(!chmod(path, 0620)); /* another may have written it */
	UNIT_FAILS(history_load(unit_tmpdir(), &events, &skipped, &err), -EPERM,
		   &err, HISTORY_FILE);
	unlink(path);
	done(&h);
}

/* --- time lines --- */

static void durable(struct timeline *t, size_t node, int first, int n)
{
	json_t *timing = json_array(), *m;

	/* the last ranks are the slowest */
	for (int r = first; r < first + n; r++)
		json_array_append_new(timing,
				      json_pack("[i, f, f, f, i]", r, (double)r,
						r + 0.5, r + 1.0, -1));
	m = json_pack("{s:s, s:i, s:i, s:f, s:i, s:o}", "phase", "durable",
		      "bytes", 1000, "memory_bytes", 5000, "cpu_ms",
		      100.0 * (double)(node + 1), "cpus", 4, "timing", timing);
	timeline_done(t, node, "a", m, 1500);
	json_decref(m);
}

static json_int_t at(const json_t *list, size_t i, size_t k)
{
	return (json_int_t)json_number_value(
		json_array_get(json_array_get(list, i), k));
}

static void test_small(void)
{
	struct timeline t = { 0 };
	json_t *j;

	timeline_begin(&t, 2, 800, 1000);
	timeline_phase(&t, TIMELINE_FRONTIER, 1000);
	timeline_phase(&t, TIMELINE_FRONTIER, 1100); /* after a slice */
	timeline_slice(&t);
	timeline_phase(&t, TIMELINE_DRAIN, 1300);
	timeline_phase(&t, TIMELINE_WRITING, 1310);
	durable(&t, 0, 0, 2);
	durable(&t, 1, 2, 2);
	timeline_end(&t, 1500);
	CU_ASSERT_DOUBLE_EQUAL(t.cpu_s, 0.05, 1e-9);
	j = timeline_json(&t);
	CU_ASSERT_EQUAL(t.spent_ms[TIMELINE_WAIT], 200);
	CU_ASSERT_EQUAL(t.spent_ms[TIMELINE_FRONTIER], 300);
	CU_ASSERT_EQUAL(t.spent_ms[TIMELINE_WRITING], 190);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(j, "ranks")), 4);
	CU_ASSERT_PTR_NULL(json_object_get(j, "quantiles"));
	CU_ASSERT_EQUAL(at(json_object_get(j, "ranks"), 3, 0), 3);
	CU_ASSERT_EQUAL(at(json_object_get(j, "ranks"), 3, 1), 1);
	CU_ASSERT_EQUAL(at(json_object_get(j, "ranks"), 3, 4), 4);
	CU_ASSERT_EQUAL(at(json_object_get(j, "ranks"), 3, 5), -1);
	CU_ASSERT_EQUAL(at(json_object_get(j, "nodes"), 1, 4), 500);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(j, "last")),
			       "writing");
	json_decref(j);
	timeline_fini(&t);
}

static void test_many(void)
{
	struct timeline t = { 0 };
	const json_t *held;
	json_t *j;
	char *text;

	timeline_begin(&t, 1000, 1000, 1000);
	for (size_t node = 0; node < 999; node++) /* one never comes */
		durable(&t, node, (int)node * 10, 10);
	j = timeline_json(&t);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(j, "ranks")),
			TIMELINE_SLOWEST);
	CU_ASSERT_EQUAL(at(json_object_get(j, "ranks"), 0, 0), 9989);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(j, "nodes")),
			TIMELINE_SLOWEST);
	CU_ASSERT_EQUAL(at(json_object_get(j, "nodes"), 0, 0), 999);
	held = json_object_get(json_object_get(j, "quantiles"), "held");
	CU_ASSERT_EQUAL(json_number_value(json_array_get(held, 0)), 0);
	CU_ASSERT_EQUAL(json_number_value(json_array_get(held, 1)), 4995);
	CU_ASSERT_EQUAL(json_number_value(json_array_get(held, 3)), 9989);
	text = json_dumps(j, JSON_COMPACT);
	CU_ASSERT(text && strlen(text) < 6000);
	free(text);
	json_decref(j);
	timeline_fini(&t);
}

static void test_hostile(void)
{
	struct timeline t = { 0 };
	json_t *m, *j;

	timeline_begin(&t, 1, 0, 1000);
	m = json_pack("{s:s, s:i, s:i, s:[[i], i, s, [i,i,i,i,i], "
		      "[i,s,n,b,i]]}",
		      "phase", "durable", "bytes", -5, "cpus", 0, "timing", 1,
		      2, "three", -4, 1, 1, 1, 1, 7, "x", 1, 3);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	timeline_done(&t, 0, "a", m, 1200);
	timeline_done(&t, 5, "a", m, 1200); /* no such node */
	json_decref(m);
	j = timeline_json(&t);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(j, "ranks")), 1);
	CU_ASSERT_EQUAL(at(json_object_get(j, "nodes"), 0, 5), 0);
	json_decref(j);
	timeline_fini(&t);
}

static const struct unit_test history_tests[] = {
	{ "another run goes on in the same file", test_appended },
	{ "a job without a checkpoint leaves no file", test_lazy },
	{ "torn, foreign and newer lines are left out", test_torn },
	{ "the file stays small, and keeps starts and ends", test_bounded },
	{ "links, pipes and others' files are refused", test_strange_files },
	{ NULL, NULL },
};

static const struct unit_test timeline_tests[] = {
	{ "few ranks are told of one by one", test_small },
	{ "of many the slowest and quantiles are told", test_many },
	{ "what an agent must not say is left out", test_hostile },
	{ NULL, NULL },
};

static const struct unit_suite suites[] = {
	{ "history", history_tests },
	{ "timeline", timeline_tests },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	return unit_main(argc, argv, suites);
}
