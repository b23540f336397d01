/* SPDX-License-Identifier: BSD-3-Clause */
/* test_command.c - real command lines of mpiexec and srun, and our options */
#include "launcher/options.h"
#include "launcher/starter.h"
#include "launcher/units.h"
#include "tests/lib/unit.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void split(const char *line, struct words *w)
{
	char *copy = strdup(line), *save, *word;

	for (word = strtok_r(copy, " ", &save); word;
	     word = strtok_r(NULL, " ", &save))
		words_add(w, strcmp(word, "''") ? word : "");
	free(copy);
	if (!w->v) {
		words_add(w, "");
		free(w->v[0]);
		w->v[0] = NULL;
		w->n = 0;
	}
}

static char *join(const struct words *w)
{
	char *text = strdup("");

	for (size_t i = 0; i < w->n; i++) {
		char *longer = xprintf("%s%s%s", text, i ? " " : "", w->v[i]);

		free(text);
		text = longer;
	}
	return text;
}

static const char *const rank[] = { "RANK", NULL };
static const char *const rerank[] = { "RANK", "--restart", NULL };
static const char *const variables[] = { "CAIRN_SECRET", "CAIRN_AGENT", NULL };

struct line {
	const char *in, *out;
	long ranks;
};

static const struct line mpiexec_lines[] = {
	{ "hostname", "RANK hostname", 0 },
	{ "-n 4 ./a", "-n 4 RANK ./a", 4 },
	{ "-np 4 ./a -n 7", "-np 4 RANK ./a -n 7", 4 },
	{ "--np=4 ./a", "--np=4 RANK ./a", 4 },
	{ "-n=3 ./a", "-n=3 RANK ./a", 3 },
	{ "-n 2 ./a x : -n 3 ./b y", "-n 2 RANK ./a x : -n 3 RANK ./b y", 5 },
	{ "-genv A 1 -n 2 ./a", "-genv A 1 -n 2 RANK ./a", 2 },
	{ "-genv A=1 -n 2 ./a", "-genv A=1 -n 2 RANK ./a", 2 },
	{ "-genv=A 1 ./a", "-genv=A 1 RANK ./a", 0 },
	{ "-genv=A=1 ./a", "-genv=A=1 RANK ./a", 0 },
	{ "-env A -n -n 2 ./a", "-env A -n -n 2 RANK ./a", 2 },
	{ "-f hosts -ppn 2 -n 8 ./a", "-f hosts -ppn 2 -n 8 RANK ./a", 8 },
	{ "-machinefile h -n 8 ./a", "-machinefile h -n 8 RANK ./a", 8 },
	{ "-hosts a,b -n 2 ./a", "-hosts a,b -n 2 RANK ./a", 2 },
	{ "-host a -n 1 ./a : -host b -n 1 ./b",
	  "-host a -n 1 RANK ./a : -host b -n 1 RANK ./b", 2 },
	{ "-l -n 2 ./a", "-l -n 2 RANK ./a", 2 },
	{ "-prepend-rank -n 2 ./a", "-prepend-rank -n 2 RANK ./a", 2 },
	{ "-prepend-pattern %r: -n 2 ./a", "-prepend-pattern %r: -n 2 RANK ./a",
	  2 },
	{ "-outfile-pattern o.%r -errfile-pattern e.%r -n 2 ./a",
	  "-outfile-pattern o.%r -errfile-pattern e.%r -n 2 RANK ./a", 2 },
	{ "-outfile o -n 2 ./a", "-outfile o -n 2 RANK ./a", 2 },
	{ "-bind-to core:2 -map-by socket -n 2 ./a",
	  "-bind-to core:2 -map-by socket -n 2 RANK ./a", 2 },
	{ "-launcher ssh -launcher-exec /bin/x -n 2 ./a",
	  "-launcher ssh -launcher-exec /bin/x -n 2 RANK ./a", 2 },
	{ "-bootstrap fork -n 2 ./a", "-bootstrap fork -n 2 RANK ./a", 2 },
	{ "-iface eth0 -rmk user -n 2 ./a",
	  "-iface eth0 -rmk user -n 2 RANK ./a", 2 },
	{ "-disable-auto-cleanup -print-all-exitcodes -n 2 ./a",
	  "-disable-auto-cleanup -print-all-exitcodes -n 2 RANK ./a", 2 },
	{ "-usize 4 -n 2 ./a", "-usize 4 -n 2 RANK ./a", 2 },
	{ "-wdir /tmp -n 2 ./a", "-wdir /tmp -n 2 RANK ./a", 2 },
	{ "-gpus-per-proc 1 -n 2 ./a", "-gpus-per-proc 1 -n 2 RANK ./a", 2 },
	{ "-verbose -n 2 ./a", "-verbose -n 2 RANK ./a", 2 },
	{ "-n 2 python3 -c : x", "-n 2 RANK python3 -c : RANK x", 0 },
	{ "-n 2 env A=1 ./a", "-n 2 RANK env A=1 ./a", 2 },
	{ "-genvnone -n 2 ./a",
	  "-genvlist CAIRN_SECRET,CAIRN_AGENT -n 2 RANK ./a", 2 },
	{ "-genvlist A,B -n 2 ./a",
	  "-genvlist A,B,CAIRN_SECRET,CAIRN_AGENT -n 2 RANK ./a", 2 },
	{ "-genvlist=A -n 2 ./a",
	  "-genvlist=A,CAIRN_SECRET,CAIRN_AGENT -n 2 RANK ./a", 2 },
	{ "-n 1 ./a : -envnone -n 2 ./b : -envlist Z -n 1 ./c",
	  "-n 1 RANK ./a : -envlist CAIRN_SECRET,CAIRN_AGENT -n 2 RANK ./b : "
	  "-envlist Z,CAIRN_SECRET,CAIRN_AGENT -n 1 RANK ./c",
	  4 },
	{ NULL, NULL, 0 },
};

static const struct line srun_lines[] = {
	{ "-n 4 ./a", "-n 4 RANK ./a", 4 },
	{ "-n4 -N2 ./a -n9", "-n4 -N2 RANK ./a -n9", 4 },
	{ "--ntasks=4 --mpi=pmi2 ./a", "--ntasks=4 --mpi=pmi2 RANK ./a", 4 },
	{ "--ntasks 4 --overlap ./a", "--ntasks 4 --overlap RANK ./a", 4 },
	{ "-lu -n 2 -J name ./a", "-lu -n 2 -J name RANK ./a", 2 },
	{ "--exclusive -K1 -w n1,n2 ./a", "--exclusive -K1 -w n1,n2 RANK ./a",
	  0 },
	{ "-n 1 ./a : -n 2 ./b", "-n 1 RANK ./a : -n 2 RANK ./b", 3 },
	{ "--het-group=0,1 -n 2 ./a", "--het-group=0,1 -n 2 RANK ./a", 4 },
	{ "--het-group 0,2-4 -n 2 ./a", "--het-group 0,2-4 -n 2 RANK ./a", 8 },
	{ "--het-group=1 -n 2 ./a : --het-group=0-1 -n 1 ./b",
	  "--het-group=1 -n 2 RANK ./a : --het-group=0-1 -n 1 RANK ./b", 4 },
	{ "--het-group=x -n 2 ./a", "--het-group=x -n 2 RANK ./a", 2 },
	{ "--export=NONE,A -n 1 ./a",
	  "--export=NONE,A,CAIRN_SECRET,CAIRN_AGENT -n 1 RANK ./a", 1 },
	{ NULL, NULL, 0 },
};

static void run_lines(const struct starter *starter, const struct line *l)
{
	for (; l->in; l++) {
		struct words w = { 0 };
		struct command c;
		struct err err;
		char *got;

		split(l->in, &w);
		UNIT_OK(command_parse(&c, starter, &w, &err), &err);
		CU_ASSERT(!c.unknown);
		CU_ASSERT_EQUAL(command_ranks(&c), l->ranks);
		command_pass_environment(&c, variables);
		command_wrap(&c, rank, false, 0);
		got = join(&c.words);
		if (strcmp(got, l->out))
			unit_note("%s: %s", l->in, got);
		CU_ASSERT_STRING_EQUAL(got, l->out);
		free(got);
		command_fini(&c);
	}
}

/* What the user says comes later. */
static const char *const completed[][2] = {
	{ "-n 4 /x/a.out y", "--mpi=pmi2 --job-name=a.out -n 4 RANK /x/a.out y" },
	{ "-n 4 -Jmine ./a", "--mpi=pmi2 --job-name=a -n 4 -Jmine RANK ./a" },
	{ "--mpi=none ./a", "--mpi=pmi2 --job-name=a --mpi=none RANK ./a" },
	{ "./a", "--mpi=pmi2 --job-name=a RANK ./a" },
	{ "-n 1 ./a : -n 2 b z",
	  "--mpi=pmi2 --job-name=a -n 1 RANK ./a : --job-name=b -n 2 RANK b z" },
	{ NULL, NULL },
};

static void check_completed(const char *in, const char *program,
			    const char *out)
{
	struct words w = { 0 };
	struct command c;
	struct err err;
	char *got;

	split(in, &w);
	UNIT_OK(command_parse(&c, &starter_srun, &w, &err), &err);
	srun_complete(&c, program);
	command_wrap(&c, program ? rerank : rank, program != NULL, 3);
	got = join(&c.words);
	CU_ASSERT_STRING_EQUAL(got, out);
	free(got);
	command_fini(&c);
}

static void test_srun_completed(void)
{
	for (size_t i = 0; completed[i][0]; i++)
		check_completed(completed[i][0], NULL, completed[i][1]);
	check_completed("-n 3", "/x/heat",
			"--mpi=pmi2 --job-name=heat -n 3 RANK --restart");
	check_completed("", "heat",
			"--mpi=pmi2 --job-name=heat -n 3 RANK --restart");
	check_completed("--het-group=0,1", "heat",
			"--mpi=pmi2 --job-name=heat --het-group=0,1 RANK "
			"--restart");
	check_completed("-N 1 ./a x", "heat",
			"--mpi=pmi2 --job-name=a -N 1 -n 3 RANK --restart");
}

static void test_mpiexec(void)
{
	run_lines(&starter_mpiexec, mpiexec_lines);
}

static void test_srun(void)
{
	run_lines(&starter_srun, srun_lines);
}

static void test_restart(void)
{
	static const struct line lines[] = {
		{ "", "-n 4 RANK --restart", 0 },
		{ "-n 4", "-n 4 RANK --restart", 0 },
		{ "-genv UCX_TLS tcp", "-genv UCX_TLS tcp -n 4 RANK --restart",
		  0 },
		{ "-n 4 ./a b c", "-n 4 RANK --restart", 0 },
		{ "./a b c", "-n 4 RANK --restart", 0 },
		{ "-n 1 ./a : -n 3 ./b x",
		  "-n 1 RANK --restart : -n 3 RANK --restart", 0 },
		{ NULL, NULL, 0 },
	};

	for (const struct line *l = lines; l->in; l++) {
		struct words w = { 0 };
		struct command c;
		struct err err;
		char *got;

		split(l->in, &w);
		UNIT_OK(command_parse(&c, &starter_mpiexec, &w, &err), &err);
		command_wrap(&c, rerank, true, 4);
		got = join(&c.words);
		CU_ASSERT_STRING_EQUAL(got, l->out);
		free(got);
		command_fini(&c);
	}
}

static void test_unknown(void)
{
	static const char *const lines[] = { "-nonsense ./a", "-n", "-genv A",
					     NULL };

	for (int i = 0; lines[i]; i++) {
		struct words w = { 0 };
		struct command c;
		struct err err;

		split(lines[i], &w);
		UNIT_OK(command_parse(&c, &starter_mpiexec, &w, &err), &err);
		CU_ASSERT(c.unknown);
		command_fini(&c);
	}
}

static void test_bad_count(void)
{
	struct words w = { 0 };
	struct command c;
	struct err err;

	split("-n four ./a", &w);
	UNIT_FAILS(command_parse(&c, &starter_mpiexec, &w, &err), -EINVAL, &err,
		   "four");
	command_fini(&c);
}

static void test_configfile(void)
{
	struct words w = { 0 };
	struct command c;
	struct err err;
	char *path = xprintf("%s/config", unit_tmpdir());
	char *line = xprintf("-l -configfile %s", path);
	char *got;
	FILE *f = fopen(path, "w");

	fputs("# two programs\n-n 1 ./a x\n\n-n 2 ./b  # y\n", f);
	fclose(f);
	split(line, &w);
	UNIT_OK(command_parse(&c, &starter_mpiexec, &w, &err), &err);
	CU_ASSERT_EQUAL(command_ranks(&c), 3);
	command_wrap(&c, rank, false, 0);
	got = join(&c.words);
	CU_ASSERT_STRING_EQUAL(got, "-l -n 1 RANK ./a x : -n 2 RANK ./b");
	free(got);
	command_fini(&c);

	unlink(path);
	memset(&w, 0, sizeof(w));
	split(line, &w);
	UNIT_FAILS(command_parse(&c, &starter_mpiexec, &w, &err), -ENOENT, &err,
		   "configuration");
	command_fini(&c);
	free(line);
	free(path);
}

static int parse(const char *line, struct options *o, char **rest,
		 struct err *err)
{
	struct words w = { 0 }, out = { 0 };
	int rc;

	split(line, &w);
	rc = options_parse(w.v, o, &out, err);
	*rest = join(&out);
	words_fini(&w);
	words_fini(&out);
	return rc;
}

static void test_own_options(void)
{
	struct options o;
	struct err err;
	char *rest;

	UNIT_OK(parse("-n 4 --ckpt-dir d --interval 300ms -genv A 1 --keep=3 "
		      "--signal HUP=checkpoint --capture stop --verbose "
		      "--compress 12 "
		      "--quiesce-timeout 10s --restarts 2 --mpi-lib /x "
		      "--burst-buffer /nvme --flush-every 4 --flush-rate 1.5G/s "
		      "./a --keep 9",
		      &o, &rest, &err),
		&err);
	CU_ASSERT_STRING_EQUAL(rest, "-n 4 -genv A 1 ./a --keep 9");
	CU_ASSERT_STRING_EQUAL(o.ckpt_dir, "d");
	CU_ASSERT_EQUAL(o.interval_ms, 300);
	CU_ASSERT_EQUAL(o.kept.keep, 3);
	CU_ASSERT_STRING_EQUAL(o.burst_buffer, "/nvme");
	CU_ASSERT_EQUAL(o.flush_every, 4);
	CU_ASSERT_EQUAL(o.flush_rate, 3 << 29);
	CU_ASSERT_EQUAL(o.signals[SIGHUP], SIGNAL_CHECKPOINT);
	CU_ASSERT_EQUAL(o.signals[SIGUSR1], SIGNAL_CHECKPOINT_EXIT);
	CU_ASSERT_EQUAL(o.signals[SIGUSR2], SIGNAL_CHECKPOINT);
	CU_ASSERT(o.capture_stop && o.verbose);
	CU_ASSERT_STRING_EQUAL(o.compress, "12");
	CU_ASSERT_EQUAL(o.quiesce_ms, 10000);
	CU_ASSERT_EQUAL(o.restarts, 2);
	CU_ASSERT_STRING_EQUAL(o.mpi_lib, "/x");
	free(rest);
	options_fini(&o);
}

static void test_hydra_keeps_its_own(void)
{
	struct options o;
	struct err err;
	char *rest;

	UNIT_OK(parse("-verbose --launcher ssh -n 2 ./a", &o, &rest, &err),
		&err);
	CU_ASSERT_STRING_EQUAL(rest, "-verbose --launcher ssh -n 2 ./a");
	CU_ASSERT(!o.verbose && o.starter == &starter_mpiexec);
	free(rest);
	options_fini(&o);
	UNIT_OK(parse("-N2 --launcher srun -n 2 ./a", &o, &rest, &err), &err);
	CU_ASSERT_STRING_EQUAL(rest, "-N2 -n 2 ./a");
	CU_ASSERT(o.starter == &starter_srun);
	free(rest);
	options_fini(&o);
}

static void test_restart_option(void)
{
	static const struct {
		const char *line, *dir;
		long epoch;
	} lines[] = {
		{ "--restart d", "d", 0 },
		{ "--restart d/", "d", 0 },
		{ "--restart d/3", "d", 3 },
		{ "--restart /x/d/epoch-000012", "/x/d", 12 },
		{ "--restart=d/3/", "d", 3 },
		{ "--restart 2024", "2024", 0 },
		{ "--restart epoch-000002", ".", 2 },
		{ NULL, NULL, 0 },
	};

	for (int i = 0; lines[i].line; i++) {
		struct options o;
		struct err err;
		char *rest;

		UNIT_OK(parse(lines[i].line, &o, &rest, &err), &err);
		CU_ASSERT_STRING_EQUAL(o.restart, lines[i].dir);
		CU_ASSERT_EQUAL(o.restart_epoch, lines[i].epoch);
		free(rest);
		options_fini(&o);
	}
}

static void test_bad_options(void)
{
	static const struct {
		const char *line, *words;
	} lines[] = {
		{ "--interval", "needs a value" },
		{ "--interval 5x ./a", "is not a time" },
		{ "--interval 0s ./a", "between" },
		{ "--interval -5s ./a", "is not a time" },
		{ "--interval inf ./a", "is not a time" },
		{ "--keep 0 ./a", "--keep" },
		{ "--keep many ./a", "--keep" },
		{ "--burst-buffer= ./a", "from the root" },
		{ "--burst-buffer here ./a", "from the root" },
		{ "--flush-rate 10X ./a", "--flush-rate" },
		{ "--flush-rate 0 ./a", "--flush-rate" },
		{ "--flush-rate inf ./a", "--flush-rate" },
		{ "--flush-rate", "needs a value" },
		{ "--flush-every 0 ./a", "--flush-every" },
		{ "--signal USR1 ./a", "--signal" },
		{ "--signal KILL=checkpoint ./a", "cannot be used" },
		{ "--signal FOO=checkpoint ./a", "is not a signal" },
		{ "--signal USR1=stop ./a", "is not an action" },
		{ "--capture fork ./a", "cow or stop" },
		{ "--compress tight ./a", "zstd's level from 1 to 19" },
		{ "--compress= ./a", "zstd's level" },
		{ "--resume=yes ./a", "takes no value" },
		{ "--resume --restart d ./a", "exclude" },
		{ "--restart '' ./a", "folder" },
		{ "--restart d/0", "the epoch" },
		{ NULL, NULL },
	};

	for (int i = 0; lines[i].line; i++) {
		struct options o;
		struct err err;
		char *rest;
		int rc = parse(lines[i].line, &o, &rest, &err);

		if (rc == 0)
			unit_note("%s was taken", lines[i].line);
		CU_ASSERT(rc < 0);
		CU_ASSERT(rc == 0 || strstr(err.text, lines[i].words));
		free(rest);
		options_fini(&o);
	}
}

static void test_units(void)
{
	static const struct {
		const char *text;
		int64_t ms;
	} times[] = {
		{ "300ms", 300 },  { "30s", 30000 },	{ "10m", 600000 },
		{ "1h", 3600000 }, { "1.5h", 5400000 }, { "2d", 172800000 },
		{ "5", 5000 },	   { "0.5s", 500 },	{ "90min", 5400000 },
		{ NULL, 0 },
	};
	struct err err;
	int64_t ms;
	int number;
	char buf[32];

	for (int i = 0; times[i].text; i++) {
		UNIT_OK(units_time(times[i].text, &ms, &err), &err);
		CU_ASSERT_EQUAL(ms, times[i].ms);
	}
	UNIT_FAILS(units_time("1y", &ms, &err), -EINVAL, &err, "1y");
	UNIT_FAILS(units_time("", &ms, &err), -EINVAL, &err, "time");
	UNIT_FAILS(units_time("400d", &ms, &err), -ERANGE, &err, "year");
	UNIT_FAILS(units_time("0x10", &ms, &err), -EINVAL, &err, "time");
	UNIT_OK(units_signal("SIGUSR1", &number, &err), &err);
	CU_ASSERT_EQUAL(number, SIGUSR1);
	UNIT_OK(units_signal("RTMIN+3", &number, &err), &err);
	CU_ASSERT_EQUAL(number, SIGRTMIN + 3);
	UNIT_OK(units_signal("12", &number, &err), &err);
	CU_ASSERT_EQUAL(number, 12);
	CU_ASSERT_STRING_EQUAL(units_bytes(512, buf, sizeof(buf)), "512 B");
	CU_ASSERT_STRING_EQUAL(units_bytes(1536, buf, sizeof(buf)), "1.5 KiB");
	CU_ASSERT_STRING_EQUAL(units_duration(35, buf, sizeof(buf)), "35 ms");
	CU_ASSERT_STRING_EQUAL(units_duration(200000, buf, sizeof(buf)),
			       "3 min 20 s");
}

static const struct unit_test command_tests[] = {
	{ "programs are found in mpiexec's command lines", test_mpiexec },
	{ "programs are found in srun's command lines", test_srun },
	{ "srun is told of PMI2, and the step's name", test_srun_completed },
	{ "a restart keeps counts and drops programs", test_restart },
	{ "what mpiexec will refuse is left to it", test_unknown },
	{ "a bad count is named", test_bad_count },
	{ "a configuration file is read", test_configfile },
	{ "our options mix with mpiexec's", test_own_options },
	{ "mpiexec keeps options of the same name", test_hydra_keeps_its_own },
	{ "a folder and an epoch are told apart", test_restart_option },
	{ "bad options are refused with a sentence", test_bad_options },
	{ "times, signals and sizes are read and written", test_units },
	{ NULL, NULL },
};

static const struct unit_suite suites[] = {
	{ "command", command_tests },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	return unit_main(argc, argv, suites);
}
