/* SPDX-License-Identifier: BSD-3-Clause */
/* test_slurm.c - what Slurm says of a job, and what a script is told to change */
#include "launcher/slurm.h"
#include "tests/lib/unit.h"

#include <stdlib.h>
#include <string.h>

static const char *const lines[][2] = {
	{ "cairnrun -n 2 ./a", "to: exec cairnrun -n 2 ./a" },
	{ "/opt/bin/cairnrun ./a >out 2>&1",
	  "to: exec /opt/bin/cairnrun ./a >out 2>&1" },
	{ "cairnrun -n 2 \\", "to: exec cairnrun -n 2 \\" },
	{ "A=1  B= cairnrun ./a", "to: A=1  B= exec cairnrun ./a" },
	/* exec would start something else, or not in the script's place */
	{ "time cairnrun ./a", "line 7 of the script start it by" },
	{ "A=\"x y\" cairnrun ./a", "line 7 of the script start it by" },
	{ "if cairnrun ./a; then", "line 7 of the script start it by" },
	{ "cairnrun ./a | tee log", "line 7 of the script start it by" },
	{ "cairnrun ./a &", "line 7 of the script start it by" },
	/* or what follows would not be done */
	{ "cairnrun ./a || exit 3", "line 7 of the script start it by" },
	{ "cairnrun ./a; cp out $HOME", "line 7 of the script start it by" },
	{ "x=$(cairnrun ./a)", "line 7 of the script start it by" },
	{ "echo cairnrunning", "line 7 of the script start it by" },
	{ NULL, NULL },
};

static void names_the_line(void)
{
	for (size_t i = 0; lines[i][0]; i++) {
		char *said = slurm_exec_line(lines[i][0], 7);
		const char *end = strstr(said, lines[i][1]);

		CU_ASSERT_PTR_NOT_NULL(end);
		CU_ASSERT_PTR_NOT_NULL(strstr(said, "line 7 of the script"));
		if (!end || (!strncmp(lines[i][1], "to:", 3) &&
			     strcmp(end, lines[i][1]))) {
			CU_FAIL("the line is another");
			unit_note("%s: %s", lines[i][0], said);
		}
		free(said);
	}
}

/* As scontrol -o writes it, but for the words that nobody reads. */
#define JOB "JobId=5 JobName=a b Requeue=1 Restarts=2 BatchFlag=1 "

static void reads_a_job(void)
{
	struct slurm_facts f;

	unsetenv("SLURM_RESTART_COUNT");
	CU_ASSERT_FALSE(slurm_parse("slurm_load_jobs error: Invalid job", &f));
	CU_ASSERT_TRUE(slurm_parse(JOB "JobState=RUNNING Reason=None "
				       "EndTime=Unknown PreemptTime=None "
				       "Partition=debug X=1",
				   &f));
	CU_ASSERT_TRUE(f.requeue && f.batch && f.again);
	CU_ASSERT_FALSE(f.preempted || f.completing || f.time_limit || f.end);
	CU_ASSERT_STRING_EQUAL(f.partition, "debug");
	setenv("SLURM_RESTART_COUNT", "2", 1);
	CU_ASSERT_TRUE(slurm_parse(JOB "JobState=COMPLETING Reason=TimeLimit "
				       "EndTime=2026-01-02T03:04:05 "
				       "PreemptTime=2026-01-02T03:04:05",
				   &f));
	CU_ASSERT_FALSE(f.again);
	CU_ASSERT_TRUE(f.preempted && f.completing && f.time_limit);
	CU_ASSERT_TRUE(f.end > 0);
}

static void reads_the_configuration(void)
{
	static const char config[] = "KillWait                = 30 sec\n"
				     "RequeueExit             = 85,100-110\n"
				     "RequeueExitHold         = 7\n";

	CU_ASSERT_EQUAL(slurm_kill_wait(config), 30);
	CU_ASSERT_EQUAL(slurm_kill_wait(""), 0);
	for (int code = 0; code < 256; code++)
		CU_ASSERT_EQUAL(slurm_requeues_code(config, code),
				code == 85 || (code >= 100 && code <= 110));
	CU_ASSERT_FALSE(slurm_requeues_code("RequeueExit  = (null)\n", 0));
}

int main(int argc, char **argv)
{
	static const struct unit_test tests[] = {
		{ "the line to change is given where it is one command",
		  names_the_line },
		{ "scontrol's line of a job is read", reads_a_job },
		{ "so is the configuration", reads_the_configuration },
		{ NULL, NULL },
	};
	static const struct unit_suite suites[] = { { "slurm", tests },
						    { NULL, NULL } };

	return unit_main(argc, argv, suites);
}
