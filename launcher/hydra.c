/* SPDX-License-Identifier: BSD-3-Clause */
/* hydra.c - the options of MPICH's mpiexec */
#include "launcher/starter.h"

#include <string.h>

/*
 * Hydra takes an option with any number of dashes, and "-name=value" for "-name
 * value".  What matters here is only how many words follow each.
 */
static const struct {
	const char *name;
	int values;
} options[] = {
	{ "genv", 2 },
	{ "genvlist", 1 },
	{ "genvnone", 0 },
	{ "genvall", 0 },
	{ "env", 2 },
	{ "envlist", 1 },
	{ "envnone", 0 },
	{ "envall", 0 },
	{ "n", 1 },
	{ "np", 1 },
	{ "f", 1 },
	{ "hostfile", 1 },
	{ "machinefile", 1 },
	{ "machine", 1 },
	{ "machines", 1 },
	{ "machinelist", 1 },
	{ "host", 1 },
	{ "hosts", 1 },
	{ "hostlist", 1 },
	{ "ppn", 1 },
	{ "N", 1 },
	{ "profile", 0 },
	{ "output-from", 1 },
	{ "prepend-rank", 0 },
	{ "l", 0 },
	{ "prepend-pattern", 1 },
	{ "outfile-pattern", 1 },
	{ "errfile-pattern", 1 },
	{ "outfile", 1 },
	{ "errfile", 1 },
	{ "wdir", 1 },
	{ "configfile", 1 },
	{ "launcher", 1 },
	{ "launcher-exec", 1 },
	{ "bootstrap", 1 },
	{ "bootstrap-exec", 1 },
	{ "enable-x", 0 },
	{ "disable-x", 0 },
	{ "rmk", 1 },
	{ "binding", 1 },
	{ "bind-to", 1 },
	{ "map-by", 1 },
	{ "membind", 1 },
	{ "topolib", 1 },
	{ "demux", 1 },
	{ "verbose", 0 },
	{ "v", 0 },
	{ "debug", 0 },
	{ "info", 0 },
	{ "version", 0 },
	{ "print-all-exitcodes", 0 },
	{ "iface", 1 },
	{ "nameserver", 1 },
	{ "disable-auto-cleanup", 0 },
	{ "enable-auto-cleanup", 0 },
	{ "dac", 0 },
	{ "disable-hostname-propagation", 0 },
	{ "enable-hostname-propagation", 0 },
	{ "order-nodes", 1 },
	{ "localhost", 1 },
	{ "usize", 1 },
	{ "pmi-port", 0 },
	{ "skip-launch-node", 0 },
	{ "gpus-per-proc", 1 },
	{ "g", 1 },
};

static int hydra_option(char *const *argv, const char **value)
{
	const char *name = argv[0];
	const char *equals;
	size_t len;

	*value = NULL;
	if (name[0] != '-')
		return 0;
	name += strspn(name, "-");
	equals = strchr(name, '=');
	len = equals ? (size_t)(equals - name) : strlen(name);
	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++) {
		int words = 1, values = options[i].values;

		if (strncmp(options[i].name, name, len) || options[i].name[len])
			continue;
		if (!values)
			return 1;
		/* The first value: after "=", or in the next word. */
		*value = equals ? equals + 1 : argv[words++];
		if (!*value)
			return -1;
		/* "-env NAME=value" is one value, "-env NAME value" two. */
		if (values == 2 && !strchr(*value, '=') && !argv[words++])
			return -1;
		return words;
	}
	return -1;
}

static const char *const counts[] = { "n", "np", NULL };
static const char *const nodes[] = { "f",	 "hostfile",  "machinefile",
				     "machine",	 "machines",  "machinelist",
				     "host",	 "hosts",     "hostlist",
				     "launcher", "bootstrap", NULL };

const struct starter starter_mpiexec = {
	.name = "mpiexec",
	.option = hydra_option,
	.count_options = counts,
	.several_nodes = nodes,
};
