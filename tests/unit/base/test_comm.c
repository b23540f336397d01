/* SPDX-License-Identifier: BSD-3-Clause */
/* test_comm.c - a process is known by its short name */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/comm.h"
#include "tests/lib/unit.h"

static pid_t child;

/* A child that calls itself so, and waits for its end. */
static void child_named(const char *name)
{
	int fds[2];
	char byte;

	CU_ASSERT_FATAL(!pipe(fds));
	child = fork();
	if (!child) {
		prctl(PR_SET_NAME, name);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)!write(fds[1], "", 1);
		for (;;)
			pause();
	}
	CU_ASSERT_FATAL(child > 0);
	CU_ASSERT_EQUAL(read(fds[0], &byte, 1), 1);
	close(fds[0]);
	close(fds[1]);
}

static void child_ends(void)
{
	kill(child, SIGKILL);
	CU_ASSERT_EQUAL(waitpid(child, NULL, 0), child);
}

static void reads_names(void)
{
	static const char *const names[] = { "srun", "a", "two words",
					     "(x) S 1", "x\ny", "slurmstepd" };
	char name[COMM_SIZE];

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		child_named(names[i]);
		comm_read(child, name);
		CU_ASSERT_STRING_EQUAL(name, names[i]);
		CU_ASSERT_TRUE(comm_is(child, names[i]));
		child_ends();
	}
}

static void cuts_long_names(void)
{
	char name[COMM_SIZE];

	child_named("0123456789abcdefgh");
	comm_read(child, name);
	CU_ASSERT_STRING_EQUAL(name, "0123456789abcde");
	CU_ASSERT_TRUE(comm_is(child, "0123456789abcde"));
	child_ends();
}

static void takes_whole_names_only(void)
{
	child_named("slurmstepd");
	CU_ASSERT_FALSE(comm_is(child, "slurmstep"));
	CU_ASSERT_FALSE(comm_is(child, "slurmstepd2"));
	CU_ASSERT_FALSE(comm_is(child, ""));
	child_ends();
	child_named("srun\n");
	CU_ASSERT_FALSE(comm_is(child, "srun"));
	child_ends();
}

static void nobody_has_no_name(void)
{
	char name[COMM_SIZE] = "left";

	child_named("gone");
	child_ends();
	comm_read(child, name);
	CU_ASSERT_STRING_EQUAL(name, "");
	CU_ASSERT_FALSE(comm_is(child, "gone"));
	CU_ASSERT_FALSE(comm_is(child, ""));
	/* What the kernel says of signals of no process, and kill's groups. */
	for (int pid = -1; pid <= 0; pid++) {
		strcpy(name, "left");
		comm_read(pid, name);
		CU_ASSERT_STRING_EQUAL(name, "");
	}
}

/* It is called in the handlers of programs. */
static void leaves_no_descriptor(void)
{
	int first = dup(0), then;

	close(first);
	CU_ASSERT_FALSE(comm_is(getpid(), "x"));
	then = dup(0);
	CU_ASSERT_EQUAL(first, then);
	close(then);
}

int main(int argc, char **argv)
{
	static const struct unit_test tests[] = {
		{ "names of all kinds are read", reads_names },
		{ "a long one is cut as the kernel does", cuts_long_names },
		{ "a part of a name is not it", takes_whole_names_only },
		{ "who is not there has none", nobody_has_no_name },
		{ "no descriptor is left open", leaves_no_descriptor },
		{ NULL, NULL },
	};
	static const struct unit_suite suites[] = { { "comm", tests },
						    { NULL, NULL } };

	return unit_main(argc, argv, suites);
}
