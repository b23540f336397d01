/* SPDX-License-Identifier: BSD-3-Clause */
/* test_decode.c - system calls are recognised in machine code */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/lower/patch.h"
#include "runtime/lower/place.h"
#include "tests/lib/unit.h"

/* Looks through bytes that lie behind some filler, so that nothing depends on
 * the start of the buffer. */
static int find(const char *bytes, size_t n, struct patch_site *site)
{
	static uint8_t code[256];
	size_t at = 0;

	memset(code, 0x90, sizeof(code));
	memcpy(code + 100, bytes, n);
	if (!patch_next(code, sizeof(code), &at, site))
		return 0;
	site->from -= 100;
	site->syscall -= 100;
	return 1;
}

#define FIND(bytes, site) find(bytes, sizeof(bytes) - 1, site)

static void test_adjacent(void)
{
	struct patch_site s;

	CU_ASSERT(FIND("\xb8\x09\x00\x00\x00\x0f\x05", &s));
	CU_ASSERT(s.nr == SYS_mmap && s.from == 0 && s.syscall == 5);
	CU_ASSERT(s.rip_at == -1);
}

static void test_far(void)
{
	struct patch_site s;

	/* mov $0x12e,%eax; xor %edi,%edi; syscall: both move to the stub */
	CU_ASSERT(FIND("\xb8\x2e\x01\x00\x00\x31\xff\x0f\x05", &s));
	CU_ASSERT(s.nr == SYS_prlimit64 && s.from == 0 && s.syscall == 7);
	/* mov $0x101,%eax; mov %rdi,%rsi; mov $-100,%edi; syscall: the last
	 * alone makes room for a jump */
	CU_ASSERT(FIND("\xb8\x01\x01\x00\x00\x48\x89\xfe\xbf\x9c\xff\xff\xff"
		       "\x0f\x05",
		       &s));
	CU_ASSERT(s.nr == SYS_openat && s.from == 8 && s.syscall == 13);
	/* mov $14,%eax; lea 0x1178dd(%rip),%rsi; syscall */
	CU_ASSERT(FIND("\xb8\x0e\x00\x00\x00\x48\x8d\x35\xdd\x78\x11\x00"
		       "\x0f\x05",
		       &s));
	CU_ASSERT(s.nr == SYS_rt_sigprocmask && s.from == 5);
	CU_ASSERT(s.rip_at == 3);
}

static void test_generic(void)
{
	struct patch_site s;

	CU_ASSERT(FIND("\x48\x89\xf8\x48\x89\xf7\x48\x89\xd6\x48\x89\xca\x4d"
		       "\x89\xc2\x4d\x89\xc8\x4c\x8b\x4c\x24\x08\x0f\x05",
		       &s));
	CU_ASSERT(s.nr == -1 && s.from == 18 && s.syscall == 23);
}

static void test_others(void)
{
	struct patch_site s;

	/* write is nobody's business */
	CU_ASSERT(!FIND("\xb8\x01\x00\x00\x00\x0f\x05", &s));
	/* mov $9,%r8d */
	CU_ASSERT(!FIND("\x41\xb8\x09\x00\x00\x00\x0f\x05", &s));
	/* EAX is overwritten: mov $9,%eax; xor %eax,%eax; syscall */
	CU_ASSERT(!FIND("\xb8\x09\x00\x00\x00\x31\xc0\x0f\x05", &s));
	/* mov $9,%eax; ret; syscall */
	CU_ASSERT(!FIND("\xb8\x09\x00\x00\x00\xc3\x0f\x05", &s));
	/* the number of another call in the middle of nothing */
	CU_ASSERT(!FIND("\x0f\x05", &s));
}

/* The nearest load of a number counts. */
static void test_two_numbers(void)
{
	struct patch_site s;

	CU_ASSERT(FIND("\xb8\x09\x00\x00\x00\xb8\x0b\x00\x00\x00\x0f\x05", &s));
	CU_ASSERT(s.nr == SYS_munmap && s.from == 5);
}

static size_t count_in(const char *path, uint8_t seen[512])
{
	struct patch_site site;
	struct stat st;
	size_t at = 0, n = 0;
	uint8_t *code;
	int fd = open(path, O_RDONLY);

	if (fd < 0 || fstat(fd, &st))
		return 0;
	code = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	for (; patch_next(code, st.st_size, &at, &site); n++) {
		CU_ASSERT(site.syscall + 2 - site.from >= 5);
		CU_ASSERT(site.syscall + 2 - site.from <= 12);
		if (site.nr >= 0)
			seen[site.nr] = 1;
		else
			seen[511] = 1;
	}
	munmap(code, st.st_size);
	return n;
}

static void test_this_libc(void)
{
	static const long wanted[] = {
		SYS_shmat,	   SYS_shmdt,	     SYS_clone,	 SYS_clone3,
		SYS_epoll_create1, SYS_eventfd2,     SYS_pipe2,	 SYS_dup,
		SYS_fcntl,	   SYS_recvmsg,	     SYS_accept, SYS_prctl,
		SYS_prlimit64,	   SYS_umask,	     SYS_chdir,	 SYS_socketpair,
		SYS_signalfd4,	   SYS_memfd_create, SYS_alarm,	 SYS_setitimer,
	};
	uint8_t seen[512] = { 0 };
	size_t n = count_in("/lib/x86_64-linux-gnu/libc.so.6", seen);
	long nr;

	if (!n) {
		unit_skip("no libc in Debian's folder");
		return;
	}
	unit_note("%zu sites in libc", n);
	for (unsigned int i = 0; (nr = place_essential(i)) >= 0; i++)
		if (!seen[nr])
			unit_note("%s not found", place_name(nr));
	for (unsigned int i = 0; (nr = place_essential(i)) >= 0; i++)
		CU_ASSERT(seen[nr]);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++) {
		if (!seen[wanted[i]])
			unit_note("%s not found", place_name(wanted[i]));
		CU_ASSERT(seen[wanted[i]]);
	}
	CU_ASSERT(seen[511]);
}

static const struct unit_test tests[] = {
	{ "a number right before the call is recognised", test_adjacent },
	{ "a number a few instructions earlier is recognised", test_far },
	{ "libc's syscall() is recognised", test_generic },
	{ "other code is left alone", test_others },
	{ "the nearest of two numbers counts", test_two_numbers },
	{ "this system's libc can be confined", test_this_libc },
	{ 0 },
};

static const struct unit_suite suites[] = { { "decode", tests }, { 0 } };

int main(int argc, char **argv)
{
	return unit_main(argc, argv, suites);
}
