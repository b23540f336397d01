/* SPDX-License-Identifier: BSD-3-Clause */
/* test_hosts.c - which nodes are left, and what Slurm says of a job */
#include "launcher/hosts.h"
#include "launcher/slurm.h"
#include "tests/lib/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void split(const char *line, struct words *w)
{
	char *copy = strdup(line), *save, *word;

	memset(w, 0, sizeof(*w));
	for (word = strtok_r(copy, " ", &save); word;
	     word = strtok_r(NULL, " ", &save))
		words_add(w, word);
	free(copy);
}

static bool same(const struct words *w, const char *line)
{
	char text[400] = "";

	for (size_t i = 0, used = 0; i < w->n && used < sizeof(text); i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used,
					 "%s%s", i ? " " : "", w->v[i]);
	if (strcmp(text, line))
		printf("# got:  %s\n# want: %s\n", text, line);
	return !strcmp(text, line);
}

static void check(const struct starter *starter, const char *line,
		  const char *bad_line, const char *expected)
{
	struct words in, bad, out;
	struct err err;

	split(line, &in);
	split(bad_line, &bad);
	UNIT_OK(hosts_without(starter, &in, &bad, &out, &err), &err);
	CU_ASSERT(same(&out, expected));
	words_fini(&in);
	words_fini(&bad);
	words_fini(&out);
}

static void test_named(void)
{
	struct words in, out = { 0 };

	split("-launcher ssh -hosts a:2,b.site:1 -host c -n 4 ./x -host y",
	      &in);
	hosts_named(&starter_mpiexec, &in, &out);
	CU_ASSERT(same(&out, "a b.site c"));
	words_fini(&in);
	words_fini(&out);
}

static void test_lists(void)
{
	check(&starter_mpiexec, "-hosts a:2,b:2,c -n 4 ./x -hosts y", "b",
	      "-hosts a:2,c -n 4 ./x -hosts y");
	check(&starter_mpiexec, "-launcher ssh -host=a,b -n 2 ./x", "a",
	      "-hosts b -launcher ssh -n 2 ./x");
	/* an agent says its host's name as the host itself knows it */
	check(&starter_mpiexec, "-hosts n1.site:2,N2.site:2 ./x", "n2 n3",
	      "-hosts n1.site:2 ./x");
	check(&starter_mpiexec, "-hosts n1,n10 ./x", "n1", "-hosts n10 ./x");
	check(&starter_srun, "-N 2 -n 4 ./x", "n1 n2",
	      "--exclude n1,n2 -N 2 -n 4 ./x");
}

static void test_file(void)
{
	char name[] = "/tmp/test_hosts.XXXXXX", line[80];
	int fd = mkstemp(name);
	FILE *f = fdopen(fd, "w");

	fputs("# the cluster\n a:2 # fast\n\nb binding=user:0\nc:1\n", f);
	fclose(f);
	snprintf(line, sizeof(line), "-f %s -n 3 ./x", name);
	check(&starter_mpiexec, line, "c", "-hosts a:2,b -n 3 ./x");
	unlink(name);
}

static void test_none_left(void)
{
	struct words in, bad, out;
	struct err err;

	unsetenv("SLURM_JOB_NODELIST");
	split("-hosts a,b ./x", &in);
	split("a b", &bad);
	UNIT_FAILS(hosts_without(&starter_mpiexec, &in, &bad, &out, &err),
		   -ENODATA, &err, "no node is left");
	words_fini(&in);
	split("-f /nowhere/hosts ./x", &in);
	UNIT_FAILS(hosts_without(&starter_mpiexec, &in, &bad, &out, &err),
		   -ENOENT, &err, "/nowhere/hosts");
	words_fini(&in);
	words_fini(&bad);
	words_fini(&out);
}

static void test_slurm_line(void)
{
	struct slurm_facts facts;
	struct tm tm = { .tm_isdst = -1,
			 .tm_year = 126,
			 .tm_mon = 10,
			 .tm_mday = 22,
			 .tm_hour = 20,
			 .tm_min = 35,
			 .tm_sec = 7 };

	CU_ASSERT(slurm_parse("JobId=7 JobName=x Requeue=1 Restarts=0 "
			      "BatchFlag=1 StartTime=2026-11-22T20:00:07 "
			      "EndTime=2026-11-22T20:35:07 Deadline=N/A",
			      &facts));
	CU_ASSERT(facts.requeue && facts.batch);
	CU_ASSERT_EQUAL(facts.end, mktime(&tm));
	CU_ASSERT(slurm_parse("JobId=7 Requeue=0 BatchFlag=0 EndTime=Unknown",
			      &facts));
	CU_ASSERT(!facts.requeue && !facts.batch && !facts.end);
	CU_ASSERT(
		!slurm_parse("slurm_load_jobs error: Invalid job id", &facts));
}

static void test_slurm_exit_codes(void)
{
	static const char config[] = "PrologFlags             = (null)\n"
				     "RequeueExit             = 85,100-110\n"
				     "RequeueExitHold         = 7\n";

	CU_ASSERT(slurm_requeues_code(config, 85));
	CU_ASSERT(slurm_requeues_code(config, 100));
	CU_ASSERT(slurm_requeues_code(config, 110));
	CU_ASSERT(!slurm_requeues_code(config, 7));
	CU_ASSERT(!slurm_requeues_code(config, 99));
	CU_ASSERT(
		!slurm_requeues_code("RequeueExit             = (null)\n", 85));
	CU_ASSERT(!slurm_requeues_code("", 85));
}

/* Lines that Slurm 22.05 wrote, without what is not looked at. */
static void test_slurm_ending(void)
{
	const char *lines[] = {
		"JobId=7 JobState=RUNNING Reason=None Requeue=1 Restarts=0 "
		"EndTime=2026-11-28T12:06:11 PreemptTime=2026-11-28T12:05:51 "
		"Partition=scav AllocNode:Sid=vm:1",
		"JobId=7 JobState=COMPLETING Reason=TimeLimit Requeue=1 "
		"Restarts=0 PreemptTime=None Partition=debug",
		"JobId=7 JobState=COMPLETING Reason=None Requeue=1 Restarts=2 "
		"EndTime=Unknown Partition=debug",
	};
	struct slurm_facts f;

	unsetenv("SLURM_RESTART_COUNT");
	CU_ASSERT(slurm_parse(lines[0], &f));
	CU_ASSERT(f.preempted && !f.completing && !f.time_limit && !f.again);
	CU_ASSERT_STRING_EQUAL(f.partition, "scav");
	CU_ASSERT(slurm_parse(lines[1], &f));
	CU_ASSERT(!f.preempted && f.completing && f.time_limit && !f.again);
	CU_ASSERT(slurm_parse(lines[2], &f));
	CU_ASSERT(!f.preempted && f.completing && !f.time_limit && f.again);
	setenv("SLURM_RESTART_COUNT", "2", 1);
	CU_ASSERT(slurm_parse(lines[2], &f));
	CU_ASSERT(!f.again);
	unsetenv("SLURM_RESTART_COUNT");
	CU_ASSERT_EQUAL(slurm_grace_s("AllowQos=ALL GraceTime=20 Nodes=n3"),
			20);
	CU_ASSERT_EQUAL(slurm_grace_s("Nodes=n3"), 0);
	CU_ASSERT_EQUAL(slurm_kill_wait("KillOnBadExit           = 0\n"
					"KillWait                = 30 sec\n"),
			30);
	CU_ASSERT_EQUAL(slurm_kill_wait(""), 0);
}

static void test_slurm_again(void)
{
	struct words w = { 0 };

	slurm_options_again(
		"JobId=7 JobName=a b Account=(null) QOS=(null) JobState=RUNNING "
		"TimeLimit=01:00:00 Partition=debug NumNodes=2 NumCPUs=4 "
		"NumTasks=4 CPUs/Task=1 StdErr=/a = b/x.log StdIn=/dev/null "
		"StdOut=/a = b/x.log Power=",
		&w);
	CU_ASSERT(same(&w, "--job-name=a b --partition=debug --time=01:00:00 "
			   "--nodes=2 --ntasks=4 --cpus-per-task=1 "
			   "--output=/a = b/x.log --error=/a = b/x.log"));
	words_fini(&w);
}

static void test_slurm_id(void)
{
	unsetenv("SLURM_JOB_ID");
	CU_ASSERT_PTR_NULL(slurm_job());
	setenv("SLURM_JOB_ID", "12", 1);
	CU_ASSERT_STRING_EQUAL(slurm_job(), "12");
	/* the last task of an array has the array's number */
	setenv("SLURM_ARRAY_JOB_ID", "12", 1);
	setenv("SLURM_ARRAY_TASK_ID", "3", 1);
	CU_ASSERT_STRING_EQUAL(slurm_job(), "12_3");
	unsetenv("SLURM_JOB_ID");
	unsetenv("SLURM_ARRAY_JOB_ID");
	unsetenv("SLURM_ARRAY_TASK_ID");
}

static const struct unit_test hosts_tests[] = {
	{ "lists of hosts lose the bad ones", test_lists },
	{ "all that are named are found", test_named },
	{ "files of hosts too", test_file },
	{ "when none is left, that is said", test_none_left },
	{ "scontrol's line is understood", test_slurm_line },
	{ "exit codes that a site requeues", test_slurm_exit_codes },
	{ "why and when it ends a job", test_slurm_ending },
	{ "a job like this one has its options", test_slurm_again },
	{ "a task of an array is not its array", test_slurm_id },
	{ NULL, NULL },
};

static const struct unit_suite suites[] = {
	{ "hosts", hosts_tests },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	return unit_main(argc, argv, suites);
}
