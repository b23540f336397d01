/* SPDX-License-Identifier: BSD-3-Clause */
/* test_memory.c - a twin is made only where there is room for it */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/agent/memory.h"
#include "tests/lib/unit.h"

#define MIB 1024 /* in KiB */

static char root[400];

static void fresh(const char *name)
{
	snprintf(root, sizeof(root), "%s/%s", unit_tmpdir(), name);
}

/* A file below root, with its folders. */
static void spill(const char *path, const char *format, long value)
{
	char full[800];
	FILE *f;

	snprintf(full, sizeof(full), "%s/%s", root, path);
	for (char *p = full + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		mkdir(full, 0700);
		*p = '/';
	}
	f = fopen(full, "w");
	CU_ASSERT_FATAL(f != NULL);
	fprintf(f, format, value);
	fclose(f);
}

static void node_has(long mib)
{
	spill("proc/meminfo",
	      "MemTotal: 999999999 kB\nMemFree: 1 kB\nMemAvailable: %ld kB\n",
	      mib * MIB);
}

static void process(int pid, long anon_mib, const char *cgroup)
{
	char path[40];

	snprintf(path, sizeof(path), "proc/%d/status", pid);
	spill(path,
	      "Name:\tcairn\nVmRSS:\t 99999999 kB\nRssAnon:\t  %ld kB\n"
	      "VmPTE:\t 100 kB\n",
	      anon_mib * MIB);
	snprintf(path, sizeof(path), "proc/%d/cgroup", pid);
	spill(path, cgroup, 0);
}

static bool fits(struct memory_room *room, int pid)
{
	CU_ASSERT_FATAL(room != NULL);
	return memory_fits(room, pid);
}

static void the_node_limits(void)
{
	struct memory_room *room;

	fresh("node");
	node_has(1000);
	process(1, 500, "0::/\n");
	process(2, 400, "0::/\n");
	process(3, 300, "0::/\n");
	room = memory_open(root);
	CU_ASSERT(fits(room, 1));
	CU_ASSERT(fits(room, 2));
	/* 64 MiB are the agent's own */
	CU_ASSERT(!fits(room, 3));
	memory_close(room);
	room = memory_open(root);
	CU_ASSERT(fits(room, 1));
	CU_ASSERT(fits(room, 3));
	CU_ASSERT(!fits(room, 2)); /* what did not fit took nothing */
	memory_close(room);
	memory_close(NULL);
}

static void groups_of_version_2(void)
{
	struct memory_room *room;

	fresh("v2");
	node_has(100000);
	process(1, 300, "0::/job/step/task0\n");
	process(2, 300, "0::/job/step/task1\n");
	process(3, 300, "0::/other\n");
	spill("sys/fs/cgroup/job/memory.max", "max\n", 0);
	spill("sys/fs/cgroup/job/step/memory.max", "%ld\n", 1000L << 20);
	spill("sys/fs/cgroup/job/step/memory.current", "%ld\n", 800L << 20);
	spill("sys/fs/cgroup/job/step/memory.stat",
	      "anon 5\ninactive_file %ld\nactive_file 9\n", 200L << 20);
	room = memory_open(root);
	CU_ASSERT(fits(room, 1));  /* 1000 - (800 - 200) - 64 = 336 */
	CU_ASSERT(!fits(room, 2)); /* they share the step's room */
	CU_ASSERT(fits(room, 3));
	memory_close(room);
	/* The softer limit counts, at whatever height. */
	spill("sys/fs/cgroup/job/memory.high", "%ld\n", 900L << 20);
	spill("sys/fs/cgroup/job/memory.current", "%ld\n", 800L << 20);
	room = memory_open(root);
	CU_ASSERT(!fits(room, 1));
	CU_ASSERT(fits(room, 3));
	memory_close(room);
}

static void groups_of_version_1(void)
{
	struct memory_room *room;

	fresh("v1");
	node_has(100000);
	process(1, 300, "9:cpu:/\n4:memory:/slurm/job\n0::/\n");
	spill("sys/fs/cgroup/memory/slurm/job/memory.limit_in_bytes", "%ld\n",
	      0x7ffffffffffff000);
	spill("sys/fs/cgroup/memory/slurm/job/memory.usage_in_bytes", "%ld\n",
	      800L << 20);
	room = memory_open(root);
	CU_ASSERT(fits(room, 1));
	memory_close(room);
	spill("sys/fs/cgroup/memory/slurm/job/memory.limit_in_bytes", "%ld\n",
	      1000L << 20);
	room = memory_open(root);
	CU_ASSERT(!fits(room, 1));
	memory_close(room);
	spill("sys/fs/cgroup/memory/slurm/job/memory.stat",
	      "inactive_file 1\ntotal_inactive_file %ld\n", 300L << 20);
	room = memory_open(root);
	CU_ASSERT(fits(room, 1));
	memory_close(room);
}

static void what_cannot_be_read(void)
{
	struct memory_room *room;

	fresh("nothing");
	room = memory_open(root);
	CU_ASSERT(fits(room, 1));
	memory_close(room);
	node_has(1000);
	process(1, 100, "rubbish\n:\n4:memory:/../../elsewhere\n0::/gone\n");
	room = memory_open(root);
	CU_ASSERT(fits(room, 1));
	memory_close(room);
}

static const struct unit_test tests[] = {
	{ "what the node has limits twins", the_node_limits },
	{ "so do control groups of version 2", groups_of_version_2 },
	{ "so do those of version 1", groups_of_version_1 },
	{ "what cannot be read limits nothing", what_cannot_be_read },
	{ NULL, NULL },
};

static const struct unit_suite suites[] = {
	{ "memory", tests },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	return unit_main(argc, argv, suites);
}
