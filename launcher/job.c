/* SPDX-License-Identifier: BSD-3-Clause */
/* job.c - a job's checkpoint folder: its name, its lock, job.json, its log */
#include "launcher/job.h"

#include "launcher/slurm.h"
#include "runtime/net/address.h"
#include "runtime/net/channel.h"
#include "storage/commit.h"
#include "storage/owner.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define JOB_FILE      "job.json"
#define LOG_FILE      "cairn.log"
#define FINISHED_FILE "finished"
#define RUNS_FILE     "runs.json"
#define PREFIX	      "cairn-"
#define LOCK_MS	      1000 /* longer than cairn ever looks */

/* FNV-1a: short, and the same for ever. */
static uint32_t hash_word(uint32_t h, const char *word)
{
	do
		h = (h ^ (unsigned char)*word) * 16777619U;
	while (*word++);
	return h;
}

char *job_default_dir(const struct command *c)
{
	/* A component of a heterogeneous job, in Slurm's notation: "12+1". */
	const char *group = c->starter == &starter_srun ?
				    command_value(c, "het-group") :
				    NULL;
	const char *slurm = slurm_first_job();
	const char *program = NULL, *base;
	char ranks[24];
	uint32_t h = 2166136261U;

	for (size_t i = 0; i < c->n; i++) {
		const struct section *s = &c->sections[i];

		if (!program && s->program < s->end)
			program = c->words.v[s->program];
		snprintf(ranks, sizeof(ranks), "%ld", s->ranks);
		h = hash_word(h, ranks);
		for (size_t k = s->program; k < s->end; k++)
			h = hash_word(h, c->words.v[k]);
	}
	base = program ? program : "job";
	base = strrchr(base, '/') ? strrchr(base, '/') + 1 : base;
	return xprintf(PREFIX "%s-%s%s%s%s%04x", base, slurm ? slurm : "",
		       slurm && group ? "+" : "", slurm && group ? group : "",
		       slurm ? "-" : "", (h ^ h >> 16) & 0xffff);
}

bool job_finished(const struct job *job)
{
	return !faccessat(job->dirfd, FINISHED_FILE, F_OK, 0);
}

void job_finish(struct job *job, bool finished)
{
	struct err err;

	if (!finished)
		unlinkat(job->dirfd, FINISHED_FILE, 0);
	else if (commit_file(job->dirfd, FINISHED_FILE, "", 0, 0, &err))
		job_log(job, err.text);
}

/* runs.json: {"epoch": E, "idle": N}, N runs in a row began from E. */
static void write_runs(struct job *job, uint32_t epoch, long idle)
{
	char *text = xprintf("{\"epoch\": %u, \"idle\": %ld}\n", epoch, idle);
	struct err err;

	if (commit_file(job->dirfd, RUNS_FILE, text, strlen(text), 0, &err))
		job_log(job, err.text);
	free(text);
}

static long read_runs(const struct job *job, json_int_t *epoch)
{
	int fd = openat(job->dirfd, RUNS_FILE,
			O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	json_t *runs = fd < 0 ? NULL : json_loadfd(fd, 0, NULL);
	json_int_t idle = 0;

	if (json_unpack(runs, "{s:I, s:I}", "epoch", epoch, "idle", &idle))
		idle = 0;
	json_decref(runs);
	if (fd >= 0)
		close(fd);
	return (long)idle;
}

long job_idle_runs(struct job *job, uint32_t epoch)
{
	json_int_t from = 0;
	long idle = read_runs(job, &from);

	idle = from == epoch ? idle + 1 : 1;
	write_runs(job, epoch, idle);
	return idle;
}

void job_stays(struct job *job, uint32_t newer)
{
	json_int_t from = 0;
	long idle = read_runs(job, &from);

	write_runs(job, newer, idle);
}

/* cairn holds it for a moment, shared, to see whether a job runs here
 * (job_contact).  flock has no time limit of its own. */
static int lock_soon(int fd)
{
	int64_t until = clock_ms() + LOCK_MS;

	while (flock(fd, LOCK_EX | LOCK_NB)) {
		if (errno != EWOULDBLOCK || clock_ms() > until)
			return -errno;
		poll(NULL, 0, 10);
	}
	return 0;
}

static int lock_dir(struct job *job, struct err *err)
{
	int rc;

	job->dirfd = open(job->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (job->dirfd < 0)
		return err_set(err, -errno,
			       "cannot open the checkpoint folder %s: %s",
			       job->dir, strerror(errno));
	rc = owner_check_dir(job->dirfd, job->dir, err);
	if (!rc && faccessat(job->dirfd, ".", W_OK | X_OK, AT_EACCESS))
		rc = err_set(err, -errno,
			     "cannot write to the checkpoint folder %s: %s; "
			     "give another one with --ckpt-dir",
			     job->dir, strerror(errno));
	/* Some network file systems have no locks: better a job without. */
	if (!rc && lock_soon(job->dirfd) == -EWOULDBLOCK)
		rc = err_set(err, -EBUSY,
			     "another cairnrun is running a job with the "
			     "checkpoint folder %s; give this one its own "
			     "with --ckpt-dir",
			     job->dir);
	if (rc) {
		close(job->dirfd);
		job->dirfd = -1;
	}
	return rc;
}

static int open_one(struct job *job, const char *dir, struct err *err)
{
	char path[PATH_MAX];
	int rc;

	job->made = !mkdir(dir, 0700);
	if (!job->made && errno != EEXIST)
		return err_set(err, -errno,
			       "cannot make the checkpoint folder %s: %s; "
			       "give another one with --ckpt-dir",
			       dir, strerror(errno));
	if (!realpath(dir, path))
		return err_set(err, -errno,
			       "cannot find the checkpoint folder %s: %s", dir,
			       strerror(errno));
	job->dir = xstrdup(path);
	rc = lock_dir(job, err);
	if (rc) {
		free(job->dir);
		job->dir = NULL;
	}
	return rc;
}

int job_open(struct job *job, const char *dir, bool any_free, struct err *err)
{
	const char *base;
	int rc;

	memset(job, 0, sizeof(*job));
	job->dirfd = -1;
	rc = open_one(job, dir, err);
	for (int i = 2; rc == -EBUSY && any_free && i < 1000; i++) {
		char *other = xprintf("%s-%d", dir, i);

		rc = open_one(job, other, err);
		free(other);
	}
	if (rc)
		return rc;
	base = strrchr(job->dir, '/') + 1;
	if (!strncmp(base, PREFIX, strlen(PREFIX)) && base[strlen(PREFIX)])
		base += strlen(PREFIX);
	job->name = xstrdup(base);
	return 0;
}

static void stamp(char *buf, size_t size)
{
	time_t now = time(NULL);
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(buf, size, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

int job_announce(struct job *job, const char *address, const char *auth,
		 const unsigned char *secret, json_t *program, struct err *err)
{
	char hex[2 * CHANNEL_SECRET_BYTES + 1], host[HOST_NAME_MAX + 1] = "";
	char started[32];
	json_t *info;
	char *text;
	int rc;

	gethostname(host, sizeof(host) - 1);
	stamp(started, sizeof(started));
	secret_to_hex(secret, hex);
	info = json_pack("{s:s, s:i, s:s, s:s, s:s, s:s, s:s, s:O}", "job",
			 job->name, "pid", (int)getpid(), "host", host,
			 "address", address, "auth", auth, "secret", hex,
			 "started", started, "program", program);
	text = info ? json_dumps(info, JSON_INDENT(1)) : NULL;
	json_decref(info);
	if (!text)
		return err_set(err, -EINVAL,
			       "the program's arguments are not valid UTF-8");
	rc = commit_file(job->dirfd, JOB_FILE, text, strlen(text), 0, err);
	free(text);
	job->announced = !rc;
	return rc;
}

void job_log(struct job *job, const char *line)
{
	char when[32], *text;
	int fd = openat(job->dirfd, LOG_FILE,
			O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW,
			0600);

	if (fd < 0)
		return;
	stamp(when, sizeof(when));
	text = xprintf("%s %s\n", when, line);
	/* The log is a convenience: a full disk is reported by the epoch. */
	if (write(fd, text, strlen(text)) < 0)
		errno = 0;
	free(text);
	close(fd);
}

void job_close(struct job *job)
{
	if (job->dirfd < 0 || !job->dir)
		return;
	if (job->announced)
		unlinkat(job->dirfd, JOB_FILE, 0);
	if (job->made)
		rmdir(job->dir); /* fails when there is anything in it */
	close(job->dirfd);
	free(job->dir);
	free(job->name);
	memset(job, 0, sizeof(*job));
	job->dirfd = -1;
}

static bool is_dir(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISDIR(st.st_mode);
}

/* The only folder here whose name begins with cairn-NAME- */
static int find_by_prefix(const char *name, char **dir, struct err *err)
{
	char *prefix = xprintf(PREFIX "%s-", name);
	struct dirent *entry;
	DIR *d = opendir(".");
	int found = 0;

	while (d && (entry = readdir(d))) {
		if (strncmp(entry->d_name, prefix, strlen(prefix)) ||
		    !is_dir(entry->d_name))
			continue;
		if (!found++)
			*dir = xstrdup(entry->d_name);
	}
	if (d)
		closedir(d);
	free(prefix);
	if (found == 1)
		return 0;
	if (found > 1) {
		free(*dir);
		*dir = NULL;
		return err_set(err, -ENOTUNIQ,
			       "there are %d jobs named %s here; give the "
			       "checkpoint folder",
			       found, name);
	}
	return err_set(err, -ENOENT,
		       "there is no checkpoint folder %s, nor a job of that "
		       "name here",
		       name);
}

int job_find(const char *name, char **dir, struct err *err)
{
	char *prefixed;

	if (is_dir(name)) {
		*dir = xstrdup(name);
		return 0;
	}
	if (strchr(name, '/') || !*name)
		return err_set(err, -ENOENT, "there is no checkpoint folder %s",
			       name);
	prefixed = xprintf(PREFIX "%s", name);
	if (is_dir(prefixed)) {
		*dir = prefixed;
		return 0;
	}
	free(prefixed);
	return find_by_prefix(name, dir, err);
}

static int read_info(int dirfd, const char *dir, json_t **info, struct err *err)
{
	json_error_t why;
	int fd, rc;

	fd = openat(dirfd, JOB_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT)
		return err_set(err, -ESRCH, "no job is running in %s", dir);
	if (fd < 0)
		return err_set(err, -errno, "cannot read %s/" JOB_FILE ": %s",
			       dir, strerror(errno));
	rc = owner_check_file(fd, JOB_FILE, err);
	if (!rc) {
		*info = json_loadfd(fd, JSON_REJECT_DUPLICATES, &why);
		if (!json_is_object(*info)) {
			json_decref(*info);
			*info = NULL;
			rc = err_set(err, -EINVAL,
				     "%s/" JOB_FILE " is damaged: %s", dir,
				     why.text);
		}
	}
	close(fd);
	return rc;
}

int job_contact(const char *dir, json_t **info, struct err *err)
{
	int rc, dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dirfd < 0)
		return err_set(err, -errno, "cannot open %s: %s", dir,
			       strerror(errno));
	rc = owner_check_dir(dirfd, dir, err);
	if (!rc)
		rc = read_info(dirfd, dir, info, err);
	/* A job that was killed leaves its file, but not its lock. */
	if (!rc && !flock(dirfd, LOCK_SH | LOCK_NB)) {
		json_decref(*info);
		*info = NULL;
		rc = err_set(err, -ESRCH, "no job is running in %s any more",
			     dir);
	}
	close(dirfd);
	return rc;
}
