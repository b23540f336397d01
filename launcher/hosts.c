/* SPDX-License-Identifier: BSD-3-Clause */
/* hosts.c - start the job again on the nodes that are left */
#include "launcher/hosts.h"

#include "launcher/errand.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ALLOCATION_MS 30000 /* how long Slurm may take to tell its nodes */

/* Options whose value is a list "a:2,b", and those whose value is a file. */
static const char *const list_options[] = { "host", "hosts",	"hostlist",
					    "w",    "nodelist", NULL };
static const char *const file_options[] = { "f",	   "hostfile",
					    "machinefile", "machine",
					    "machines",	   "machinelist",
					    NULL };
static const char *const layout_options[] = { "ppn", "N", "nodes", NULL };

static bool is_one_of(const char *word, const char *const *names)
{
	const char *name = word + strspn(word, "-");
	size_t len = strcspn(name, "=");

	for (; *names; names++)
		if (!strncmp(*names, name, len) && !(*names)[len])
			return true;
	return false;
}

/* "n1.site:2" and "n1" are the same node. */
static bool same_host(const char *entry, const char *host)
{
	size_t a = strcspn(entry, ":."), b = strcspn(host, ":.");

	return a == b && !strncasecmp(entry, host, a);
}

static void add_list(struct words *hosts, const char *list)
{
	while (*list) {
		size_t len = strcspn(list, ",");
		char *one = xprintf("%.*s", (int)len, list);

		if (len)
			words_add(hosts, one);
		free(one);
		list += len + (list[len] == ',');
	}
}

/* The first word of each line that is not a comment. */
static int add_file(struct words *hosts, const char *name, struct err *err)
{
	char *line = NULL;
	size_t size = 0;
	FILE *f = fopen(name, "re");

	if (!f)
		return err_set(err, -errno, "cannot read %s: %s", name,
			       strerror(errno));
	while (getline(&line, &size, f) > 0) {
		char *word = line + strspn(line, " \t");

		word[strcspn(word, " \t\r\n#")] = '\0';
		if (*word)
			words_add(hosts, word);
	}
	free(line);
	fclose(f);
	return 0;
}

/* "n[1-3,7]" is Slurm's to expand; "2(x3),1" says how many tasks on each. */
static void add_allocation(struct words *hosts)
{
	const char *tasks = getenv("SLURM_TASKS_PER_NODE");
	char *show[] = { "scontrol", "show", "hostnames",
			 getenv("SLURM_JOB_NODELIST"), NULL };
	static struct errand e;
	long count = 0, times = 0;
	char *save, *line;

	if (!show[3] || errand_run(&e, show, ALLOCATION_MS))
		return;
	for (line = strtok_r(e.output, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		char *entry, *end;

		if (times <= 0 && tasks && *tasks) {
			count = strtol(tasks, &end, 10);
			times = strncmp(end, "(x", 2) ?
					1 :
					strtol(end + 2, &end, 10);
			tasks = strchr(end, ',') ? strchr(end, ',') + 1 : "";
		}
		times--;
		entry = count > 0 ? xprintf("%s:%ld", line, count) :
				    xstrdup(line);
		words_add(hosts, entry);
		free(entry);
	}
}

/* The starter's options before the first program, without those that say where
 * and how many; all hosts that they name. */
static int split(const struct starter *starter, const struct words *arguments,
		 struct words *hosts, struct words *options, size_t *rest,
		 struct err *err)
{
	char **v = arguments->v;
	const char *value;
	size_t i = 0;
	int rc = 0;

	while (i < arguments->n && !rc) {
		int n = starter->option(v + i, &value);

		if (n <= 0)
			break;
		if (value && is_one_of(v[i], list_options))
			add_list(hosts, value);
		else if (value && is_one_of(v[i], file_options))
			rc = add_file(hosts, value, err);
		else
			for (int k = 0; k < n; k++)
				words_add(options, v[i + (size_t)k]);
		i += (size_t)n;
	}
	*rest = i;
	return rc;
}

static char *joined(const struct words *hosts, const struct words *bad)
{
	char *list = xstrdup("");

	for (size_t i = 0; i < hosts->n; i++) {
		bool good = true;
		char *longer;

		for (size_t k = 0; k < bad->n; k++)
			good = good && !same_host(hosts->v[i], bad->v[k]);
		if (!good)
			continue;
		longer = xprintf("%s%s%s", list, *list ? "," : "", hosts->v[i]);
		free(list);
		list = longer;
	}
	return list;
}

static void add_rest(struct words *out, const struct words *options,
		     const struct words *arguments, size_t rest)
{
	for (size_t i = 0; i < options->n; i++)
		words_add(out, options->v[i]);
	for (size_t i = rest; i < arguments->n; i++)
		words_add(out, arguments->v[i]);
}

static int hosts_find(const struct starter *starter,
		      const struct words *arguments, struct words *hosts,
		      struct words *options, size_t *rest, struct err *err)
{
	int rc = split(starter, arguments, hosts, options, rest, err);

	if (!rc && !hosts->n)
		add_allocation(hosts);
	return rc;
}

void hosts_named(const struct starter *starter, const struct words *arguments,
		 struct words *out)
{
	struct words hosts = { 0 }, options = { 0 };
	size_t rest;

	if (starter == &starter_srun)
		return;
	hosts_find(starter, arguments, &hosts, &options, &rest, NULL);
	for (size_t i = 0; i < hosts.n; i++) {
		hosts.v[i][strcspn(hosts.v[i], ":")] = '\0';
		words_add(out, hosts.v[i]);
	}
	words_fini(&hosts);
	words_fini(&options);
}

static int mpiexec_without(const struct words *arguments,
			   const struct words *bad, struct words *out,
			   struct err *err)
{
	struct words hosts = { 0 }, options = { 0 };
	char *list = NULL;
	size_t rest;
	int rc = hosts_find(&starter_mpiexec, arguments, &hosts, &options,
			    &rest, err);

	if (!rc)
		list = joined(&hosts, bad);
	if (!rc && !*list)
		rc = err_set(err, -ENODATA,
			     "no node is left to restart the job on; restart "
			     "it with other hosts");
	if (!rc) {
		words_add(out, "-hosts");
		words_add(out, list);
		add_rest(out, &options, arguments, rest);
	}
	free(list);
	words_fini(&hosts);
	words_fini(&options);
	return rc;
}

static int srun_without(const struct words *arguments, const struct words *bad,
			struct words *out)
{
	char *list = joined(bad, &(struct words){ 0 });

	words_add(out, "--exclude");
	words_add(out, list);
	for (size_t i = 0; i < arguments->n; i++)
		words_add(out, arguments->v[i]);
	free(list);
	return 0;
}

int hosts_without(const struct starter *starter, const struct words *arguments,
		  const struct words *bad, struct words *out, struct err *err)
{
	memset(out, 0, sizeof(*out));
	if (starter == &starter_srun)
		return srun_without(arguments, bad, out);
	return mpiexec_without(arguments, bad, out, err);
}

/* --- does it answer? --- */

static void probe_words(const struct starter *starter,
			const struct words *arguments, const char *host,
			struct words *out)
{
	struct words hosts = { 0 }, options = { 0 };
	const char *value;
	size_t rest;

	/* A file of hosts that is gone by now does not matter here. */
	if (split(starter, arguments, &hosts, &options, &rest, NULL))
		rest = 0;
	for (size_t i = 0; i < options.n;) {
		int n = starter->option(options.v + i, &value);

		if (n <= 0)
			break;
		if (!is_one_of(options.v[i], starter->count_options) &&
		    !is_one_of(options.v[i], layout_options))
			for (int k = 0; k < n; k++)
				words_add(out, options.v[i + (size_t)k]);
		i += (size_t)n;
	}
	if (starter == &starter_srun) {
		words_add(out, "--overlap");
		words_add(out, "-N1");
		words_add(out, "-w");
	} else {
		words_add(out, "-hosts");
	}
	words_add(out, host);
	words_add(out, "-n");
	words_add(out, "1");
	words_add(out, "true");
	words_fini(&hosts);
	words_fini(&options);
}

bool hosts_answers(const char *starter_path, const struct starter *starter,
		   const struct words *arguments, const char *host)
{
	struct words words = { 0 };
	static struct errand e;
	int status;

	words_add(&words, starter_path);
	probe_words(starter, arguments, host, &words);
	status = errand_run(&e, words.v, HOSTS_PROBE_MS);
	words_fini(&words);
	return !status;
}
