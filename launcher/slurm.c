/* SPDX-License-Identifier: BSD-3-Clause */
/* slurm.c - the batch job that cairnrun runs in: its end, and its next run */
#include "launcher/slurm.h"

#include "launcher/errand.h"
#include "launcher/words.h"
#include "runtime/base/comm.h"
#include "runtime/base/fmt.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SLURM_MS 30000 /* how long one of Slurm's commands may take */
#define CHECK_MS 2000  /* the same before the job starts */

static const char *env(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

const char *slurm_job(void)
{
	const char *array = env("SLURM_ARRAY_JOB_ID");
	const char *task = env("SLURM_ARRAY_TASK_ID");
	static char label[64];

	if (!env("SLURM_JOB_ID"))
		return NULL;
	if (!array || !task)
		return env("SLURM_JOB_ID");
	fmt_print(label, sizeof(label), "%s_%s", array, task);
	return label;
}

const char *slurm_first_job(void)
{
	const char *first = env("CAIRN_CONTINUE");

	return slurm_job() && first ? first : slurm_job();
}

bool slurm_runs_again(void)
{
	const char *count = env("SLURM_RESTART_COUNT");

	return slurm_job() && (env("CAIRN_CONTINUE") ||
			       (count && strtol(count, NULL, 10) > 0));
}

bool slurm_in_script(void)
{
	return slurm_job() && env("SLURM_TASK_PID");
}

bool slurm_sent(pid_t sender)
{
	return comm_is(sender, "slurmstepd");
}

/* --- what scontrol says --- */

/* The value of NAME= in a line of NAME=VALUE words; NULL if it is not there. */
static const char *value_of(const char *line, const char *name)
{
	size_t len = strlen(name);

	for (; (line = strstr(line, name)); line += len)
		if (line[len] == '=')
			return line + len + 1;
	return NULL;
}

static bool is_value(const char *line, const char *name, const char *value)
{
	const char *at = value_of(line, name);

	return at && !strncmp(at, value, strlen(value));
}

/* Once more than the environment of this run says. */
static bool is_in_queue_again(const char *line)
{
	const char *restarts = value_of(line, "Restarts");
	const char *now = env("SLURM_RESTART_COUNT");

	return restarts &&
	       strtol(restarts, NULL, 10) > (now ? strtol(now, NULL, 10) : 0);
}

bool slurm_parse(const char *line, struct slurm_facts *facts)
{
	const char *end = value_of(line, "EndTime");
	const char *requeue = value_of(line, "Requeue");
	const char *batch = value_of(line, "BatchFlag");
	const char *partition;
	struct tm tm = { .tm_isdst = -1 };

	memset(facts, 0, sizeof(*facts));
	if (!value_of(line, "JobId"))
		return false;
	/* In the local time of the machine; "Unknown" or "N/A": none. */
	if (end && strptime(end, "%Y-%m-%dT%H:%M:%S", &tm))
		facts->end = mktime(&tm);
	facts->requeue = requeue && *requeue == '1';
	facts->batch = batch && *batch == '1';
	facts->preempted = value_of(line, "PreemptTime") &&
			   !is_value(line, "PreemptTime", "None");
	facts->completing = is_value(line, "JobState", "COMPLETING");
	facts->time_limit = is_value(line, "Reason", "TimeLimit");
	facts->again = is_in_queue_again(line);
	partition = value_of(line, "Partition");
	if (partition)
		fmt_print(facts->partition, sizeof(facts->partition), "%.*s",
			  (int)strcspn(partition, " \n"), partition);
	return true;
}

/* --- the next run --- */

int slurm_requeue(struct err *err)
{
	char *requeue[] = { "scontrol", "requeue", (char *)slurm_job(), NULL };
	char *show[] = { "scontrol",	      "-o", "show", "job",
			 (char *)slurm_job(), NULL };
	static struct errand e;
	const char *state;
	int rc;

	signal(SIGTERM, SIG_IGN);
	rc = errand_run(&e, requeue, SLURM_MS);
	if (!rc)
		return 0;
	rc = errand_run(&e, show, SLURM_MS);
	state = rc ? NULL : value_of(e.output, "JobState");
	if (state && strncmp(state, "RUNNING", 7))
		return 0; /* it is on its way */
	return err_set(err, -EPERM,
		       "Slurm did not requeue job %s; requeue it by hand with: "
		       "scontrol requeue %s",
		       slurm_job(), slurm_job());
}

int slurm_grace_s(const char *line)
{
	const char *grace = value_of(line, "GraceTime");

	return grace ? (int)strtol(grace, NULL, 10) : 0;
}

/* "KillWait                = 30 sec" */
int slurm_kill_wait(const char *config)
{
	const char *at = strstr(config, "KillWait ");

	at = at ? strchr(at, '=') : NULL;
	return at ? (int)strtol(at + 1, NULL, 10) : 0;
}

/* "RequeueExit             = 85,100-110" */
bool slurm_requeues_code(const char *config, int code)
{
	const char *at = strstr(config, "RequeueExit ");
	long from, to;
	char *end;

	at = at ? strchr(at, '=') : NULL;
	while (at && (*at == '=' || *at == ',')) {
		from = strtol(at + 1, &end, 10);
		if (end == at + 1)
			break;
		to = *end == '-' ? strtol(end + 1, &end, 10) : from;
		if (code >= from && code <= to)
			return true;
		at = end;
	}
	return false;
}

/* What the next run must not find: it has a cairnrun of its own. */
static void forget_this_run(void)
{
	static const char *const ours[] = { "CAIRN_SECRET", "CAIRN_COORDINATOR",
					    "CAIRN_AGENT" };

	for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++)
		unsetenv(ours[i]);
}

/* The value ends where the next " Name=" begins: paths may hold spaces. */
static size_t value_len(const char *value)
{
	size_t len = 0;

	for (; value[len] && value[len] != '\n'; len++) {
		const char *name = value + len + 1;

		if (value[len] == ' ' && *name != '=' &&
		    name[strcspn(name, " =")] == '=')
			break;
	}
	return len;
}

/* What sbatch was told on its command line is not in the script: the next job
 * is told what Slurm says of this one. */
void slurm_options_again(const char *line, struct words *out)
{
	static const struct {
		const char *field, *option;
	} table[] = {
		{ "JobName", "--job-name" },
		{ "Account", "--account" },
		{ "Partition", "--partition" },
		{ "QOS", "--qos" },
		{ "TimeLimit", "--time" },
		{ "NumNodes", "--nodes" },
		{ "NumTasks", "--ntasks" },
		{ "CPUs/Task", "--cpus-per-task" },
		{ "StdOut", "--output" },
		{ "StdErr", "--error" },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		const char *value = value_of(line, table[i].field);
		size_t len = value ? value_len(value) : 0;
		char *word;

		if (!len || !strncmp(value, "(null)", 6) ||
		    !strncmp(value, "N/A", 3))
			continue;
		word = xprintf("%s=%.*s", table[i].option, (int)len, value);
		words_add(out, word);
		free(word);
	}
}

/* Gives the id, or the code of what failed. */
static int submit(const char *script, struct errand *e)
{
	const char *from = env("SLURM_SUBMIT_DIR");
	char *export = xprintf("--export=ALL,CAIRN_CONTINUE=%s",
			       slurm_first_job());
	char *after = xprintf("--dependency=afterany:%s", slurm_job());
	char *chdir = xprintf("--chdir=%s", from ? from : ".");
	char *show[] = { "scontrol",	      "-o", "show", "job",
			 (char *)slurm_job(), NULL };
	struct words w = { 0 };
	int rc = errand_run(e, show, SLURM_MS);

	words_add(&w, "sbatch");
	words_add(&w, "--parsable");
	words_add(&w, "--open-mode=append");
	words_add(&w, export);
	words_add(&w, after);
	words_add(&w, chdir);
	if (!rc)
		slurm_options_again(e->output, &w);
	words_add(&w, script);
	rc = errand_run(e, w.v, SLURM_MS);
	words_fini(&w);
	free(export);
	free(after);
	free(chdir);
	return rc;
}

int slurm_resubmit(const char *dir, int code, char *id, struct err *err)
{
	char *config[] = { "scontrol", "show", "config", NULL };
	char *script = xprintf("%s/script-%s.sh", dir, slurm_job());
	char *write[] = { "scontrol",	       "write", "batch_script",
			  (char *)slurm_job(), script,	NULL };
	static struct errand e;
	int rc;

	*id = '\0';
	forget_this_run();
	unlink(script); /* scontrol overwrites nothing */
	rc = errand_run(&e, config, SLURM_MS);
	if (!rc && slurm_requeues_code(e.output, code))
		goto out;
	if (!rc)
		rc = errand_run(&e, write, SLURM_MS);
	if (!rc)
		rc = submit(script, &e);
	if (!rc)
		fmt_print(id, 32, "%.*s", (int)strcspn(e.output, ";\n"),
			  e.output);
out:
	free(script);
	if (!rc)
		return 0;
	return err_set(err, -EPERM,
		       "Slurm did not take job %s's script again; submit it by "
		       "hand, with: sbatch --export=ALL,CAIRN_CONTINUE=%s",
		       slurm_job(), slurm_first_job());
}

/* --- what the script says --- */

/* Does the parent ignore the signal, or do something about it? */
static bool parent_minds(int number)
{
	char path[40], line[80];
	unsigned long long mask = 0;
	FILE *f;

	fmt_print(path, sizeof(path), "/proc/%d/status", (int)getppid());
	f = fopen(path, "re");
	if (!f)
		return true; /* not known: do not warn */
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, "SigCgt:", 7) ||
		    !strncmp(line, "SigIgn:", 7))
			mask |= strtoull(line + 7, NULL, 16);
	fclose(f);
	return mask >> (number - 1) & 1;
}

/* The batch script, as Slurm keeps it.  The caller frees it. */
static char *script_text(void)
{
	char *write[] = { "scontrol",	       "write", "batch_script",
			  (char *)slurm_job(), "-",	NULL };
	static struct errand e;

	/* No start waits long for a warning. */
	return errand_run(&e, write, CHECK_MS) ? NULL : xstrdup(e.output);
}

/* The signal of "#SBATCH --signal=B:USR1@60"; 0: none that goes to the shell
 * only. */
static int batch_signal(const char *text)
{
	const char *at = strstr(text, "--signal=B:");

	if (!at)
		return 0;
	at += strlen("--signal=B:");
	if (!strncmp(at, "SIG", 3))
		at += 3;
	if (isdigit((unsigned char)*at))
		return (int)strtol(at, NULL, 10);
	return !strncmp(at, "USR1", 4) ? SIGUSR1 :
	       !strncmp(at, "USR2", 4) ? SIGUSR2 :
	       !strncmp(at, "TERM", 4) ? SIGTERM :
	       !strncmp(at, "INT", 3)  ? SIGINT :
					 0;
}

/* The number of the line that runs us, and it; 0: not found. */
static int our_line(const char *text, char *line, size_t size)
{
	int number = 1;

	for (; *text; number++) {
		size_t len = strcspn(text, "\n");
		const char *word = text + strspn(text, " \t");

		if (*word != '#' && memmem(text, len, "cairnrun", 8)) {
			fmt_print(line, size, "%.*s",
				  (int)(len - (size_t)(word - text)), word);
			return number;
		}
		text += len + (text[len] == '\n');
	}
	return 0;
}

/* Where exec belongs in a line that is one command, behind what is set for it;
 * NULL: it is something else, and exec would lose a part or help nothing. */
static const char *exec_place(const char *line)
{
	const char *at = line, *p;

	for (p = strpbrk(line, "|&;`("); p; p = strpbrk(p + 1, "|&;`("))
		if (*p != '&' || p == line || p[-1] != '>')
			return NULL;
	for (;;) {
		size_t len = strcspn(at, " \t");

		if (len >= 8 && !strncmp(at + len - 8, "cairnrun", 8))
			return at;
		if (!memchr(at, '=', len))
			return NULL;
		at += len + strspn(at + len, " \t");
	}
}

char *slurm_exec_line(const char *line, int number)
{
	const char *place = exec_place(line);

	if (!place)
		return xprintf("let line %d of the script start it by: exec "
			       "cairnrun",
			       number);
	return xprintf("change line %d of the script to: %.*sexec %s", number,
		       (int)(place - line), line, place);
}

static void check_signal(const char *text,
			 void (*warn)(void *arg, const char *sentence),
			 void *arg)
{
	int number = batch_signal(text), at;
	char *sentence, *change;
	char line[120];

	if (!number || parent_minds(number))
		return;
	at = our_line(text, line, sizeof(line));
	if (!at || !strncmp(line, "exec ", 5))
		return;
	change = slurm_exec_line(line, at);
	sentence = xprintf("Slurm's --signal=B: reaches only the shell of the "
			   "batch script, which would die of it unheard; %s",
			   change);
	warn(arg, sentence);
	free(change);
	free(sentence);
}

void slurm_check_script(void (*warn)(void *arg, const char *sentence),
			void *arg)
{
	char *text;
	struct stat st;

	/* Said once, in the first run. */
	if (!slurm_job() || slurm_runs_again())
		return;
	text = script_text();
	if (text && strstr(text, "#SBATCH"))
		check_signal(text, warn, arg);
	/* The descriptor does not tell: Slurm appends in both modes, but
	 * truncates first in one of them. */
	if (text && !env("SBATCH_OPEN_MODE") && !strstr(text, "open-mode") &&
	    !fstat(1, &st) && S_ISREG(st.st_mode))
		warn(arg, "the script does not say --open-mode=append: Slurm "
			  "truncates the job's output when it is requeued, "
			  "unless sbatch was told so; add to the script: "
			  "#SBATCH --open-mode=append");
	free(text);
}
