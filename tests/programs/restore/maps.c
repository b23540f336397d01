/* SPDX-License-Identifier: BSD-3-Clause */
/* maps.c - mappings of all kinds, stacks that grow, alternate stacks */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "tests/programs/restore/ckpt.h"

#define PAGE 4096UL
static volatile int handled;
static char alternate[65536];
static unsigned char data[100] = { 1, 2, 3 };

static void on_signal(int sig)
{
	char here;

	handled = sig;
	CHECK((uintptr_t)&here - (uintptr_t)alternate < sizeof(alternate));
}

static char *map(size_t pages, int prot, int flags, int fd)
{
	char *p = mmap(NULL, pages * PAGE, prot, flags, fd, 0);

	if (p == MAP_FAILED)
		perror("mmap");
	return p;
}

static int deep(int n)
{
	volatile char frame[PAGE];

	frame[0] = (char)n;
	return n ? deep(n - 1) + (frame[0] == (char)n) : 0;
}

int main(void)
{
	const int rw = PROT_READ | PROT_WRITE;
	const int anon = MAP_PRIVATE | MAP_ANONYMOUS;
	char *a, *none, *hole, *shared, *other, *file, *dontfork, *wipe, *ro;
	char *lazy, *huge, *memory, *exec;
	stack_t ss = { .ss_sp = alternate, .ss_size = sizeof(alternate) };
	struct sigaction sa = { .sa_handler = on_signal,
				.sa_flags = SA_ONSTACK };
	static const unsigned char ret42[] = { 0xb8, 42, 0, 0, 0, 0xc3 };
	char name[] = "/tmp/cairn-maps-XXXXXX";
	int fd = mkstemp(name), mem = memfd_create("shm", 0);

	sigaltstack(&ss, NULL);
	sigaction(SIGUSR2, &sa, NULL);
	a = map(300, rw, anon, -1);
	memset(a, 'a', 300 * PAGE);
	none = map(2, rw, anon, -1);
	strcpy(none, "hidden");
	mprotect(none, 2 * PAGE, PROT_NONE);
	hole = map(1 << 18, PROT_NONE, anon | MAP_NORESERVE, -1);
	lazy = map(1 << 20, rw, anon | MAP_NORESERVE, -1);
	strcpy(lazy + (3UL << 30), "far");
	huge = map(4096, rw, anon, -1);
	madvise(huge, 4096 * PAGE, MADV_HUGEPAGE);
	strcpy(huge + (5UL << 20), "huge");
	shared = map(4, rw, MAP_SHARED | MAP_ANONYMOUS, -1);
	strcpy(shared + PAGE, "shared");
	ftruncate(mem, 3 * PAGE);
	memory = map(3, rw, MAP_SHARED, mem);
	strcpy(memory, "memory");
	other = map(3, PROT_READ, MAP_SHARED, mem);
	ftruncate(fd, 2 * PAGE);
	file = map(2, rw, MAP_SHARED, fd);
	strcpy(file, "file");
	dontfork = map(1, rw, anon, -1);
	strcpy(dontfork, "dontfork");
	madvise(dontfork, PAGE, MADV_DONTFORK);
	wipe = map(1, rw, anon, -1);
	strcpy(wipe, "wipe");
	madvise(wipe, PAGE, MADV_WIPEONFORK);
	ro = map(1, rw, anon, -1);
	strcpy(ro, "readonly");
	mprotect(ro, PAGE, PROT_READ);
	exec = map(1, rw, anon, -1);
	memcpy(exec, ret42, sizeof(ret42));
	mprotect(exec, PAGE, PROT_READ | PROT_EXEC);
	data[50] = 99;

	test_ckpt();

	printf("%s\n", file); /* what the life before wrote is undone */
	strcpy(file, "changed");
	strcpy(memory, "renewed");
	CHECK(!strcmp(other, "renewed"));
	CHECK(pwrite(mem, "WAS", 3, 0) == 3 && !memcmp(other, "WASewed", 7));
	for (size_t i = 0; i < 300 * PAGE; i += 111)
		CHECK(a[i] == 'a');
	mprotect(none, PAGE, PROT_READ);
	CHECK(!strcmp(none, "hidden"));
	CHECK(!mprotect(hole + PAGE, PAGE, rw));
	hole[PAGE] = 1;
	CHECK(!strcmp(lazy + (3UL << 30), "far"));
	CHECK(!strcmp(huge + (5UL << 20), "huge"));
	CHECK(!strcmp(shared + PAGE, "shared"));
	CHECK(!strcmp(dontfork, "dontfork"));
	CHECK(!strcmp(wipe, "wipe"));
	CHECK(!strcmp(ro, "readonly"));
	CHECK(((int (*)(void))(void *)exec)() == 42);
	CHECK(data[2] == 3 && data[50] == 99);
	raise(SIGUSR2);
	CHECK(handled == SIGUSR2);
	CHECK(deep(1500) == 1500); /* 6 MiB of new stack */
	return test_end();
}
