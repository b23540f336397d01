/* SPDX-License-Identifier: BSD-3-Clause */
/* test_leftover.c - files in /dev/shm that nobody holds, and those that one
 * does
 */
#include "runtime/agent/leftover.h"
#include "tests/lib/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

static char name[80];

static int file_make(const char *prefix)
{
	snprintf(name, sizeof(name), "/dev/shm/%sshar_tmp%d", prefix,
		 (int)getpid());
	return open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
}

static int is_there(void)
{
	return !access(name, F_OK);
}

static void test_nobody(void)
{
	int fd = file_make("mpich_");

	CU_ASSERT_FATAL(fd >= 0);
	close(fd);
	leftover_sweep();
	CU_ASSERT(!is_there());
}

static void test_open(void)
{
	int fd = file_make("mpich_s_");

	CU_ASSERT_FATAL(fd >= 0);
	leftover_sweep();
	CU_ASSERT(is_there());
	close(fd);
	leftover_sweep();
	CU_ASSERT(!is_there());
}

static void test_mapped(void)
{
	int fd = file_make("mpich_");
	void *map;

	CU_ASSERT_FATAL(fd >= 0 && !ftruncate(fd, 4096));
	map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	leftover_sweep();
	CU_ASSERT(is_there());
	munmap(map, 4096);
	leftover_sweep();
	CU_ASSERT(!is_there());
}

static void test_others(void)
{
	int fd = file_make("another_");

	CU_ASSERT_FATAL(fd >= 0);
	close(fd);
	leftover_sweep();
	CU_ASSERT(is_there());
	unlink(name);
}

static void test_ucx(void)
{
	int fd;

	leftover_sweep(); /* from here on they are this job's */
	snprintf(name, sizeof(name), "/dev/shm/ucx_shm_posix_%x",
		 (unsigned int)getpid());
	fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	CU_ASSERT_FATAL(fd >= 0);
	leftover_sweep();
	CU_ASSERT(is_there());
	close(fd);
	leftover_sweep();
	CU_ASSERT(!is_there());
}

int main(int argc, char **argv)
{
	static const struct unit_test tests[] = {
		{ "a file that nobody holds goes", test_nobody },
		{ "one that is open stays", test_open },
		{ "one that is mapped stays", test_mapped },
		{ "UCX's, too", test_ucx },
		{ "other names stay", test_others },
		{ NULL, NULL },
	};
	static const struct unit_suite suites[] = { { "leftover", tests },
						    { NULL, NULL } };

	return unit_main(argc, argv, suites);
}
