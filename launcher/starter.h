/* SPDX-License-Identifier: BSD-3-Clause */
/* starter.h - mpiexec's and srun's own arguments: where programs begin */
#ifndef CAIRN_LAUNCHER_STARTER_H
#define CAIRN_LAUNCHER_STARTER_H

#include <stdbool.h>
#include <stddef.h>

#include "launcher/words.h"
#include "runtime/base/err.h"

/*
 * A command line of a starter is sections separated by ":", each with options
 * and then a program with its arguments.  Cairn changes as little of it as it
 * can: it puts its own words before each program, and sees to it that its own
 * environment variables pass.
 */
struct starter {
	const char *name; /* "mpiexec" */
	/* how many words the option at argv[0] takes, itself included;
	 * 0: argv[0] is no option; -1: an option that we do not know */
	int (*option)(char *const *argv, const char **value);
	const char *const *count_options; /* those that say how many ranks */
	const char *const *several_nodes; /* those that name other hosts */
};

extern const struct starter starter_mpiexec, starter_srun;

struct section {
	size_t first;	/* index of its first word */
	size_t program; /* index of its program; == end: it has none */
	size_t end;	/* index of the ":" or of the end */
	long ranks;	/* 0: not said */
	long groups;	/* so many times: components of a Slurm job */
};

struct command {
	const struct starter *starter;
	struct words words; /* the starter's arguments, programs included */
	struct section *sections;
	size_t n;
	bool unknown;	    /* the starter will refuse this: pass it as it is */
	bool informational; /* -info, -version: nothing will be started */
	bool several_nodes;
};

/*
 * command_parse - find sections, programs and counts
 *
 * words is taken over.  A -configfile of mpiexec is read and put in its place.
 */
int command_parse(struct command *c, const struct starter *starter,
		  struct words *words, struct err *err) must_check;
/* command_ranks - how many ranks all sections start together; 0: not said by
 * the arguments (mpiexec or the batch system decides). */
long command_ranks(const struct command *c);
/* command_value - of an option before the first program; NULL: not given. */
const char *command_value(const struct command *c, const char *name);
bool command_has_program(const struct command *c);
/* command_prefix - a word before all others of a section: options that the
 * user gives come later, and count. */
void command_prefix(struct command *c, size_t section, const char *word);
/*
 * command_wrap - put `before` (NULL-terminated) in front of each program
 *
 * With restart the programs and their arguments are replaced by `before`; a
 * command without any section gets one, with ranks as its count.
 */
void command_wrap(struct command *c, const char *const *before, bool restart,
		  long ranks);
/* command_pass_environment - variables that must reach the ranks though the
 * user restricts the environment (-genvnone, -envlist, --export ...). */
void command_pass_environment(struct command *c, const char *const *names);
void command_fini(struct command *c);

/*
 * srun_complete - what srun must be told besides, before command_wrap: PMI2,
 * and the name that a step of this program has without cairn-rank, so that
 * `squeue -s` shows it
 *
 * program is that of a section without one (a restart), or NULL.  What the
 * user says of both counts.
 */
void srun_complete(struct command *c, const char *program);

#endif
