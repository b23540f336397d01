/* SPDX-License-Identifier: BSD-3-Clause */
/* test_upper.c - the upper heap, contexts and reserved descriptors */
#define _GNU_SOURCE
#include "runtime/process/process.h"
#include "tests/lib/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCKS 2000

static bool all_zero(const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i])
			return false;
	}
	return true;
}

static void *churn(void *arg)
{
	unsigned char *blocks[BLOCKS] = { NULL };
	size_t sizes[BLOCKS] = { 0 };
	unsigned int seed = (unsigned int)(uintptr_t)arg;
	long bad = 0;

	for (int round = 0; round < 20000; round++) {
		int i = rand_r(&seed) % BLOCKS;

		if (blocks[i]) {
			for (size_t k = 0; k < sizes[i]; k++)
				bad += blocks[i][k] != (unsigned char)i;
			upper_free(blocks[i]);
			blocks[i] = NULL;
			continue;
		}
		sizes[i] = (size_t)rand_r(&seed) %
			   (rand_r(&seed) % 100 ? 700 : 100000);
		blocks[i] = upper_alloc(sizes[i]);
		bad += !blocks[i] || (uintptr_t)blocks[i] % 16 ||
		       !all_zero(blocks[i], sizes[i]);
		memset(blocks[i], i, sizes[i]);
	}
	for (int i = 0; i < BLOCKS; i++)
		upper_free(blocks[i]);
	return (void *)bad;
}

static void test_churn(void)
{
	pthread_t threads[4];

	for (uintptr_t i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, churn, (void *)(i + 1));
	for (int i = 0; i < 4; i++) {
		void *bad;

		pthread_join(threads[i], &bad);
		CU_ASSERT_EQUAL((long)bad, 0);
	}
}

static void test_sizes(void)
{
	for (size_t size = 0; size < 70000; size += 7) {
		unsigned char *p = upper_alloc(size);

		CU_ASSERT_PTR_NOT_NULL_FATAL(p);
		memset(p, 0xff, size);
		upper_free(p);
	}
}

static void test_realloc(void)
{
	char *p = upper_realloc(NULL, 10);

	strcpy(p, "remember");
	for (size_t size = 16; size < 1 << 20; size = size * 3 / 2) {
		p = upper_realloc(p, size);
		CU_ASSERT_STRING_EQUAL(p, "remember");
	}
	p = upper_realloc(p, 20);
	CU_ASSERT_STRING_EQUAL(p, "remember");
	upper_free(p);
}

static void *adopt(void *arg)
{
	struct thread_ctx *ctx = ctx_here();

	(void)arg;
	return ctx->gs.self == ctx && ctx->tid == gettid() && ctx->upper_fs ? ctx :
									   NULL;
}

static void test_contexts(void)
{
	struct thread_ctx *mine = adopt(NULL);
	pthread_t thread;
	void *other;

	CU_ASSERT_PTR_NOT_NULL(mine);
	pthread_create(&thread, NULL, adopt, NULL);
	pthread_join(thread, &other);
	CU_ASSERT_PTR_NOT_NULL(other);
	CU_ASSERT_PTR_NOT_EQUAL(other, mine);
	CU_ASSERT_PTR_EQUAL(adopt(NULL), mine);
}

static void test_reserved(void)
{
	int fd = process_fd_reserve(open("/dev/null", O_RDWR));
	int other = open("/dev/null", O_RDWR);

	CU_ASSERT_TRUE(fd >= 64);
	CU_ASSERT_TRUE(process_reserved_fd(fd));
	CU_ASSERT_FALSE(process_reserved_fd(other));
	errno = 0;
	CU_ASSERT_EQUAL(close(fd), -1);
	CU_ASSERT_EQUAL(errno, EBADF);
	CU_ASSERT_EQUAL(dup2(other, fd), -1);
	CU_ASSERT_EQUAL(close_range((unsigned int)other, ~0U, 0), 0);
	CU_ASSERT_EQUAL(fcntl(other, F_GETFD), -1);
	CU_ASSERT_TRUE(fcntl(fd, F_GETFD) >= 0);
}

static const struct unit_test tests[] = {
	{ "blocks of all sizes can be written", test_sizes },
	{ "four threads' blocks stay zeroed, aligned and apart", test_churn },
	{ "realloc keeps what was there", test_realloc },
	{ "each thread has a context of its own", test_contexts },
	{ "a reserved descriptor is out of the program's reach",
	  test_reserved },
	{ NULL, NULL },
};

static const struct unit_suite suites[] = {
	{ "upper", tests },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	return unit_main(argc, argv, suites);
}
