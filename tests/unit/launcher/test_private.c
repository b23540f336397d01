/* SPDX-License-Identifier: BSD-3-Clause */
/* test_private.c - sockets' folders that killed jobs leave behind */
#include "launcher/private.h"
#include "tests/lib/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static char path[PRIVATE_PATH];
static int lock = -1;

/* A folder as a job makes it, with an agent's lock file in it. */
static void make(void)
{
	struct err err = { "" };
	int fd;

	setenv("TMPDIR", unit_tmpdir(), 1);
	UNIT_OK(private_make(path, &lock, &err), &err);
	fd = openat(lock, "agent.lock", O_CREAT | O_WRONLY, 0600);
	CU_ASSERT_FATAL(fd >= 0);
	close(fd);
}

static int is_there(void)
{
	return !access(path, F_OK);
}

static void test_killed(void)
{
	char left[PRIVATE_PATH];
	struct err err = { "" };

	make();
	strcpy(left, path);
	close(lock); /* as the kernel does when a job is killed */
	UNIT_OK(private_make(path, &lock, &err), &err);
	CU_ASSERT(access(left, F_OK) != 0);
	CU_ASSERT(is_there());
	private_remove(path);
	close(lock);
}

static void test_running(void)
{
	int agents;

	make();
	private_sweep(unit_tmpdir());
	CU_ASSERT(is_there());
	/* The agent may outlive its cairnrun for a while. */
	agents = open(path, O_RDONLY | O_DIRECTORY);
	CU_ASSERT(!flock(agents, LOCK_SH));
	close(lock);
	private_sweep(unit_tmpdir());
	CU_ASSERT(is_there());
	close(agents);
	private_sweep(unit_tmpdir());
	CU_ASSERT(!is_there());
}

static void test_other_things(void)
{
	int fd;

	make();
	fd = openat(lock, "letter", O_CREAT | O_WRONLY, 0600);
	CU_ASSERT(fd >= 0);
	close(fd);
	close(lock);
	private_sweep(unit_tmpdir());
	CU_ASSERT(is_there());
	private_remove(path);
}

static void test_other_mode(void)
{
	make();
	close(lock);
	CU_ASSERT(!chmod(path, 0755));
	private_sweep(unit_tmpdir());
	CU_ASSERT(is_there());
	private_remove(path);
}

static const struct unit_test private_tests[] = {
	{ "a killed job's folder is removed by the next", test_killed },
	{ "the folder of a running job, or of its agent, stays", test_running },
	{ "a folder with something else in it stays", test_other_things },
	{ "a folder that others may enter is not ours", test_other_mode },
	{ NULL, NULL },
};

static const struct unit_suite suites[] = {
	{ "private", private_tests },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	return unit_main(argc, argv, suites);
}
