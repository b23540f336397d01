/* SPDX-License-Identifier: BSD-3-Clause */
/* test_rank.c - what cairn-rank finds out before it becomes the program */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/restore/rank.h"
#include "tests/lib/unit.h"

static struct rank_program program;
static struct err err;

/* Two at a time are in use. */
static const char *path_of(const char *name)
{
	static char paths[2][4096];
	static unsigned int turn;
	char *path = paths[turn++ % 2];

	snprintf(path, sizeof(paths[0]), "%s/%s", unit_tmpdir(), name);
	return path;
}

static const char *file(const char *name, const void *data, size_t len,
			mode_t mode)
{
	const char *path = path_of(name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0700);

	CU_ASSERT_EQUAL(write(fd, data, len), (ssize_t)len);
	fchmod(fd, mode);
	close(fd);
	return path;
}

/* An ELF header, and one program header that names an interpreter, or none. */
static const char *elf(const char *name, int class, const char *interp)
{
	struct {
		Elf64_Ehdr eh;
		Elf64_Phdr ph;
		char interp[64];
	} f = { .eh = { .e_machine = EM_X86_64,
			.e_phoff = sizeof(Elf64_Ehdr),
			.e_phentsize = sizeof(Elf64_Phdr),
			.e_phnum = interp ? 1 : 0 } };

	memcpy(f.eh.e_ident, ELFMAG, SELFMAG);
	f.eh.e_ident[EI_CLASS] = (unsigned char)class;
	if (interp) {
		f.ph.p_type = PT_INTERP;
		f.ph.p_offset = sizeof(f.eh) + sizeof(f.ph);
		f.ph.p_filesz = strlen(interp) + 1;
		strcpy(f.interp, interp);
	}
	return file(name, &f, sizeof(f), 0700);
}

static void finds_programs(void)
{
	UNIT_OK(rank_program("sh", &program, &err), &err);
	CU_ASSERT_PTR_NOT_NULL(strstr(program.path, "/sh"));
	CU_ASSERT_STRING_EQUAL(program.mpi_lib, "");
	UNIT_OK(rank_program("/bin/sh", &program, &err), &err);
	UNIT_FAILS(rank_program("no-such-program", &program, &err), -ENOENT,
		   &err, "no such program");
	UNIT_FAILS(rank_program("/no/such", &program, &err), -ENOENT, &err,
		   "no such program");
	UNIT_FAILS(rank_program("/etc/passwd", &program, &err), -EACCES, &err,
		   "/etc/passwd");
	UNIT_FAILS(rank_program("/tmp", &program, &err), -EACCES, &err,
		   "not a file");
}

static void names_programs_it_cannot_run(void)
{
	UNIT_FAILS(rank_program(elf("static", ELFCLASS64, NULL), &program,
				&err),
		   -ENOEXEC, &err, "statically");
	UNIT_FAILS(rank_program(elf("small", ELFCLASS32, NULL), &program, &err),
		   -ENOEXEC, &err, "32-bit");
	UNIT_FAILS(rank_program(elf("musl", ELFCLASS64,
				    "/lib/ld-musl-x86_64.so.1"),
				&program, &err),
		   -ENOEXEC, &err, "musl");
	UNIT_FAILS(rank_program(file("text", "hello\n", 6, 0700), &program,
				&err),
		   -ENOEXEC, &err, "neither");
	UNIT_FAILS(rank_program(file("cut", "\177ELF", 4, 0700), &program,
				&err),
		   -ENOEXEC, &err, "neither");
}

static void looks_at_a_scripts_interpreter(void)
{
	char text[4200];
	int n;

	UNIT_OK(rank_program(file("good", "#!/bin/sh -e\n", 13, 0700), &program,
			     &err),
		&err);
	UNIT_FAILS(rank_program(file("lost", "#! /no/such\n", 12, 0700),
				&program, &err),
		   -ENOENT, &err, "interpreter /no/such");
	n = snprintf(text, sizeof(text), "#!%s\n",
		     elf("static", ELFCLASS64, NULL));
	UNIT_FAILS(rank_program(file("indirect", text, (size_t)n, 0700),
				&program, &err),
		   -ENOEXEC, &err, "statically");
}

static void refuses_setuid(void)
{
	const char *path = elf("setuid", ELFCLASS64, "/lib64/ld.so");

	if (getuid() || chown(path, 12345, 12345) || chmod(path, 04755)) {
		unit_skip("needs root to make another user's file");
		return;
	}
	UNIT_FAILS(rank_program(path, &program, &err), -EACCES, &err, "setuid");
}

static void tidies_descriptors(void)
{
	char number[16], named[64],
		*argv[] = { (char *)"program", named, NULL };
	int pmi[2], leak[2], kept[2], plain, high;

	CU_ASSERT_EQUAL(socketpair(AF_UNIX, SOCK_STREAM, 0, pmi), 0);
	CU_ASSERT_EQUAL(pipe(leak), 0);
	CU_ASSERT_EQUAL(pipe(kept), 0);
	plain = open("/dev/null", O_RDONLY);
	snprintf(named, sizeof(named), "--in=/dev/fd/%d", kept[0]);
	snprintf(number, sizeof(number), "%d", pmi[0]);
	setenv("PMI_FD", number, 1);
	UNIT_OK(rank_fds(argv, &err), &err);
	high = atoi(getenv("PMI_FD"));
	CU_ASSERT_TRUE(high >= rank_fd_min());
	CU_ASSERT_EQUAL(fcntl(high, F_GETFD), 0);
	CU_ASSERT_EQUAL(fcntl(pmi[0], F_GETFD), -1);
	CU_ASSERT_EQUAL(fcntl(pmi[1], F_GETFD), -1);
	CU_ASSERT_EQUAL(fcntl(leak[0], F_GETFD), -1);
	CU_ASSERT_EQUAL(fcntl(leak[1], F_GETFD), -1);
	CU_ASSERT_EQUAL(fcntl(kept[0], F_GETFD), 0);
	CU_ASSERT_EQUAL(fcntl(kept[1], F_GETFD), -1);
	CU_ASSERT_EQUAL(fcntl(plain, F_GETFD), 0);
	close(high);
	close(kept[0]);
	close(plain);
	unsetenv("PMI_FD");
}

static void knows_its_place(void)
{
	struct rank_place place;

	unsetenv("PMI_RANK");
	unsetenv("PMI_SIZE");
	rank_place_get(&place);
	CU_ASSERT_EQUAL(place.rank, 0);
	CU_ASSERT_EQUAL(place.size, 1);
	setenv("PMI_RANK", "3", 1);
	setenv("PMI_SIZE", "8", 1);
	setenv("MPI_LOCALRANKID", "1", 1);
	setenv("MPI_LOCALNRANKS", "x", 1);
	rank_place_get(&place);
	CU_ASSERT_EQUAL(place.rank, 3);
	CU_ASSERT_EQUAL(place.size, 8);
	CU_ASSERT_EQUAL(place.local_rank, 1);
	CU_ASSERT_EQUAL(place.local_size, 0);
}

int main(int argc, char **argv)
{
	static const struct unit_test tests[] = {
		{ "programs are found as execvp finds them", finds_programs },
		{ "static, 32-bit and musl programs are named",
		  names_programs_it_cannot_run },
		{ "a script is judged by its interpreter",
		  looks_at_a_scripts_interpreter },
		{ "setuid programs are named", refuses_setuid },
		{ "leaked descriptors go, PMI_FD moves", tidies_descriptors },
		{ "the rank comes from the process manager", knows_its_place },
		{ NULL, NULL },
	};
	static const struct unit_suite suites[] = { { "rank", tests },
						    { NULL, NULL } };

	return unit_main(argc, argv, suites);
}
