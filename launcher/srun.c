/* SPDX-License-Identifier: BSD-3-Clause */
/* srun.c - the options of Slurm's srun */
#include "launcher/starter.h"

#include <stdlib.h>
#include <string.h>

/* Short options whose value follows, in the same word or the next one. */
static const char short_values[] = "ABCDEFGJLMNPRSTUVWabcdegimnopqrtwxy";
/* Those that take none.  -K, -I and -k take theirs in the same word only. */
static const char short_flags[] = "HIKOQXZhklsuv";

/* Long options without a value, or with one after "=" only; every other takes
 * its value after "=" or in the next word. */
static const char *const long_flags[] = {
	"contiguous",
	"disable-status",
	"exact",
	"exclusive",
	"get-user-env",
	"help",
	"hold",
	"immediate",
	"interactive",
	"kill-on-bad-exit",
	"label",
	"multi-prog",
	"no-allocate",
	"no-kill",
	"nohold",
	"overcommit",
	"overlap",
	"oversubscribe",
	"preserve-env",
	"propagate",
	"pty",
	"quiet",
	"quit-on-interrupt",
	"reboot",
	"resv-ports",
	"send-libs",
	"spread-job",
	"test-only",
	"threads",
	"unbuffered",
	"usage",
	"use-min-nodes",
	"verbose",
	"version",
	"whole",
	"wait-all-nodes",
};

static int long_option(char *const *argv, const char **value)
{
	const char *name = argv[0] + 2;
	const char *equals = strchr(name, '=');

	if (equals) {
		*value = equals + 1;
		return 1;
	}
	for (size_t i = 0; i < sizeof(long_flags) / sizeof(*long_flags); i++)
		if (!strcmp(long_flags[i], name))
			return 1;
	*value = argv[1];
	return argv[1] ? 2 : -1;
}

static int srun_option(char *const *argv, const char **value)
{
	const char *p = argv[0];

	*value = NULL;
	if (p[0] != '-' || !p[1])
		return 0;
	if (p[1] == '-')
		return p[2] ? long_option(argv, value) : -1;
	for (p++; *p; p++) {
		if (strchr(short_values, *p)) {
			*value = p[1] ? p + 1 : argv[1];
			return p[1] ? 1 : argv[1] ? 2 : -1;
		}
		if (!strchr(short_flags, *p))
			return -1;
		if (strchr("IKk", *p) && p[1])
			return 1;
	}
	return 1;
}

static const char *const counts[] = { "n", "ntasks", NULL };
static const char *const nodes[] = { "N", "nodes", "w", "nodelist", NULL };

void srun_complete(struct command *c, const char *program)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct section *s = &c->sections[i];
		const char *path = s->program < s->end ?
					   c->words.v[s->program] :
					   program;
		const char *slash = path ? strrchr(path, '/') : NULL;
		char *word;

		if (!path)
			continue;
		word = xprintf("--job-name=%s", slash ? slash + 1 : path);
		command_prefix(c, i, word);
		free(word);
	}
	command_prefix(c, 0, "--mpi=pmi2");
}

const struct starter starter_srun = {
	.name = "srun",
	.option = srun_option,
	.count_options = counts,
	.several_nodes = nodes,
};
